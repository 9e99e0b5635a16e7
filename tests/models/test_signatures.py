"""A signature is that of one bundle by the owner of one key, and no error shows a key."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from models.manifest import BundleError
from models.signatures import is_signed, key_name, read_signers, read_signing_key, signature_of

DIGEST = "ab" * 32


@pytest.fixture
def key():
    return Ed25519PrivateKey.generate()


def private(key, protection=None):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection or NoEncryption())


def public(key):
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def test_what_is_signed_is_the_digest_for_this_purpose(key):
    signature = bytes.fromhex(signature_of(DIGEST, key).decode())

    key.public_key().verify(signature, b"touchline bundle " + DIGEST.encode())  # raises when it is not


@pytest.mark.parametrize("signature", [b"", b"zz", b"\xff", b"00" * 64])
def test_what_is_no_signature_of_it_does_not_count(key, signature):
    assert is_signed(DIGEST, signature_of(DIGEST, key), key.public_key())
    assert not is_signed(DIGEST, signature, key.public_key())
    assert not is_signed("cd" * 32, signature_of(DIGEST, key), key.public_key())
    assert not is_signed(DIGEST, signature_of(DIGEST, Ed25519PrivateKey.generate()), key.public_key())


def test_keys_are_read_as_they_were_written(key, tmp_path):
    other = Ed25519PrivateKey.generate()
    (tmp_path / "key.pem").write_bytes(private(key))
    (tmp_path / "public.pem").write_bytes(b"# ours\n" + public(key) + b"\n" + public(other))

    signers = read_signers(tmp_path / "public.pem")

    assert signature_of(DIGEST, key) == signature_of(DIGEST, read_signing_key(tmp_path / "key.pem"))
    assert {key_name(key.public_key()), key_name(other.public_key())} == signers.keys.keys()


def test_what_is_no_signing_key_is_refused_without_a_word_of_it(key, tmp_path):
    for content, sentence in (
        (b"-----BEGIN PRIVATE KEY-----\ntopsecret\n-----END PRIVATE KEY-----\n", "is no private key (PEM)"),
        (b"topsecret", "is no private key (PEM)"),
        (public(key), "is no private key (PEM)"),
        (private(key, BestAvailableEncryption(b"topsecret")), "the key has a password"),
        (private(ec.generate_private_key(ec.SECP256R1())), "the key is not of Ed25519"),
    ):
        (tmp_path / "key.pem").write_bytes(content)
        with pytest.raises(BundleError) as caught:
            read_signing_key(tmp_path / "key.pem")

        assert sentence in str(caught.value)
        assert "topsecret" not in str(caught.value)
        assert all(line not in str(caught.value) for line in content.decode().splitlines()[1:-1])


def test_what_holds_no_public_key_is_refused(key, tmp_path):
    for content, sentence in (
        (b"", "holds no public key (PEM)"),
        (private(key), "holds no public key (PEM)"),
        (public(key).replace(b"M", b"?"), "a public key is damaged"),
        (public(ec.generate_private_key(ec.SECP256R1())), "a public key is not of Ed25519"),
    ):
        (tmp_path / "public.pem").write_bytes(content)
        with pytest.raises(BundleError, match="public") as caught:
            read_signers(tmp_path / "public.pem")
        assert sentence in str(caught.value)

    with pytest.raises(BundleError, match="nothing cannot be read: No such file or directory"):
        read_signers(tmp_path / "nothing")
