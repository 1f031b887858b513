"""What may be uploaded and for what, whether it is what was announced, and how a browser may show it."""

import hashlib
import unicodedata
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote

from classroom.file_kinds import KINDS, Family, Kind, guess
from classroom.refusals import Refusal
from classroom.times import Moment, rfc3339

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


@dataclass(frozen=True)
class Purpose:
    """What files are uploaded for: how large one may be, how much of it one person may store, and of which families."""

    name: str
    most_bytes: int
    most_stored: int | None
    families: tuple[Family, ...] | None = None


@dataclass(frozen=True)
class TypeNotAllowed(Refusal):
    """Files of this type are not taken for this purpose."""

    code: ClassVar[str] = "type_not_allowed"
    content_type: str
    allowed: tuple[str, ...]

    def message(self) -> str:
        return f"Files of the type {self.content_type} cannot be uploaded here."

    def details(self) -> dict[str, Any]:
        return {"contentType": self.content_type, "allowed": list(self.allowed)}


@dataclass(frozen=True)
class FileTooLarge(Refusal):
    """The file is larger than files for this purpose may be."""

    code: ClassVar[str] = "file_too_large"
    size: int
    limit: int

    def message(self) -> str:
        return f"The file has {self.size} bytes; the limit is {self.limit}."

    def details(self) -> dict[str, Any]:
        return {"sizeBytes": self.size, "limitBytes": self.limit}


@dataclass(frozen=True)
class UploadMismatch(Refusal):
    """What arrived is not what was announced. `what` is `size`, `type` or `sha256`."""

    code: ClassVar[str] = "upload_mismatch"
    what: str
    announced: str | int
    found: str | int

    def message(self) -> str:
        return _MISMATCHES[self.what]

    def details(self) -> dict[str, Any]:
        return {"what": self.what, "announced": self.announced, "found": self.found}


_MISMATCHES = {
    "size": "The file does not have the size that was announced.",
    "type": "The file is not of the type that was announced.",
    "sha256": "The file does not have the SHA-256 that was announced.",
}


@dataclass(frozen=True)
class Announced:
    """What was said about a file before it came. `sha256` is in hexadecimal, or None."""

    content_type: str
    size: int
    sha256: str | None


@dataclass(frozen=True)
class Arrived:
    """What came: its size, its first `HEAD_BYTES` bytes, and its SHA-256 as far as somebody has computed it."""

    size: int
    head: bytes
    sha256: str | None


PURPOSES: dict[str, Purpose] = {
    purpose.name: purpose
    for purpose in (
        Purpose("lesson", 5 * GIB, None),
        Purpose("submission", 100 * MIB, 2 * GIB),
        Purpose("thumbnail", 10 * MIB, None, ("picture",)),
        Purpose("avatar", 5 * MIB, 100 * MIB, ("picture",)),
    )
}
"""What files are uploaded for. Five gibibytes is what S3 takes in one request."""
RENDITION_HEIGHTS = (360, 720)


def admit(purpose: Purpose, content_type: str, size: int) -> Kind | Refusal:
    """The kind of a file that is announced, if such a file may be uploaded for this purpose."""
    allowed = {name: kind for name, kind in KINDS.items() if purpose.families is None or kind.family in purpose.families}
    kind = allowed.get(content_type)
    if kind is None:
        return TypeNotAllowed(content_type, tuple(allowed))
    return kind if size <= purpose.most_bytes else FileTooLarge(size, purpose.most_bytes)


def find_mismatch(announced: Announced, arrived: Arrived) -> UploadMismatch | None:
    """In what a file is not what was announced; None when it is. A SHA-256 that one side does not name says nothing."""
    if arrived.size != announced.size:
        return UploadMismatch("size", announced.size, arrived.size)
    kind = KINDS.get(announced.content_type)
    if kind is None or not kind.begins(arrived.head):
        return UploadMismatch("type", announced.content_type, guess(arrived.head))
    if announced.sha256 is not None and arrived.sha256 is not None and announced.sha256 != arrived.sha256:
        return UploadMismatch("sha256", announced.sha256, arrived.sha256)
    return None


def disposition(kind: Kind, filename: str) -> str:
    """`Content-Disposition` with the file's name as RFC 6266 has it: once for old readers, once in UTF-8.

    Signs that are not seen are left out (they can turn `gpj.exe` round), and so are those that mean a folder.
    """
    seen = "".join(sign for sign in filename if unicodedata.category(sign)[0] != "C").replace("\\", "/").rpartition("/")[2]
    name = seen.strip(". ")[:150] or "file"
    plain = "".join(sign if " " <= sign <= "~" and sign not in '"%\\' else "_" for sign in name)
    how = "inline" if kind.is_shown else "attachment"
    return f"{how}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def email_hash(email: str) -> str:
    """Twelve signs by which a leaked recording is traced to an account without showing the address."""
    return hashlib.sha256(email.strip().lower().encode()).hexdigest()[:12]


def watermark_text(name: str, email: str, now: Moment) -> str:
    """What a player moves over the picture: who watches, and when, to the minute."""
    return f"{name} · {email_hash(email)} · {rfc3339(now)[:16].replace('T', ' ')} UTC"


def rendition_heights(source_height: int) -> tuple[int, ...]:
    """How high the renditions of a video are: none above the source, and at least one."""
    return tuple(height for height in RENDITION_HEIGHTS if height <= source_height) or (max(2, source_height // 2 * 2),)
