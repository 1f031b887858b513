"""The job that makes renditions of a video (HLS, RFC 8216) and a poster, where ffmpeg is present."""

import asyncio
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from actors.jobs.tools import GiveUp, JobTools
from actors.jobs.work_folders import work_folder
from classroom.content import rendition_heights
from persistence.media import Media, MediaRow, folder_of
from persistence.object_store import ObjectMissing

LIMIT_SECONDS = 4 * 3_600.0
_PROBE_SECONDS = 60.0
_SEGMENT_SECONDS = 6
_LONGEST_SECONDS = 48 * 3_600
# Only these readers are let loose on what strangers sent: others follow addresses that stand in the file.
_READERS = {
    "video/mp4": "mov",
    "video/quicktime": "mov",
    "video/webm": "matroska",
    "video/x-matroska": "matroska",
    "video/ogg": "ogg",
}
_KILOBITS = {360: 800, 720: 2_500}
_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Tools:
    """The programs, by their paths."""

    ffmpeg: str
    ffprobe: str
    nice: str | None


@dataclass(frozen=True)
class Picture:
    """How a video is seen: its size as shown, and how long it is."""

    width: int
    height: int
    seconds: float


class Failed(Exception):
    """A program ended with a failure; the message is its last words."""


def find_tools() -> Tools | None:
    """The programs of this machine; None where they are not installed."""
    ffmpeg, ffprobe = shutil.which("ffmpeg"), shutil.which("ffprobe")
    return Tools(ffmpeg, ffprobe, shutil.which("nice")) if ffmpeg is not None and ffprobe is not None else None


async def make_renditions(tools: JobTools, payload: dict[str, Any]) -> None:
    """Job `media.renditions` {mediaId}: note how long the video is, and make what it can also be played as.

    Without ffmpeg nothing is made, and the source is served as it is. Done again it makes the same again.
    """
    media = Media(tools.database)
    row = await media.find(payload["mediaId"])
    if row is None or row.status != "ready" or row.object_key is None or row.content_type not in _READERS:
        return
    programs = find_tools()
    if programs is None:
        _log.info("no_ffmpeg", media=row.id)
        return
    try:
        async with (
            work_folder(tools.values.data_dir, "renditions") as folder,
            tools.objects.as_file(row.object_key, folder) as source,
        ):
            seconds, heights, has_poster = await _make(programs, row, source, folder, tools)
        await media.note_playback(row.id, seconds, heights, has_poster, tools.clock())
    except Failed as error:
        raise GiveUp(f"ffmpeg cannot make anything of the video {row.id}: {error}") from error
    except ObjectMissing as error:
        raise GiveUp(f"the bytes of the video {row.id} are gone") from error


async def _make(programs: Tools, row: MediaRow, source: Path, folder: Path, tools: JobTools) -> tuple[int, list[int], bool]:
    """Make and store everything. The length in seconds, the heights, and whether there is a poster."""
    reading = ["-protocol_whitelist", "file", "-f", _READERS[row.content_type]]
    picture = await _probe(programs, reading, source)
    heights = list(rendition_heights(picture.height))
    given = [*reading, "-i", str(source)]
    variants = [await _make_rendition(programs, given, height, folder / f"{height}p") for height in heights]
    poster = folder / "poster.jpg"
    at = f"{min(10.0, picture.seconds / 10):.2f}"
    scale = f"scale=-2:{min(720, picture.height) // 2 * 2}"
    await _run(programs, ["-ss", at, *given, "-frames:v", "1", "-vf", scale, str(poster)])
    master = folder / "index.m3u8"
    await asyncio.to_thread(master.write_text, "\n".join(("#EXTM3U", "#EXT-X-VERSION:3", *variants, "")))
    # The master last: whoever finds it finds everything that it names.
    for height in heights:
        for made in sorted(await asyncio.to_thread(_files, folder / f"{height}p")):
            kind = "video/mp2t" if made.suffix == ".ts" else "application/vnd.apple.mpegurl"
            await tools.objects.put_file(f"{folder_of(row.id)}/hls/{height}p/{made.name}", made, kind)
    has_poster = await asyncio.to_thread(poster.is_file)
    if has_poster:
        await tools.objects.put_file(f"{folder_of(row.id)}/poster.jpg", poster, "image/jpeg")
    await tools.objects.put_file(f"{folder_of(row.id)}/hls/index.m3u8", master, "application/vnd.apple.mpegurl")
    return round(picture.seconds), heights, has_poster


async def _make_rendition(programs: Tools, source: Sequence[str], height: int, into: Path) -> str:
    """Make the segments and the playlist of one height; the lines that name it in the master playlist."""
    await asyncio.to_thread(into.mkdir)
    kilobits = _KILOBITS.get(height, 500)
    video = ["-map", "0:v:0", "-vf", f"scale=-2:{height}", "-c:v", "libx264", "-preset", "veryfast", "-crf", "23"]
    video += ["-profile:v", "main", "-pix_fmt", "yuv420p", "-maxrate", f"{kilobits}k", "-bufsize", f"{2 * kilobits}k"]
    video += ["-force_key_frames", f"expr:gte(t,n_forced*{_SEGMENT_SECONDS})", "-sc_threshold", "0"]
    audio = ["-map", "0:a:0?", "-c:a", "aac", "-b:a", "128k", "-ac", "2"]
    segments = ["-hls_time", str(_SEGMENT_SECONDS), "-hls_playlist_type", "vod", "-hls_segment_filename"]
    segments += [str(into / "%05d.ts"), "-f", "hls", str(into / "index.m3u8")]
    await _run(programs, [*source, *video, *audio, "-t", str(_LONGEST_SECONDS), *segments])
    seen = await _probe(programs, ["-f", "mpegts"], into / "00000.ts")
    bandwidth = (kilobits + 128) * 1_100
    return f"#EXT-X-STREAM-INF:BANDWIDTH={bandwidth},RESOLUTION={seen.width}x{seen.height}\n{into.name}/index.m3u8"


async def _probe(programs: Tools, reading: Sequence[str], path: Path) -> Picture:
    asked = "format=duration:stream=codec_type,width,height:stream_side_data=rotation"
    arguments = ["-v", "error", *reading, "-select_streams", "v:0", "-show_entries", asked, "-of", "json", str(path)]
    said = json.loads(await _call([programs.ffprobe, *arguments], _PROBE_SECONDS))
    streams = said.get("streams") or [{}]
    width, height = streams[0].get("width"), streams[0].get("height")
    if not isinstance(width, int) or not isinstance(height, int) or min(width, height) < 2:
        raise Failed("it has no picture")
    turned = any(abs(int(data.get("rotation", 0))) % 180 == 90 for data in streams[0].get("side_data_list", []))
    try:
        seconds = float(said.get("format", {}).get("duration", 0))
    except ValueError:
        seconds = 0.0
    seconds = min(max(seconds, 0.0), float(_LONGEST_SECONDS))
    return Picture(height, width, seconds) if turned else Picture(width, height, seconds)


async def _run(programs: Tools, arguments: Sequence[str]) -> None:
    limit = ["-timelimit", str(int(LIMIT_SECONDS))]  # it ends by itself if nobody is left to end it
    polite = [programs.nice, "-n", "19"] if programs.nice is not None else []
    await _call([*polite, programs.ffmpeg, "-nostdin", "-v", "error", "-y", *limit, *arguments], LIMIT_SECONDS)


async def _call(command: Sequence[str], seconds: float) -> bytes:
    """What a program writes. Raises Failed. It is ended when the caller is, and knows nothing of our environment."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe, env={"LC_ALL": "C"}
    )
    try:
        async with asyncio.timeout(seconds):
            out, errors = await process.communicate()
    except TimeoutError as error:
        raise Failed(f"it took longer than {seconds:.0f} s") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        words = errors.decode(errors="replace").strip().splitlines()
        raise Failed(words[-1][:300] if words else f"exit status {process.returncode}")
    return out


def _files(folder: Path) -> list[Path]:
    return list(folder.iterdir())
