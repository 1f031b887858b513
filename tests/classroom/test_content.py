import hashlib
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classroom.content import (
    MIB,
    PURPOSES,
    Announced,
    Arrived,
    FileTooLarge,
    TypeNotAllowed,
    UploadMismatch,
    admit,
    disposition,
    email_hash,
    find_mismatch,
    rendition_heights,
    watermark_text,
)
from classroom.file_kinds import HEAD_BYTES, KINDS, guess
from classroom.times import Moment

_OPEN_DOCUMENT = b"PK\x03\x04" + bytes(26) + b"mimetype" + b"application/vnd.oasis.opendocument.text" + b"PK\x03\x04"
BEGINNINGS: dict[str, bytes] = {
    "video/mp4": b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2avc1mp41",
    "video/quicktime": b"\x00\x00\x00\x14ftypqt  \x00\x00\x02\x00qt  ",
    "video/webm": b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm",
    "video/x-matroska": b"\x1a\x45\xdf\xa3\xa3\x42\x86\x81\x01\x42\x82\x88matroska",
    "audio/mpeg": b"\xff\xfb\x90\x64\x00",
    "audio/aac": b"\xff\xf1\x50\x80",
    "audio/ogg": b"OggS\x00\x02",
    "audio/wav": b"RIFF\x24\x00\x00\x00WAVEfmt ",
    "audio/flac": b"fLaC\x00\x00\x00\x22",
    "image/png": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
    "image/jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF",
    "image/gif": b"GIF89a\x01\x00",
    "image/webp": b"RIFF\x24\x00\x00\x00WEBPVP8 ",
    "image/avif": b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00avifmif1",
    "application/pdf": b"%PDF-1.7\n%\xe2\xe3",
    "application/zip": b"PK\x03\x04\x14\x00",
    "application/gzip": b"\x1f\x8b\x08\x00",
    "application/x-7z-compressed": b"7z\xbc\xaf\x27\x1c\x00",
    "application/x-tar": b"a.txt" + bytes(252) + b"ustar\x0000",
    "application/msword": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "application/vnd.oasis.opendocument.text": _OPEN_DOCUMENT,
    "text/plain": b"I'm free, says the sea.",
    "text/vtt": b"\xef\xbb\xbfWEBVTT\n\n00:00",
    "application/json": b' {"a": 1}',
    "image/svg+xml": b'<?xml version="1.0"?><svg onload="alert(1)">',
}
ALIKE = (
    {"audio/mp4", "video/mp4"},
    {"video/ogg", "audio/ogg"},
    {"audio/webm", "video/webm"},
    {name for name, kind in KINDS.items() if kind.begins(b"PK\x03\x04")} | {"application/vnd.oasis.opendocument.text"},
    {name for name, kind in KINDS.items() if kind.begins(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")},
    {name for name in KINDS if name.startswith("text/") or "json" in name or "xml" in name},
)


@pytest.mark.parametrize("content_type", BEGINNINGS)
def test_a_file_is_what_its_first_bytes_say(content_type: str) -> None:
    head = BEGINNINGS[content_type]
    assert KINDS[content_type].begins(head)
    for other, kind in KINDS.items():
        alike = other == content_type or any({other, content_type} <= some for some in ALIKE)
        if not alike:
            assert not kind.begins(head), other


@given(st.sampled_from(sorted(KINDS)), st.binary(max_size=64))
def test_no_bytes_trouble_any_rule_and_none_are_no_file(content_type: str, head: bytes) -> None:
    assert KINDS[content_type].begins(head) in (True, False)
    assert not KINDS[content_type].begins(b"")


@given(st.text(st.characters(exclude_categories=("C",)), min_size=1, max_size=3_000))
def test_text_is_text_wherever_its_first_bytes_are_cut(text: str) -> None:
    head = ("Ä " + text * (1 + HEAD_BYTES // len(text))).encode()
    assert KINDS["text/plain"].begins(head[:HEAD_BYTES])


def test_what_only_looks_like_text_is_none() -> None:
    for head in (b"%PDF-1.7", b"GIF89a", b"a\x00b", b"caf\xe9", "Ä".encode()[:1]):
        assert not KINDS["text/plain"].begins(head)
        assert guess(head) != "text/plain"
    assert guess(b"\x00\x01\x02") == "unknown"


def test_pages_that_could_run_a_script_are_only_downloaded() -> None:
    shown = {name for name, kind in KINDS.items() if kind.is_shown}
    assert not shown & {"text/html", "image/svg+xml", "application/xml", "text/javascript", "text/plain"}
    assert {name.partition("/")[0] for name in shown} == {"video", "audio", "image", "application"}
    assert {name for name in shown if name.startswith("application/")} == {"application/pdf"}


def test_each_purpose_has_types_and_a_size_of_its_own() -> None:
    avatar, lesson, submission = PURPOSES["avatar"], PURPOSES["lesson"], PURPOSES["submission"]
    assert admit(lesson, "video/mp4", 5 << 30) == KINDS["video/mp4"]
    assert admit(lesson, "video/mp4", (5 << 30) + 1) == FileTooLarge((5 << 30) + 1, 5 << 30)
    assert admit(submission, "text/html", 10) == KINDS["text/html"]
    assert isinstance(admit(submission, "text/html", 101 * MIB), FileTooLarge)
    refused = admit(avatar, "image/svg+xml", 10)
    assert isinstance(refused, TypeNotAllowed)
    assert set(refused.allowed) == {"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"}
    assert isinstance(admit(lesson, "application/x-msdownload", 10), TypeNotAllowed)


@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from(["aa", "bb", None]), st.sampled_from(["aa", "bb", None]))
def test_a_lie_about_size_type_or_sum_is_found_and_nothing_else(said: int, came: int, sum_said: str, sum_came: str) -> None:
    announced = Announced("image/png", said, sum_said)
    found = find_mismatch(announced, Arrived(came, BEGINNINGS["image/png"], sum_came))
    differs = None not in (sum_said, sum_came) and sum_said != sum_came
    what = "size" if said != came else "sha256" if differs else None
    assert (found.what if found else None) == what
    lie = find_mismatch(announced, Arrived(said, b"MZ\x90\x00", sum_said))
    assert lie == UploadMismatch("type", "image/png", "unknown")


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        ("Gezeiten & Ebbe.pdf", "Gezeiten & Ebbe.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\a.pdf", "a.pdf"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("…", "…"),
        (" .. ", "file"),
        ('a"b;c%20.pdf', 'a"b;c%20.pdf'),
    ],
)
def test_names_of_downloads_are_written_as_rfc_6266_has_it(filename: str, name: str) -> None:
    written = disposition(KINDS["application/pdf"], filename)
    how, plain, full = written.split("; filename")
    assert how == "inline"
    assert unquote(full.removeprefix("*=UTF-8''")) == name
    assert plain.isascii()
    assert plain.count('"') == 2
    assert disposition(KINDS["text/html"], filename).startswith("attachment; ")


@given(st.text(max_size=300))
def test_no_name_breaks_the_header(filename: str) -> None:
    written = disposition(KINDS["application/zip"], filename.encode(errors="ignore").decode())
    assert written.isascii()
    assert written.isprintable()
    assert len(written) < 2_100


def test_the_watermark_names_who_and_when_without_the_address() -> None:
    text = watermark_text("Sam", "Sam@Example.org ", Moment(1_790_000_000_000_000))
    assert text == f"Sam · {hashlib.sha256(b'sam@example.org').hexdigest()[:12]} · 2026-09-21 14:13 UTC"
    assert email_hash("sam@example.org") in text


@given(st.integers(2, 5_000))
def test_no_rendition_is_higher_than_its_source(height: int) -> None:
    heights = rendition_heights(height)
    assert heights
    assert all(each <= height and each % 2 == 0 for each in heights)
