"""The object store over a folder and over a real S3 API server on loopback."""

import asyncio
import hashlib
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import boto3
import httpx
import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.server import ThreadedMotoServer

from classroom.times import Moment, from_datetime, to_datetime
from persistence.object_store import ObjectMissing, ObjectStore, ObjectStoreAway, open_object_store
from persistence.object_urls import parse_object_url
from persistence.presigning import presign

NOW = Moment(1_790_000_000_000_000)
ROOT = Path(__file__).parents[2]
WORDS = hashlib.sha256(b"words").digest() * 4_096  # 128 KiB that do not repeat in pieces


@pytest.fixture(scope="module")
def s3_address() -> Iterator[str]:
    """A server of the S3 API with the bucket `lyceum`."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    client = boto3.client(
        "s3", endpoint_url=address, region_name="us-east-1", aws_access_key_id="KEY", aws_secret_access_key="SECRET"
    )
    client.create_bucket(Bucket="lyceum")
    yield address
    server.stop()


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    """A store with nothing in it, once a folder and once a bucket."""
    if request.param == "folder":
        return open_object_store((tmp_path / "objects").as_uri())
    address = request.getfixturevalue("s3_address")
    return open_object_store(f"s3://KEY:SECRET@lyceum/{tmp_path.name}?endpoint={address}&region=us-east-1")


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def whole(store: ObjectStore, key: str, *span: int) -> bytes:
    return b"".join([piece async for piece in store.read(key, *span)])


async def keys(store: ObjectStore, prefix: str) -> list[str]:
    return sorted([found.key async for found in store.list_(prefix)])


async def test_what_is_put_is_found_listed_read_copied_and_deleted(store: ObjectStore) -> None:
    await store.put("media/a/source", pieces(WORDS, b"end"), "text/plain")
    await store.put("media/ab/source", pieces(b"other"), "text/plain")

    found = await store.find("media/a/source")
    assert found is not None
    assert found.size == len(WORDS) + 3
    assert await whole(store, "media/a/source") == WORDS + b"end"
    await store.copy("media/a/source", "media/a/copy")
    assert await keys(store, "media/a") == ["media/a/copy", "media/a/source"]

    await store.delete("media/a/copy")
    await store.delete("media/a/copy")
    assert await store.find("media/a/copy") is None
    await store.delete_under("media/a")
    await store.delete_under("media/a")
    assert await keys(store, "media") == ["media/ab/source"]


@pytest.mark.parametrize("span", [(0, 1), (10, 1_000), (len(WORDS) - 5, None), (5, 10**9), (7, 7)])
async def test_a_range_is_exactly_those_bytes(store: ObjectStore, span: tuple[int, Any]) -> None:
    await store.put("a", pieces(WORDS), "text/plain")
    assert await whole(store, "a", *span) == WORDS[span[0] : span[1]]


async def test_what_does_not_exist_is_missing(store: ObjectStore) -> None:
    assert await store.find("nothing") is None
    with pytest.raises(ObjectMissing):
        await whole(store, "nothing")
    with pytest.raises(ObjectMissing):
        await store.copy("nothing", "else")


async def test_an_upload_that_breaks_off_leaves_nothing_and_keeps_what_was_there(store: ObjectStore) -> None:
    class Broken(Exception):
        pass

    async def breaking() -> AsyncIterator[bytes]:
        for _ in range(400):
            yield os.urandom(65_536)
        raise Broken

    await store.put("a", pieces(b"before"), "text/plain")
    for key in ("a", "b"):
        with pytest.raises(Broken):
            await store.put(key, breaking(), "text/plain")
    assert await whole(store, "a") == b"before"
    assert await store.find("b") is None


# In a process of its own: here an S3 server's threads take memory too, whenever they come to it.
_LARGE = """
import asyncio, hashlib, os, resource, sys
from persistence.object_store import open_object_store

async def go_through(store, piece, count):
    async def many():
        for _ in range(count):
            yield piece

    digest = hashlib.sha256()
    await store.put("large", many(), "video/mp4")
    async for part in store.read("large"):
        digest.update(part)
    expected = hashlib.sha256()
    for _ in range(count):
        expected.update(piece)
    assert digest.digest() == expected.digest()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

async def main():
    store, piece = open_object_store(sys.argv[1]), os.urandom(65_536)
    small = await go_through(store, piece, 128)
    print((await go_through(store, piece, 2_048) - small) << 10)

asyncio.run(main())
"""


async def test_a_large_object_goes_through_little_memory(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _LARGE, tmp_path.as_uri(), stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    async with asyncio.timeout(120):
        more, _ = await process.communicate()
    assert process.returncode == 0
    assert int(more) < 16 << 20, "128 MiB take more memory than 8 MiB"


async def test_a_store_that_is_away_says_so(tmp_path: Path, unused_tcp_port_factory: Callable[[], int]) -> None:
    gone = open_object_store(f"s3://KEY:SECRET@lyceum?endpoint=http://127.0.0.1:{unused_tcp_port_factory()}")
    with pytest.raises(ObjectStoreAway):
        await gone.find("a")
    (tmp_path / "file").write_bytes(b"")
    folder = open_object_store((tmp_path / "objects").as_uri())
    (tmp_path / "objects").rmdir()
    (tmp_path / "objects").write_bytes(b"a file stands where the folder was")
    with pytest.raises(ObjectStoreAway):
        await folder.put("a/b", pieces(b"x"), "text/plain")


async def test_a_client_puts_and_reads_past_us_by_signed_addresses(s3_address: str, tmp_path: Path) -> None:
    store = open_object_store(f"s3://KEY:SECRET@lyceum/{tmp_path.name}?endpoint={s3_address}")
    now = from_datetime(datetime.now(UTC))
    signed = await store.sign_put("in/1", "text/plain", 5, hashlib.sha256(b"words").hexdigest(), 60, now)
    assert signed is not None
    async with httpx.AsyncClient() as client:
        headers = {name: value for name, value in signed.headers.items() if name != "content-length"}
        assert (await client.put(signed.url, content=b"words", headers=headers)).status_code == 200
        address = store.sign_get("in/1", "text/plain", 'attachment; filename="a b.txt"', 60, now)
        assert address is not None
        answer = await client.get(address, headers={"range": "bytes=1-2"})
    assert (answer.status_code, answer.content) == (206, b"or")
    assert answer.headers["content-disposition"] == 'attachment; filename="a b.txt"'
    assert await whole(store, "in/1") == b"words"


async def test_a_folder_signs_nothing(tmp_path: Path) -> None:
    store = open_object_store(tmp_path.as_uri())
    assert not store.is_remote
    assert await store.sign_put("a", "text/plain", 1, None, 60, NOW) is None
    assert store.sign_get("a", "text/plain", "inline", 60, NOW) is None


async def test_azure_signs_uploads_and_has_downloads_go_through_us() -> None:
    store = open_object_store("az://account:a2V5a2V5@box/deep")
    signed = await store.sign_put("a b", "text/plain", 1, None, 60, NOW)
    assert signed is not None
    assert signed.url.startswith("https://account.blob.core.windows.net/box/deep/a%20b?")
    assert signed.headers == {"content-type": "text/plain", "x-ms-blob-type": "BlockBlob"}
    assert store.sign_get("a", "text/plain", "inline", 60, NOW) is None


@pytest.mark.parametrize("token", ["", "&token=AQoD%2Bx"])
def test_permissions_are_those_that_amazon_s_own_signer_gives(token: str) -> None:
    url = parse_object_url(f"s3://KEY:SEC%2FRET@lyceum/pre?endpoint=https://s3.example.org&region=eu-west-3{token}")
    headers = {"content-type": "video/mp4", "content-length": "77", "x-amz-checksum-sha256": "abc="}
    query = {"response-content-disposition": "attachment; filename*=UTF-8''%C3%A4.pdf"}
    now = from_datetime(datetime.now(UTC))
    ours = presign(url, "PUT", "media/ä b/source", 900, now, headers, query)

    said = dict(parse_qsl(urlsplit(ours).query))
    theirs = AWSRequest("PUT", ours.partition("?")[0], headers=headers, params=query)
    signer = S3SigV4QueryAuth(Credentials("KEY", "SEC/RET", url.token), "s3", "eu-west-3", expires=900)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.auth.get_current_datetime", lambda *_: to_datetime(now))
        signer.add_auth(theirs)
    expected = dict(parse_qsl(urlsplit(theirs.url).query))
    assert said == expected


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("ftp://host/x", "must start with"),
        ("file://relative/x", "must name a folder"),
        ("file:///", "must name a folder"),
        ("file:///a/../b", "folder above"),
        ("s3://lyceum", "must carry its credentials"),
        ("s3://K:S@/x", "must name a bucket"),
        ("s3://K:S@lyceum?endpoint=ftp://x", "must have an endpoint"),
        ("s3://K:S@lyceum?regoin=x", "does not know regoin"),
        ("gs://lyceum", "must carry its credentials"),
    ],
)
def test_an_address_that_cannot_be_meant_is_refused_without_its_secret(url: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        parse_object_url(url)


def test_what_an_address_says() -> None:
    url = parse_object_url("s3://KEY:SE%40CRET@bucket/deep/er?endpoint=http://127.0.0.1:9000/&region=eu-1")
    assert (url.bucket, url.prefix, url.key_id, url.secret) == ("bucket", "deep/er", "KEY", "SE@CRET")
    assert (url.endpoint, url.region) == ("http://127.0.0.1:9000", "eu-1")
    assert "SE@CRET" not in repr(url)
    assert parse_object_url("s3://K:S@b?region=eu-1").endpoint == "https://s3.eu-1.amazonaws.com"
    assert parse_object_url("file:///a%20b/c").folder == Path("/a b/c")
