"""What kinds of files there are, and how each begins: files are told by their first bytes and never by their names."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Family = Literal["video", "audio", "picture", "pdf", "download"]
HEAD_BYTES = 4_096
"""How many of a file's first bytes tell what it is."""
_SHOWN: tuple[Family, ...] = ("video", "audio", "picture", "pdf")


@dataclass(frozen=True)
class Kind:
    """A type that files may have. `begins` says whether these first bytes can be the beginning of such a file."""

    content_type: str
    family: Family
    begins: Callable[[bytes], bool]

    @property
    def is_shown(self) -> bool:
        """Whether a browser may open it on our pages; everything else is only downloaded."""
        return self.family in _SHOWN


def _starts(*signatures: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(signatures)


def _riff(form: bytes) -> Callable[[bytes], bool]:
    return lambda head: head[:4] == b"RIFF" and head[8:12] == form


def _brands(head: bytes) -> tuple[bytes, ...]:
    """The brands of an ISO base media file (ISO/IEC 14496-12, `ftyp`): the major one and those it is compatible with."""
    if head[4:8] != b"ftyp":
        return ()
    end = min(int.from_bytes(head[:4], "big"), 256, len(head))
    return (head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4)))


def _iso_media(head: bytes) -> bool:
    brands = _brands(head)
    return bool(brands) and not {b"avif", b"avis", b"heic", b"heix", b"mif1"} & set(brands) and brands[0] != b"qt  "


def _quicktime(head: bytes) -> bool:
    old = head[4:8] == b"mdat" or (head[:1] == b"\x00" and head[4:8] in (b"moov", b"wide", b"free", b"skip"))
    return b"qt  " in _brands(head) or old


def _avif(head: bytes) -> bool:
    return bool({b"avif", b"avis"} & set(_brands(head)))


def _ebml(document: bytes) -> Callable[[bytes], bool]:
    """Matroska and its kin: the EBML header names the document type (RFC 8794, element 0x4282)."""
    named = b"\x42\x82" + bytes((0x80 | len(document),)) + document
    return lambda head: head[:4] == b"\x1a\x45\xdf\xa3" and named in head[:128]


def _mpeg_audio(head: bytes) -> bool:
    """An ID3 tag, or the sync word of a frame of layer III, II or I."""
    frame = len(head) > 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06 != 0
    return (head[:3] == b"ID3" and head[3:4] in (b"\x02", b"\x03", b"\x04")) or (frame and head[2] & 0xF0 != 0xF0)


def _adts(head: bytes) -> bool:
    return len(head) > 2 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0


def _zip_of(mimetype: bytes) -> Callable[[bytes], bool]:
    """A zip whose first, stored entry is `mimetype` (OpenDocument, EPUB)."""
    return lambda head: head[:4] == b"PK\x03\x04" and head[30:38] == b"mimetype" and mimetype in head[38:128]


_ZIP = _starts(b"PK\x03\x04", b"PK\x05\x06")
_OLE = _starts(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
_OFFICE = "application/vnd.openxmlformats-officedocument."
_ODF = "application/vnd.oasis.opendocument."

_BINARY: tuple[Kind, ...] = (
    Kind("video/mp4", "video", _iso_media),
    Kind("video/quicktime", "video", _quicktime),
    Kind("video/webm", "video", _ebml(b"webm")),
    Kind("video/x-matroska", "video", _ebml(b"matroska")),
    Kind("video/ogg", "video", _starts(b"OggS\x00")),
    Kind("audio/mpeg", "audio", _mpeg_audio),
    Kind("audio/mp4", "audio", _iso_media),
    Kind("audio/aac", "audio", _adts),
    Kind("audio/ogg", "audio", _starts(b"OggS\x00")),
    Kind("audio/webm", "audio", _ebml(b"webm")),
    Kind("audio/wav", "audio", _riff(b"WAVE")),
    Kind("audio/flac", "audio", _starts(b"fLaC\x00", b"fLaC\x80")),
    Kind("image/png", "picture", _starts(b"\x89PNG\r\n\x1a\n")),
    Kind("image/jpeg", "picture", _starts(b"\xff\xd8\xff")),
    Kind("image/gif", "picture", _starts(b"GIF87a", b"GIF89a")),
    Kind("image/webp", "picture", _riff(b"WEBP")),
    Kind("image/avif", "picture", _avif),
    Kind("application/pdf", "pdf", _starts(b"%PDF-")),
    Kind("application/zip", "download", _ZIP),
    Kind("application/gzip", "download", _starts(b"\x1f\x8b")),
    Kind("application/x-7z-compressed", "download", _starts(b"7z\xbc\xaf\x27\x1c")),
    Kind("application/x-tar", "download", lambda head: head[257:262] == b"ustar"),
    Kind("application/msword", "download", _OLE),
    Kind("application/vnd.ms-excel", "download", _OLE),
    Kind("application/vnd.ms-powerpoint", "download", _OLE),
    Kind(_OFFICE + "wordprocessingml.document", "download", _ZIP),
    Kind(_OFFICE + "spreadsheetml.sheet", "download", _ZIP),
    Kind(_OFFICE + "presentationml.presentation", "download", _ZIP),
    Kind(_ODF + "text", "download", _zip_of(b"vnd.oasis.opendocument.text")),
    Kind(_ODF + "spreadsheet", "download", _zip_of(b"vnd.oasis.opendocument.spreadsheet")),
    Kind(_ODF + "presentation", "download", _zip_of(b"vnd.oasis.opendocument.presentation")),
    Kind("application/epub+zip", "download", _zip_of(b"application/epub+zip")),
)
_NOT_IN_TEXT = frozenset(range(0x20)) - frozenset(b"\t\n\r\f\x1b")


def _text(head: bytes) -> bool:
    """UTF-8 without control characters that is not the beginning of something else."""
    if not head or _NOT_IN_TEXT & set(head) or any(kind.begins(head) for kind in _BINARY):
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        # The last sign may be cut in two where the first bytes end.
        return len(head) >= HEAD_BYTES and error.end == len(head) and error.start >= len(head) - 3
    return True


def _text_with(*first: bytes) -> Callable[[bytes], bool]:
    return lambda head: _text(head) and head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(first)


_TEXTS: tuple[Kind, ...] = (
    *(
        Kind(content_type, "download", _text)
        for content_type in (
            "text/plain", "text/csv", "text/markdown", "text/html", "text/css", "text/javascript", "text/x-python",
        )
    ),
    Kind("text/vtt", "download", _text_with(b"WEBVTT")),
    Kind("application/json", "download", _text_with(b"{", b"[", b'"')),
    Kind("application/x-ipynb+json", "download", _text_with(b"{")),
    Kind("application/xml", "download", _text_with(b"<")),
    Kind("image/svg+xml", "download", lambda head: _text_with(b"<")(head) and b"<svg" in head),
)  # fmt: skip

KINDS: dict[str, Kind] = {kind.content_type: kind for kind in (*_BINARY, *_TEXTS)}
"""Every type that a file may have, by its name."""


def guess(head: bytes) -> str:
    """The first kind that such bytes can begin; `unknown` when none can."""
    return next((kind.content_type for kind in KINDS.values() if kind.begins(head)), "unknown")
