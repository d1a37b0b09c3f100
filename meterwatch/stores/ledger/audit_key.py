"""The key that seals the audit, in a file outside the ledger, and beside it the newest digest as it is remembered."""

import fcntl
import hmac
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from meterwatch.core.errors import Refusal
from meterwatch.core.model.audit import Digest, Head
from meterwatch.core.model.phrase import Phrase
from meterwatch.stores.sqlite_files import make_folder

_BYTES = 32
_LEAST_BYTES = 16
_MODE = 0o600
_NAME = b"meterwatch audit key"

_GONE = Phrase(
    "the key of the audit, {path}, is gone: bring it back from a backup; with a new one nothing sealed could be verified",
    "审计密钥 {path} 丢失：请从备份恢复；换用新密钥将无法核对已封存的内容",
)
_UNUSABLE = Phrase(
    "the key of the audit, {path}, can't be used ({why}): use the account the service runs under, or mend audit.key_file",
    "审计密钥 {path} 无法使用（{why}）：请使用服务所用账号，或更正设置 audit.key_file",
)


class AuditKey:
    """A key file, and ``FILE.head`` beside it that remembers the newest digest; both for this account only."""

    def __init__(self, path: Path) -> None:
        """``path`` need not be there yet."""
        self._path = path
        self._head = path.with_name(f"{path.name}.head")

    def load(self, *, make: bool) -> "Sealer":
        """Return what seals with the key; with ``make``, which takes being ``alone``, a key is made where there is none.

        Raises Refusal if there is none, or it can't be read or written, or is too short.
        """
        try:
            if make and not self._path.exists():
                self._draft(self._path, secrets.token_bytes(_BYTES)).replace(self._path)
            key = self._path.read_bytes()
        except FileNotFoundError as problem:
            raise Refusal(_GONE, path=self._path) from problem
        except OSError as problem:
            raise Refusal(_UNUSABLE, path=self._path, why=problem.strerror) from problem
        if len(key) < _LEAST_BYTES:
            raise Refusal(_UNUSABLE, path=self._path, why=f"{len(key)} < {_LEAST_BYTES} bytes")
        return Sealer(key)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes from sealing with this key: what is remembered must not fall behind.

        Raises Unavailable or Refusal if the key's folder can't be made or opened.
        """
        make_folder(self._path.parent)
        try:
            folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as problem:
            raise Refusal(_UNUSABLE, path=self._path, why=problem.strerror) from problem
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)

    def head(self) -> Head:
        """Return what is remembered."""
        try:
            number, digest = self._head.read_text(encoding="ascii").split()
            return Head(int(number), digest)
        except FileNotFoundError:
            return Head(0)
        except (OSError, ValueError):
            return Head(-1)

    def remember(self, newest: Digest) -> None:
        """Remember the newest digest; call it only when that is committed. Raises Refusal if it can't be written."""
        try:
            self._draft(self._head, f"{newest.number} {newest.digest}\n".encode("ascii")).replace(self._head)
        except OSError as problem:
            raise Refusal(_UNUSABLE, path=self._head, why=problem.strerror) from problem

    def _draft(self, path: Path, content: bytes) -> Path:
        """Return a new file beside ``path`` that holds ``content``, on disk, for this account only."""
        draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return draft


class Sealer:
    """HMAC-SHA256 with one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @property
    def name(self) -> str:
        """The key's name, which says nothing about the key."""
        return hmac.digest(self._key, _NAME, "sha256").hex()[:16]

    def seal(self, lines: Iterable[bytes]) -> str:
        """Return the digest over ``lines``, in hexadecimal."""
        mac = hmac.new(self._key, digestmod=sha256)
        for line in lines:
            mac.update(line)
            mac.update(b"\n")
        return mac.hexdigest()
