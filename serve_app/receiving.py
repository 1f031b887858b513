"""Taking in the bytes of a file and judging them: whatever its size, a few pieces are in memory."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable

from fastapi import Request
from starlette.requests import ClientDisconnect

from classroom.content import Announced, Arrived, UploadMismatch, find_mismatch
from classroom.file_kinds import HEAD_BYTES
from persistence.media import MediaRow, folder_of, incoming_key
from persistence.object_store import ObjectMissing
from serve_app.composition import Parts
from serve_app.content_reasons import UploadIncomplete, UploadOver, UploadStalled
from serve_app.problems import RefusedRequest
from serve_app.signing import UploadPass

STALL_SECONDS = 60.0
SLOWEST_BYTES = 16 << 10
"""A body that comes with fewer bytes a second than this, a minute's grace aside, gives its place to others."""


def check_head(request: Request, given: UploadPass) -> None:
    """Refuse before the first byte what says itself that it is something else."""
    said_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if said_type != given.content_type:
        raise RefusedRequest(UploadMismatch("type", given.content_type, said_type[:200]))
    said_size = request.headers.get("content-length")
    if said_size is not None and said_size != str(given.size):
        raise RefusedRequest(UploadMismatch("size", given.size, said_size[:20]))


async def store_body(row: MediaRow, request: Request, parts: Parts) -> None:
    """Put the request's body where files are kept, in the place of what came before. Refuses what has another size."""
    key = f"{folder_of(row.id)}/{parts.new_id()}"
    digest = hashlib.sha256()
    objects, media = parts.stores.objects, parts.stores.media
    await objects.put(key, _body(request, row.size_bytes, digest.update), row.content_type)
    taken, before = await media.receive(row.id, key, digest.digest())
    if not taken:
        await objects.delete(key)
        raise RefusedRequest(UploadOver("ready"))
    if before is not None:
        await objects.delete(before)


async def _body(request: Request, size: int, see: Callable[[bytes], object]) -> AsyncIterator[bytes]:
    """The body's pieces, `size` bytes in all."""
    came = 0
    stream = request.stream()
    now = asyncio.get_running_loop().time
    began = now()
    try:
        while True:
            async with asyncio.timeout_at(min(now(), began + came / SLOWEST_BYTES) + STALL_SECONDS):
                piece = await anext(stream, b"")
            if not piece:
                break
            came += len(piece)
            if came > size:
                raise RefusedRequest(UploadMismatch("size", size, came))
            see(piece)
            yield piece
    except TimeoutError as error:
        raise RefusedRequest(UploadStalled()) from error
    except ClientDisconnect as error:
        raise RefusedRequest(UploadIncomplete()) from error
    if came != size:
        raise RefusedRequest(UploadMismatch("size", size, came))


async def check_arrived(row: MediaRow, said_sha256: str | None, parts: Parts) -> MediaRow:
    """Judge what has arrived for a file that is `pending` or `checking`, and return it as it is then. Refuses with
    `upload_mismatch` what is not what was announced, and removes it."""
    try:
        if parts.stores.objects.is_remote:
            return await _check_remote(row, parts)
        return await _check_local(row, said_sha256, parts)
    except ObjectMissing as error:  # other bytes have come in between and taken the place of these
        raise RefusedRequest(UploadIncomplete()) from error


async def _check_local(row: MediaRow, said_sha256: str | None, parts: Parts) -> MediaRow:
    """The size and SHA-256 of these bytes were computed while they came."""
    if row.object_key is None or row.sha256 is None:
        raise RefusedRequest(UploadIncomplete())
    head = await parts.stores.objects.read_all(row.object_key, HEAD_BYTES)
    arrived = Arrived(row.size_bytes, head, row.sha256.hex())
    announced = row.announced_sha256.hex() if row.announced_sha256 is not None else None
    for sha256 in (announced, said_sha256):
        await _judge(row, row.object_key, Announced(row.content_type, row.size_bytes, sha256), arrived, parts)
    ready = await parts.stores.media.accept(row.id, row.object_key, row.sha256, parts.clock())
    return ready or await _after_another(row, parts)


async def _check_remote(row: MediaRow, parts: Parts) -> MediaRow:
    """Size and first bytes are looked at here; a job reads all of it back, so that it does not pass a replica."""
    objects, media = parts.stores.objects, parts.stores.media
    if row.status == "checking" and row.object_key is not None:
        await media.begin_check(row.id, row.object_key)  # its job may have been given up
        return await _after_another(row, parts)
    if await objects.find(incoming_key(row.id)) is None:
        raise RefusedRequest(UploadIncomplete())
    key = f"{folder_of(row.id)}/{parts.new_id()}"
    await objects.copy(incoming_key(row.id), key)
    taken, before = await media.receive(row.id, key, None)
    if not taken:
        await objects.delete(key)
        return await _after_another(row, parts)
    if before is not None:
        await objects.delete(before)
    found = await objects.find(key)
    if found is None:
        raise ObjectMissing
    arrived = Arrived(found.size, await objects.read_all(key, HEAD_BYTES), None)
    await _judge(row, key, Announced(row.content_type, row.size_bytes, None), arrived, parts)
    if await media.begin_check(row.id, key):
        await objects.delete(incoming_key(row.id))
    return await _after_another(row, parts)


async def _judge(row: MediaRow, key: str, announced: Announced, arrived: Arrived, parts: Parts) -> None:
    """Reject the file if it is not what was announced, and remove it."""
    mismatch = find_mismatch(announced, arrived)
    if mismatch is None:
        return
    if await parts.stores.media.reject(row.id, key, mismatch.message()):
        await parts.stores.objects.delete_under(folder_of(row.id))
        await parts.stores.objects.delete(incoming_key(row.id))
    raise RefusedRequest(mismatch)


async def _after_another(row: MediaRow, parts: Parts) -> MediaRow:
    """The file as another request, or a job, has left it."""
    now = await parts.stores.media.find(row.id)
    if now is None or now.status == "pending":
        raise RefusedRequest(UploadIncomplete())
    if now.status == "rejected":
        raise RefusedRequest(UploadOver(now.status, now.rejection))
    return now
