"""A class on a media server that records, and where its pieces lie."""

import time
from pathlib import Path

from persistence.recordings import Piece, PieceFiles
from realtime.sfu.desk import Recording
from realtime.sfu.server import MediaServer
from realtime.sfu.webm import Joined, Joiner, read_size
from tests.realtime.sfu.media_clients import CLASS, Desk

RECORDING = Recording("01910000-0000-7000-8000-00000000000b", "Knots")


class Stage:
    """A server, its class, and where its pieces lie."""

    def __init__(self, server: MediaServer, desk: Desk, files: PieceFiles) -> None:
        self.server, self.desk, self.files = server, desk, files

    async def pieces(self) -> list[Piece]:
        return await self.files.list_(CLASS, RECORDING.recording_id)

    async def until(self, count: int) -> None:
        """As many pieces are there."""
        deadline = time.monotonic() + 40
        while len(await self.pieces()) < count:
            assert time.monotonic() < deadline, f"not {count} pieces within 40 s"

    async def until_quiet(self) -> None:
        """The recorder has written its last piece."""
        deadline = time.monotonic() + 40
        while self.server._recordings._running or self.server._recordings._ending:
            assert time.monotonic() < deadline, "still recording after 40 s"
            await self.pieces()

    async def join(self, picture: str, path: Path) -> Joined:
        """All pieces in one film at `path`, with sound and with the pictures of this codec."""
        pieces = await self.pieces()
        size = read_size(await self.files.read(next(piece for piece in pieces if picture in piece.codecs)))
        with Joiner(path, picture, size, sound=True) as joiner:
            for piece in pieces:
                joiner.add(piece.run, piece.number, await self.files.read(piece))
            return joiner.finish()
