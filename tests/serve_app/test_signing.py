from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classroom.times import SECOND, Moment
from persistence.ids import new_id
from serve_app.content_reasons import BadLink, LinkExpired
from serve_app.signing import MediaPass, Signer, UploadPass

SIGNER, OTHER = Signer("a" * 32), Signer("b" * 32)
UNTIL = 1_790_000_000
NOW = Moment((UNTIL - 1) * SECOND)
UPLOAD = UploadPass(new_id(), "application/vnd.a+b", 77, UNTIL)
PARTS: list[Any] = ["source", "poster", "hls"]


def open_path(signer: Signer, path: str, now: Moment = NOW) -> object:
    where, _, query = path.partition("?")
    return signer.open_upload(where, query, now) if "uploads" in where else signer.open_media(where, query, now)


@pytest.mark.parametrize("part", PARTS)
def test_what_was_signed_is_what_is_opened_until_it_expires(part: Any) -> None:
    given_out = MediaPass(UPLOAD.media_id, part, UNTIL)
    for path, opened in ((SIGNER.media_path(given_out, "index.m3u8"), given_out), (SIGNER.upload_path(UPLOAD), UPLOAD)):
        assert open_path(SIGNER, path) == opened
        assert open_path(SIGNER, path, Moment(UNTIL * SECOND)) == LinkExpired()
        assert open_path(OTHER, path) == BadLink()


@given(st.data(), st.sampled_from(PARTS))
def test_no_sign_of_an_address_can_be_changed(data: st.DataObject, part: Any) -> None:
    path = data.draw(
        st.sampled_from([SIGNER.media_path(MediaPass(UPLOAD.media_id, part, UNTIL), "x"), SIGNER.upload_path(UPLOAD)])
    )
    at = data.draw(st.integers(0, len(path) - (3 if path.endswith("/x") else 1)))
    sign = data.draw(st.sampled_from("abAB01-_=&?/%+. é\x00"))
    changed = path[:at] + sign + path[at + 1 :]
    opened = open_path(SIGNER, changed)
    # What stands for the same (%2B and %2b) still opens the same, and nothing else.
    assert opened in (BadLink(), open_path(SIGNER, path))


def test_a_permission_is_for_its_method_alone() -> None:
    upload, media = SIGNER.upload_path(UPLOAD), SIGNER.media_path(MediaPass(UPLOAD.media_id, "source", UNTIL))
    for path, methods in ((upload, {"PUT"}), (media, {"GET", "HEAD"})):
        where, _, query = path.partition("?")
        allowed = {each for each in ("GET", "HEAD", "PUT", "POST", "DELETE") if SIGNER.is_good(each, where, query, NOW)}
        assert allowed == methods
