"""Signatures of bundles: Ed25519 (RFC 8032) over a bundle's digest, and through it over the whole bundle."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from models.manifest import BundleError

_PURPOSE: Final = b"touchline bundle "
"""Stands before the digest, so that a signature of anything else is none of a bundle."""

_PEM: Final = re.compile(rb"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", re.DOTALL)
_ID_DIGITS: Final = 16
_MAKE: Final = "openssl genpkey -algorithm ed25519 makes one"


@dataclass(frozen=True, slots=True)
class Signers:
    """Whose signature is asked for: that of one of them.

    Attributes:
        file: Where their keys stand.
        keys: By the name of each.
    """

    file: Path
    keys: Mapping[str, Ed25519PublicKey]


def key_name(key: Ed25519PublicKey) -> str:
    """Return under what name the signatures of *key* are kept: the beginning of its SHA-256."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:_ID_DIGITS]


def read_signers(file: Path) -> Signers:
    """Return the public keys in the PEM file *file*.

    Raises:
        BundleError: It cannot be read, or holds no key, or one of another kind.
    """
    found = {}
    for block in _PEM.findall(_content(file)):
        try:
            key = load_pem_public_key(block)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise BundleError(f"{file}: a public key is damaged") from error
        if not isinstance(key, Ed25519PublicKey):
            raise BundleError(f"{file}: a public key is not of Ed25519")
        found[key_name(key)] = key
    if not found:
        raise BundleError(f"{file} holds no public key (PEM); openssl pkey -in KEY -pubout writes it")
    return Signers(file, found)


def read_signing_key(file: Path) -> Ed25519PrivateKey:
    """Return the private key in the PEM file *file*; nothing of it stands in an error.

    Raises:
        BundleError: It cannot be read, or is no private key of Ed25519 without a password.
    """
    content = _content(file)
    try:
        key = load_pem_private_key(content, None)
    except TypeError as error:
        raise BundleError(f"{file}: the key has a password; openssl pkey -in KEY -out PLAIN takes it off") from error
    except (ValueError, UnsupportedAlgorithm):
        raise BundleError(f"{file} is no private key (PEM); {_MAKE}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise BundleError(f"{file}: the key is not of Ed25519; {_MAKE}")
    return key


def signature_of(digest: str, key: Ed25519PrivateKey) -> bytes:
    """Return the signature, in hexadecimal, of the bundle of *digest*."""
    return key.sign(_PURPOSE + digest.encode()).hex().encode()


def is_signed(digest: str, signature: bytes, key: Ed25519PublicKey) -> bool:
    """Return whether *signature* is that of the bundle of *digest* by the owner of *key*."""
    try:
        key.verify(bytes.fromhex(signature.decode("ascii")), _PURPOSE + digest.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise BundleError(f"{file} cannot be read: {error.strerror}") from error
