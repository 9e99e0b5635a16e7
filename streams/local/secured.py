"""A cluster with passwords, encryption and access rules, for tests of clients that must cope with them."""

import os
import secrets
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from streams.local.errors import ClusterError
from streams.local.ports import LOOPBACK

ADMIN = "admin"
MECHANISM = "SCRAM-SHA-512"
VALID_DAYS = "365"
STORE_PASSWORD_VARIABLE = "TOUCHLINE_STORE_PASSWORD"  # noqa: S105 - the name of a variable


@dataclass(frozen=True, slots=True)
class Secured:
    """What brokers and clients of a SASL_SSL cluster need.

    Attributes:
        folder: Holds the key stores and ``ca.pem``.
        store_password: Of the key stores.
        passwords: By user; ``admin`` may do everything, others what access rules allow.
    """

    folder: Path
    store_password: str
    passwords: Mapping[str, str]

    def broker_properties(self) -> dict[str, str]:
        """Return the server properties of listeners, users and access rules."""
        admin = f'username="{ADMIN}" password="{self.passwords[ADMIN]}"'
        module = "org.apache.kafka.common.security"
        return {
            "sasl.enabled.mechanisms": MECHANISM,
            "sasl.mechanism.inter.broker.protocol": MECHANISM,
            "sasl.mechanism.controller.protocol": "PLAIN",
            "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": (
                f"{module}.scram.ScramLoginModule required {admin};"
            ),
            # Controllers cannot use SCRAM: its passwords are in the metadata that they have yet to agree on.
            "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
            "listener.name.controller.plain.sasl.jaas.config": (
                f'{module}.plain.PlainLoginModule required {admin} user_{ADMIN}="{self.passwords[ADMIN]}";'
            ),
            "ssl.keystore.location": str(self.folder / "server.p12"),
            "ssl.keystore.password": self.store_password,
            "ssl.keystore.type": "PKCS12",
            "ssl.truststore.location": str(self.folder / "trust.p12"),
            "ssl.truststore.password": self.store_password,
            "ssl.truststore.type": "PKCS12",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": f"User:{ADMIN}",
            "allow.everyone.if.no.acl.found": "false",
        }

    def format_arguments(self) -> list[str]:
        """Return what makes the storage tool write the users into the first metadata."""
        users = (f"{MECHANISM}=[name={user},password={password}]" for user, password in self.passwords.items())
        return [argument for user in users for argument in ("--add-scram", user)]

    def client_config(self, user: str) -> dict[str, str]:
        """Return librdkafka's settings for *user*."""
        return {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": MECHANISM,
            "sasl.username": user,
            "sasl.password": self.passwords[user],
            "ssl.ca.location": str(self.folder / "ca.pem"),
        }


def make_secured(keytool: Path, folder: Path, users: Iterable[str]) -> Secured:
    """Make an authority, a server certificate for loopback signed by it, and a password for each user.

    Raises:
        ClusterError: keytool failed.
    """
    folder.mkdir(parents=True, mode=0o700)
    passwords = {user: secrets.token_hex(16) for user in (ADMIN, *users)}
    secured = Secured(folder, secrets.token_hex(16), passwords)
    run = _Keytool(keytool, folder, secured.store_password)
    pair = ("-genkeypair", "-keyalg", "EC", "-groupname", "secp256r1", "-validity", VALID_DAYS)
    run("ca.p12", *pair, "-alias", "ca", "-dname", "CN=touchline test authority", "-ext", "bc:c=ca:true")
    run("ca.p12", "-exportcert", "-rfc", "-alias", "ca", "-file", "ca.pem")
    run("server.p12", *pair, "-alias", "server", "-dname", f"CN={LOOPBACK}")
    run("server.p12", "-certreq", "-alias", "server", "-file", "server.csr")
    alternative = f"san=ip:{LOOPBACK},dns:localhost"
    signing = ("-gencert", "-rfc", "-alias", "ca", "-infile", "server.csr", "-outfile", "server.pem")
    run("ca.p12", *signing, "-ext", alternative, "-validity", VALID_DAYS)
    for store in ("server.p12", "trust.p12"):
        run(store, "-importcert", "-noprompt", "-alias", "ca", "-file", "ca.pem")
    run("server.p12", "-importcert", "-alias", "server", "-file", "server.pem")
    return secured


@dataclass(frozen=True, slots=True)
class _Keytool:
    """The JRE's own tool for keys, at work in *folder*."""

    path: Path
    folder: Path
    password: str

    def __call__(self, store: str, *arguments: str) -> None:
        stored = ("-keystore", store, "-storetype", "PKCS12", "-storepass:env", STORE_PASSWORD_VARIABLE)
        done = subprocess.run(
            [str(self.path), *arguments, *stored],
            cwd=self.folder,
            env={**os.environ, STORE_PASSWORD_VARIABLE: self.password},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ClusterError(f"keytool {arguments[0]} failed in {self.folder}: {done.stdout.strip()}")
