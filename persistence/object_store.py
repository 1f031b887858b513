"""The one place where files lie: a folder of this machine, or a bucket of S3, GCS or Azure."""

import asyncio
import base64
import json
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, LocalStore, S3Store

from classroom.times import Moment, from_datetime
from persistence.errors import StoreAway
from persistence.object_urls import ObjectUrl, parse_object_url
from persistence.presigning import presign

if TYPE_CHECKING:
    from obstore.store import AzureConfig, ClientConfig, RetryConfig, S3Credential

CHUNK_BYTES = 256 << 10
"""How much of an object is in memory while it is read."""
_PART_BYTES = 8 << 20  # S3 takes 10,000 parts: 80 GB
_FOLDER_PART_BYTES = 1 << 20
_PARTS_AT_ONCE = 2
_MISSING = (FileNotFoundError,)


class ObjectStoreAway(StoreAway):
    """The object store cannot be reached, is full, or refuses our credentials."""


class ObjectMissing(Exception):
    """There is no object with this key."""


@dataclass(frozen=True)
class ObjectInfo:
    """An object: its size in bytes, and when it was written."""

    key: str
    size: int
    written_at: Moment


@dataclass(frozen=True)
class SignedPut:
    """A request that puts one object, and the headers that it must have."""

    url: str
    headers: dict[str, str]


class ObjectStore:
    """Objects by key. An object is there whole or not at all; whatever its size, some megabytes of memory are enough.

    Every call raises `ObjectStoreAway` when the store cannot answer.
    """

    def __init__(self, url: ObjectUrl) -> None:
        self._url = url
        self._folder = url.folder if url.scheme == "file" else None
        self._store = _open(url)

    @property
    def is_remote(self) -> bool:
        """Whether clients send their files to the store itself, past us."""
        return self._folder is None

    async def put(self, key: str, body: AsyncIterator[bytes], content_type: str) -> None:
        """Store what comes, durably. Raises what `body` raises; nothing is stored then."""
        attributes = {"Content-Type": content_type} if self._folder is None else None
        with _reaching():
            await obstore.put_async(
                self._store,
                key,
                body,
                attributes=attributes,
                use_multipart=True,
                chunk_size=_PART_BYTES if self._folder is None else _FOLDER_PART_BYTES,
                max_concurrency=_PARTS_AT_ONCE,
            )
            if self._folder is not None:
                await asyncio.to_thread(_flush, self._folder / key)

    async def put_file(self, key: str, path: Path, content_type: str) -> None:
        """Store what is in a file of this machine."""
        await self.put(key, _from_file(path, 0, None), content_type)

    @asynccontextmanager
    async def as_file(self, key: str, folder: Path) -> AsyncIterator[Path]:
        """The object as a file of this machine for as long as the block lasts, to be read only: a copy in `folder`, if it
        is not one already. Raises ObjectMissing."""
        if self._folder is not None:
            if await self.find(key) is None:
                raise ObjectMissing
            yield self._folder / key
            return
        path = folder / "object"
        with await asyncio.to_thread(path.open, "wb") as file:
            async for piece in self.read(key):
                await asyncio.to_thread(file.write, piece)
        try:
            yield path
        finally:
            await asyncio.to_thread(path.unlink)

    async def find(self, key: str) -> ObjectInfo | None:
        """What is known about the object, or None."""
        try:
            with _reaching():
                meta = await obstore.head_async(self._store, key)
        except ObjectMissing:
            return None
        return ObjectInfo(key, meta["size"], from_datetime(meta["last_modified"]))

    async def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start` up to `end` (or the last), in pieces. Raises ObjectMissing, before the first piece."""
        if end is not None and end <= start:
            return
        with _reaching():
            folder = self._folder
            pieces = self._from_bucket(key, start, end) if folder is None else _from_file(folder / key, start, end)
            async for piece in pieces:
                yield piece

    async def read_all(self, key: str, most: int) -> bytes:
        """The object, of which at most `most` bytes are read."""
        return b"".join([piece async for piece in self.read(key, 0, most)])

    async def copy(self, key: str, to: str) -> None:
        """Make the second object the same as the first, inside the store. Raises ObjectMissing."""
        with _reaching():
            await obstore.copy_async(self._store, key, to)

    async def delete(self, key: str) -> None:
        """Remove the object; it does not matter whether there was one."""
        try:
            with _reaching():
                await obstore.delete_async(self._store, key)
        except ObjectMissing:
            return

    async def delete_under(self, prefix: str) -> None:
        """Remove every object under this prefix, half-written ones too where that is ours to do."""
        if self._folder is not None:
            with _reaching():
                await asyncio.to_thread(_remove, self._folder / prefix)
            return
        async for found in self.list_(prefix):
            await self.delete(found.key)

    async def list_(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        """Every object under this prefix."""
        with _reaching():
            async for some in obstore.list(self._store, prefix):
                for meta in some:
                    yield ObjectInfo(meta["path"], meta["size"], from_datetime(meta["last_modified"]))

    async def sign_put(
        self, key: str, content_type: str, size: int, sha256: str | None, seconds: int, now: Moment
    ) -> SignedPut | None:
        """A request with which a client puts the object past us; None when the store is a folder.

        S3 takes only what has this type, this size and, if given, this SHA-256; the others take anything.
        """
        if self._folder is not None:
            return None
        headers = {"content-type": content_type}
        if self._url.scheme == "s3":
            bound = {**headers, "content-length": str(size)}
            if sha256 is not None:
                bound["x-amz-checksum-sha256"] = base64.b64encode(bytes.fromhex(sha256)).decode()
            return SignedPut(presign(self._url, "PUT", key, seconds, now, bound), bound)
        if self._url.scheme == "az":
            headers["x-ms-blob-type"] = "BlockBlob"
        assert not isinstance(self._store, LocalStore)  # noqa: S101 - for mypy: that one has a folder
        with _reaching():
            return SignedPut(await obstore.sign_async(self._store, "PUT", key, timedelta(seconds=seconds)), headers)

    def sign_get(self, key: str, content_type: str, shown_as: str, seconds: int, now: Moment) -> str | None:
        """A URL from which a client reads the object past us, with this type and `Content-Disposition`. None where the store
        cannot be told how to answer: then it has to be read through us."""
        if self._url.scheme != "s3":
            return None
        query = {"response-content-type": content_type, "response-content-disposition": shown_as}
        return presign(self._url, "GET", key, seconds, now, query=query)

    async def _from_bucket(self, key: str, start: int, end: int | None) -> AsyncIterator[bytes]:
        if end is None:
            found = await obstore.get_async(self._store, key, options={"range": {"offset": start}} if start else None)
        else:
            found = await obstore.get_async(self._store, key, options={"range": (start, end)})
        async for piece in found.stream(min_chunk_size=CHUNK_BYTES):
            yield piece


def open_object_store(url: str) -> ObjectStore:
    """The store at this URL (see `parse_object_url`). A folder is made if there is none; a bucket is first asked when it is
    used. Raises ValueError for a URL that cannot be meant."""
    return ObjectStore(parse_object_url(url))


def _open(url: ObjectUrl) -> "LocalStore | S3Store | GCSStore | AzureStore":
    if url.scheme == "file":
        return LocalStore(url.folder, mkdir=True, automatic_cleanup=False)
    # A request may take long, a silence not: two gigabytes are read through one request.
    client: ClientConfig = {"allow_http": url.endpoint.startswith("http://"), "timeout": "2h", "read_timeout": "30s"}
    retry: RetryConfig = {"max_retries": 3, "retry_timeout": timedelta(seconds=30)}
    if url.scheme == "gs":
        key = json.loads(base64.b64decode(url.secret))
        return GCSStore(
            url.bucket,
            prefix=url.prefix or None,
            service_account_key=json.dumps(key),
            client_options=client,
            retry_config=retry,
        )
    if url.scheme == "az":
        config: AzureConfig = {"endpoint": url.endpoint} if url.endpoint else {}
        return AzureStore(
            url.bucket,
            prefix=url.prefix or None,
            account_name=url.key_id,
            account_key=url.secret,
            client_options=client,
            retry_config=retry,
            config=config,
        )

    # Handed over by a function, so that the library does not look for credentials anywhere else.
    async def credentials() -> "S3Credential":
        return {"access_key_id": url.key_id, "secret_access_key": url.secret, "token": url.token, "expires_at": None}

    return S3Store(
        url.bucket,
        prefix=url.prefix or None,
        endpoint=url.endpoint,
        region=url.region,
        virtual_hosted_style_request=False,
        client_options=client,
        retry_config=retry,
        credential_provider=credentials,
    )


@contextmanager
def _reaching() -> Iterator[None]:
    """Turn what means "no such object" and "the store is away" into our words; what others raise inside passes."""
    try:
        yield
    except _MISSING as error:
        raise ObjectMissing from error
    except (BaseError, OSError) as error:
        raise ObjectStoreAway(f"The object store is away: {str(error).splitlines()[0][:200]}") from error


async def _from_file(path: Path, start: int, end: int | None) -> AsyncIterator[bytes]:
    file = await asyncio.to_thread(os.open, path, os.O_RDONLY)
    try:
        at = start
        while end is None or at < end:
            most = CHUNK_BYTES if end is None else min(CHUNK_BYTES, end - at)
            piece = await asyncio.to_thread(os.pread, file, most, at)
            if not piece:
                return
            at += len(piece)
            yield piece
    finally:
        os.close(file)


def _remove(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return


def _flush(path: Path) -> None:
    """Have the file and its name on the disk."""
    for each in (path, path.parent):
        file = os.open(each, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)
