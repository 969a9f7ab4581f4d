"""Receipts: a signed statement of what an erasure did, which a third party can check.

Entries appear as SHA-256 of (salt, id, embedding): whoever holds an embedding can find it in the receipt, and nobody
can guess one from it. Signed with Ed25519 over canonical JSON. A signature proves that the receipt is unchanged and
who signed it, if the reader knows the public key from elsewhere; it cannot prove that the signer told the truth.

The key is made on first use at the path in ``PROCMEM_KEY``, or in the user's configuration folder, readable by the
user alone.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from procmem.errors import UserError
from procmem.files import canonical_json, config_root, make_folder

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

FORMAT = 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Receipt:
    """What an erasure did and found.

    Attributes:
        time_utc: when the scan ended, ISO 8601.
        card_fingerprint: the encoder whose embeddings the memory holds.
        salt: 32 hex digits, drawn for this receipt.
        erased: salted hash of each erased entry, see `hash_entry`.
        found_before: how many of them the scan found in the files before (the positive control: all of them).
        twins: by hash, ids of remaining entries with the very same bytes, which therefore still occur.
        files_scanned: name, size in bytes and SHA-256 of every file of the store after the erasure (the store's copy
            of this receipt comes later).
        versions_dropped: numbers of the earlier versions, all gone.
        version: the version that remains.
        artefacts_deleted: registered files derived from entries, deleted.
        public_key: 64 hex digits, Ed25519.
        signature: 128 hex digits over all other fields; "" before signing.
        format: version of this record.
    """

    time_utc: str
    card_fingerprint: str
    salt: str
    erased: tuple[str, ...]
    found_before: int
    twins: dict[str, list[int]]
    files_scanned: tuple[dict[str, Any], ...]
    versions_dropped: tuple[int, ...]
    version: int
    artefacts_deleted: tuple[str, ...]
    public_key: str = ""
    signature: str = ""
    format: int = FORMAT

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        value = dataclasses.asdict(self)
        return {name: list(item) if isinstance(item, tuple) else item for name, item in value.items()}

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> Receipt:
        """Inverse of `to_dict`.

        Raises:
            UserError: if a field is missing or unknown.
        """
        fields: dict[str, Any] = {name: tuple(item) if isinstance(item, list) else item for name, item in value.items()}
        try:
            return cls(**fields)
        except TypeError as error:
            raise UserError(f"not an erasure receipt: {error}") from error

    def signed_bytes(self) -> bytes:
        """What the signature is over."""
        return canonical_json(self.to_dict() | {"signature": ""}).encode()


def hash_entry(salt: str, entry_id: int, embedding: bytes) -> str:
    """SHA-256 of an entry: salt (bytes), id (8 bytes, little-endian), embedding as stored (float32 or float16)."""
    return hashlib.sha256(bytes.fromhex(salt) + entry_id.to_bytes(8, "little") + embedding).hexdigest()


def sign_receipt(receipt: Receipt, key: Ed25519PrivateKey) -> Receipt:
    """The same receipt with the public key and the signature filled in."""
    receipt = dataclasses.replace(receipt, public_key=key.public_key().public_bytes_raw().hex())
    return dataclasses.replace(receipt, signature=key.sign(receipt.signed_bytes()).hex())


def verify_receipt(receipt: Receipt, public_key: str | None = None) -> None:
    """Check that a receipt is unchanged since it was signed.

    Args:
        receipt: as received.
        public_key: the signer's key known from elsewhere (64 hex digits); without it the key inside the receipt is
            used, which proves only that the receipt is of one piece.

    Raises:
        UserError: if the signature does not fit, or the receipt was signed with another key.
    """
    check_signature("receipt", receipt.public_key, receipt.signature, receipt.signed_bytes(), public_key)


def check_signature(what: str, signer: str, signature: str, content: bytes, public_key: str | None = None) -> None:
    """Check an Ed25519 signature.

    Args:
        what: the signed thing, for messages.
        signer: the public key inside it, hex digits.
        signature: hex digits.
        content: the signed bytes.
        public_key: the signer's key known from elsewhere, or None.

    Raises:
        UserError: if the signature does not fit, or another key signed.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if public_key is not None and public_key != signer:
        raise UserError(f"the {what} is signed with key {signer}, not with {public_key}")
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signer))
        key.verify(bytes.fromhex(signature), content)
    except (InvalidSignature, ValueError, TypeError) as error:
        raise UserError(f"the {what} was changed after it was signed, or is not signed at all") from error


def signing_key_path() -> Path:
    """``PROCMEM_KEY``, or a file in the user's configuration folder."""
    return Path(os.environ.get("PROCMEM_KEY") or config_root() / "signing_key.pem")


def signing_key() -> Ed25519PrivateKey:
    """The user's key, made on first use.

    Raises:
        UserError: if it cannot be read or made, is no Ed25519 key, or can be read by others.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    path = signing_key_path()
    try:
        if not path.exists():
            _write_new_key(path)
        pem, mode = path.read_bytes(), path.stat().st_mode
    except OSError as error:
        raise UserError(f"cannot use signing key {str(path)!r}: {error.strerror or error}") from error
    if mode & 0o077:
        raise UserError(f"signing key {str(path)!r} can be read by others; run: chmod 600 {path}")
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _not_a_key(path) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _not_a_key(path)
    return key


def _not_a_key(path: Path) -> UserError:
    return UserError(f"{str(path)!r} is not an Ed25519 private key without password (PEM)")


def _write_new_key(path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    make_folder(path.parent)
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    # Exclusive and private from the first byte on; a second process that loses the race fails instead of overwriting.
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(pem)
