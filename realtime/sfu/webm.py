"""Encoded frames in files, as they are: pieces of a recording (WebM, for H.264 Matroska), and all pieces in one file with an
index (WebM, for H.264 MP4). The only user of PyAV's containers."""

import io
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
from av.container import OutputContainer
from av.error import FFmpegError

from realtime.sfu.frames import Frame

_MILLISECOND = Fraction(1, 1000)
_SOUND_MS = 20
_PICTURE_MS = 33
_START = b"\x00\x00\x00\x01"
_PIECE_FORMATS = {"vp8": "webm", "h264": "matroska", None: "webm"}
_FORMATS = {"vp8": ("webm", "video/webm"), "h264": ("mp4", "video/mp4"), None: ("webm", "video/webm")}
# The index in front, so that a browser can begin anywhere after one request.
_OPTIONS = {"webm": {"cues_to_front": "1"}, "mp4": {"movflags": "+faststart"}, "matroska": {}}


class BadPiece(Exception):
    """What should be a piece of a recording cannot be read, or its frames cannot be written."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A frame at its time, in milliseconds from the beginning of the run of the recorder."""

    frame: Frame
    at: int


@dataclass(frozen=True, slots=True)
class Joined:
    """A finished file."""

    seconds: float
    content_type: str


def picture_of(samples: Sequence[Sample]) -> str | None:
    """The codec of the pictures, None without any. They must all have the same."""
    return next((sample.frame.codec for sample in samples if sample.frame.codec != "opus"), None)


def write_piece(samples: Sequence[Sample]) -> bytes:
    """A file with these samples at these times. Blocks for some milliseconds. Raises BadPiece."""
    ordered = sorted(samples, key=lambda sample: sample.at)
    picture = picture_of(ordered)
    first = next((sample.frame for sample in ordered if sample.frame.codec == picture), None)
    file = io.BytesIO()
    try:
        with av.open(file, "w", format=_PIECE_FORMATS[picture]) as container:
            size = None if first is None else (first.width, first.height)
            streams = _add_streams(container, picture, size, sound=any(s.frame.codec == "opus" for s in ordered))
            for sample in ordered:
                frame = sample.frame
                data = frame.data
                if frame is first and not frame.is_keyframe:
                    data = frame.parameters + data
                container.mux(_packet(data, streams[frame.codec], sample.at, is_keyframe=frame.is_keyframe))
    except (FFmpegError, ValueError) as error:
        raise BadPiece(f"A piece of {len(samples)} frames cannot be written: {error}") from error
    return file.getvalue()


def read_size(piece: bytes) -> tuple[int, int]:
    """Width and height of the pictures in a piece. Raises BadPiece when there are none."""
    try:
        with av.open(io.BytesIO(piece)) as container:
            for stream in container.streams.video:
                return stream.width, stream.height
    except FFmpegError as error:
        raise BadPiece(f"A piece cannot be read: {error}") from error
    raise BadPiece("There is no picture in this piece.")


class Joiner:
    """Makes one file of pieces. Everything blocks: call it in a thread. Memory does not grow with the pieces."""

    def __init__(self, path: Path, picture: str | None, size: tuple[int, int] | None, *, sound: bool) -> None:
        """Pictures of any other codec than `picture` are left out; `size` is that of the first. Raises BadPiece."""
        self._picture = picture
        self._format, self._type = _FORMATS[picture]
        self._run = ""
        self._number = -1
        self._shift = 0
        self._end = 0
        self._latest = {"video": -1, "audio": -1}
        self._waits = True
        self.left_out = 0
        """How many pictures are not in the file: of another codec, or before a keyframe."""
        try:
            self._file: OutputContainer = av.open(str(path), "w", format=self._format, options=_OPTIONS[self._format])
            self._streams = _add_streams(self._file, picture, size, sound=sound)
        except (FFmpegError, ValueError) as error:
            raise BadPiece(f"A file for the recording cannot be begun: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file; without `finish` before, it is worth nothing."""
        with suppress(FFmpegError, ValueError):  # ValueError: there was nothing to begin it with
            self._file.close()

    def add(self, run: str, number: int, piece: bytes) -> None:
        """Append a piece. A run goes on where the run before it ended. Raises BadPiece; then nothing of it counts."""
        try:
            packets = list(_read(piece))
        except FFmpegError as error:
            self._waits = True
            raise BadPiece(f"Piece {number} of the run {run} cannot be read: {error}") from error
        if not packets:
            return
        if run != self._run:
            self._shift = self._end - min(at for _, at, _, _ in packets)
            self._waits = True
        elif number != self._number + 1:
            self._waits = True
        self._run, self._number = run, number
        for codec, at, data, is_keyframe in packets:
            self._write(codec, at + self._shift, data, is_keyframe=is_keyframe)

    def finish(self) -> Joined:
        """Write the index; the file is whole after that. Raises BadPiece."""
        try:
            self._file.close()
        except (FFmpegError, ValueError) as error:
            raise BadPiece(f"The file of the recording cannot be ended: {error}") from error
        return Joined(self._end / 1000, self._type)

    def _write(self, codec: str, at: int, data: bytes, *, is_keyframe: bool) -> None:
        stream = self._streams.get(codec)
        kind = "audio" if codec == "opus" else "video"
        if kind == "video":
            self._waits = self._waits and not is_keyframe
            if self._waits or stream is None:
                self.left_out += 1
                return
        if stream is None:
            return
        at = max(at, self._latest[kind] + 1)
        self._latest[kind] = at
        self._end = max(self._end, at + (_SOUND_MS if kind == "audio" else _PICTURE_MS))
        try:
            self._file.mux(_packet(data, stream, at, is_keyframe=is_keyframe))
        except (FFmpegError, ValueError) as error:
            raise BadPiece(f"A frame at {at} ms cannot be written: {error}") from error


def _add_streams(
    container: OutputContainer, picture: str | None, size: tuple[int, int] | None, *, sound: bool
) -> dict[str, Any]:
    streams: dict[str, Any] = {}
    if picture is not None and size is not None:
        streams[picture] = container.add_mux_stream(picture, width=size[0], height=size[1], time_base=_MILLISECOND)
    if sound:
        # An encoder that is given nothing: it knows the header that players want (RFC 7845 section 5.1).
        streams["opus"] = container.add_stream("libopus", rate=48_000, layout="stereo")
    return streams


def _packet(data: bytes, stream: Any, at: int, *, is_keyframe: bool) -> "av.Packet[Any]":
    packet = av.Packet(data)
    packet.stream = stream
    packet.pts = packet.dts = at
    packet.time_base = _MILLISECOND
    packet.duration = _SOUND_MS if stream.type == "audio" else _PICTURE_MS  # of the last one, nothing else tells it
    packet.is_keyframe = is_keyframe
    return packet


def _read(piece: bytes) -> Iterator[tuple[str, int, bytes, bool]]:
    """Codec, milliseconds, bytes (H.264 in Annex B) and whether it is a keyframe, of each frame in a piece."""
    with av.open(io.BytesIO(piece), "r") as container:
        for packet in container.demux():
            if packet.pts is None or not packet.size:
                continue
            codec = packet.stream.codec_context.name
            codec = "opus" if packet.stream.type == "audio" else codec
            data = bytes(packet)
            at = round(packet.pts * packet.time_base * 1000)
            yield codec, at, _annex_b(data) if codec == "h264" else data, packet.is_keyframe


def _annex_b(data: bytes) -> bytes:
    """An access unit whose NAL units have their lengths before them (ISO/IEC 14496-15), with start codes instead."""
    out, at = bytearray(), 0
    while at + 4 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        out += _START + data[at + 4 : at + 4 + size]
        at += 4 + size
    return bytes(out)
