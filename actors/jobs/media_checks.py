"""Jobs that read back what was uploaded past us, and that clear away what nobody finished."""

import hashlib
from typing import Any

from actors.jobs.tools import JobTools
from classroom.content import Announced, Arrived, find_mismatch
from classroom.file_kinds import HEAD_BYTES
from classroom.times import SECOND
from persistence.media import INCOMING, Media, folder_of, incoming_key
from persistence.object_store import ObjectMissing

_AT_ONCE = 200
_FORGOTTEN = 2 * 86_400 * SECOND  # no address to put something is good for so long


async def check_media(tools: JobTools, payload: dict[str, Any]) -> None:
    """Job `media.check` {mediaId}: read the whole file in pieces and make it ready, or reject it and remove it."""
    media = Media(tools.database)
    row = await media.find(payload["mediaId"])
    if row is None or row.status != "checking" or row.object_key is None:
        return
    digest, size, head = hashlib.sha256(), 0, b""
    try:
        async for piece in tools.objects.read(row.object_key):
            digest.update(piece)
            size += len(piece)
            head += piece[: HEAD_BYTES - len(head)]
    except ObjectMissing:
        await media.reject(row.id, row.object_key, "The file is not there any more.")
        return
    announced = row.announced_sha256.hex() if row.announced_sha256 is not None else None
    found = find_mismatch(Announced(row.content_type, row.size_bytes, announced), Arrived(size, head, digest.hexdigest()))
    if found is None:
        await media.accept(row.id, row.object_key, digest.digest(), tools.clock())
    elif await media.reject(row.id, row.object_key, found.message()):
        await tools.objects.delete_under(folder_of(row.id))


async def tidy_media(tools: JobTools, _payload: dict[str, Any]) -> None:
    """Job `media.tidy`: give up uploads whose time was over a day ago, and remove what came of them."""
    media = Media(tools.database)
    while found := await media.reject_expired(tools.clock(), _AT_ONCE):
        for media_id in found:
            await tools.objects.delete_under(folder_of(media_id))
            await tools.objects.delete(incoming_key(media_id))
            await media.forget(media_id)
    async for left in tools.objects.list_(INCOMING):
        if left.written_at < tools.clock() - _FORGOTTEN:
            await tools.objects.delete(left.key)
