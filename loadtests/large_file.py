"""Sends a large file into a running Lyceum and fetches it again, and shows what that costs the replicas in memory.

TOKEN=$(.venv/bin/lyceum token ada@lyceum.test)   # an instructor or an admin
.venv/bin/python -m loadtests.large_file --token "$TOKEN" --gibibytes 2
"""

import argparse
import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx

_MP4 = b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2avc1mp41"
_PIECE = 1 << 20
_MEBIBYTE = 1 << 20


@dataclass
class Memory:
    """How much memory each replica has, in MiB, and had at most since `begin`."""

    pids: list[int]

    @staticmethod
    def of_replicas() -> "Memory":
        """The replicas of this machine."""
        found = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    if (folder / "cmdline").read_bytes().startswith(b"ray::ServeReplica"):
                        found.append(int(folder.name))
                except OSError:
                    continue  # it has ended
        return Memory(found)

    def begin(self) -> None:
        """Forget what was the most so far."""
        for pid in self.pids:
            Path(f"/proc/{pid}/clear_refs").write_text("5")

    def __str__(self) -> str:
        return "; ".join(f"{self._read(pid, 'VmRSS')} (at most {self._read(pid, 'VmHWM')})" for pid in self.pids)

    def _read(self, pid: int, name: str) -> int:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1]) >> 10
        return 0


async def _body(size: int, digest: "hashlib._Hash") -> AsyncIterator[bytes]:
    noise = os.urandom(_PIECE)
    for at in range(0, size, _PIECE):
        piece = (_MP4 + noise if at == 0 else noise)[: min(_PIECE, size - at)]
        digest.update(piece)
        yield piece


async def _run(host: str, token: str, size: int) -> None:
    memory, sent, came = Memory.of_replicas(), hashlib.sha256(), hashlib.sha256()
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=host, headers=headers, timeout=600) as client:

        async def ask(path: str, body: dict[str, object] | None = None) -> dict[str, object]:
            method = "GET" if body is None else "POST"
            answer = await client.request(method, f"/api{path}", json=body)
            answer.raise_for_status()
            said: dict[str, object] = answer.json()
            return said

        course = await ask("/instructor/courses", {"title": "A large file"})
        section = await ask(f"/courses/{course['id']}/sections", {"title": "One"})
        file = {"filename": "large.mp4", "contentType": "video/mp4", "sizeBytes": size, "courseId": course["id"]}
        ticket = await ask("/uploads/signed-url", file)
        memory.begin()
        print(f"before: {memory} MiB a replica")
        began = time.perf_counter()
        given = {"content-type": "video/mp4", "content-length": str(size)}
        answer = await client.put(str(ticket["uploadUrl"]), content=_body(size, sent), headers=given)
        answer.raise_for_status()
        seconds = time.perf_counter() - began
        print(f"upload of {size} bytes: {seconds:.1f} s, {size / _MEBIBYTE / seconds:.0f} MiB/s; {memory} MiB a replica")
        done = await ask(f"/uploads/{ticket['mediaId']}/complete", {})
        wanted = {"type": "video", "title": "Large", "mediaId": ticket["mediaId"]}
        lesson = await ask(f"/sections/{section['id']}/lessons", wanted)
        link = await ask(f"/lessons/{lesson['id']}/video")
        memory.begin()
        began = time.perf_counter()
        async with client.stream("GET", str(link["url"])) as video:
            async for piece in video.aiter_raw(_PIECE):
                came.update(piece)
        seconds = time.perf_counter() - began
        print(f"download: {seconds:.1f} s, {size / _MEBIBYTE / seconds:.0f} MiB/s; {memory} MiB a replica")
        same = sent.hexdigest() == came.hexdigest() == done["sha256"]
        print("the same bytes came back" if same else "OTHER BYTES CAME BACK")


def main() -> None:
    """Run it once."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--host", default="http://127.0.0.1:8000")
    asked.add_argument("--token", required=True)
    asked.add_argument("--gibibytes", type=float, default=2.0)
    chosen = asked.parse_args()
    asyncio.run(_run(chosen.host, chosen.token, int(chosen.gibibytes * (1 << 30))))


if __name__ == "__main__":
    main()
