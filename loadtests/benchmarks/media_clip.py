"""Eight seconds of pictures and sound, encoded once, as RTP payloads: replaying them costs a publisher next to nothing."""

import pickle
import random
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

WIDTH, HEIGHT, FRAMES_A_SECOND, SECONDS = 640, 360, 25, 8
VIDEO_BITS = 600_000
OPUS_SECONDS = 0.02
PAYLOAD_BYTES = 1_150
NOISY_ROWS = 16
_STEP_VIDEO, _STEP_AUDIO = 90_000 // FRAMES_A_SECOND, 960


@dataclass(frozen=True)
class Clip:
    """VP8 frames, the first of which is the only keyframe, and Opus packets of 20 ms. Both can begin anew at any frame."""

    frames: tuple[bytes, ...]
    sounds: tuple[bytes, ...]

    @property
    def kilobits(self) -> float:
        """Of video, a second."""
        return sum(map(len, self.frames)) * 8 / 1_000 / len(self.frames) * FRAMES_A_SECOND


def clip_in(folder: Path) -> Clip:
    """The clip of this folder; encoded when it is not there yet, which takes some seconds."""
    kept = folder / "clip.pickle"
    if not kept.exists():
        made = encode()
        kept.write_bytes(pickle.dumps((made.frames, made.sounds)))
    frames, sounds = pickle.loads(kept.read_bytes())  # noqa: S301 - this process's or its parent's own file
    return Clip(frames, sounds)


def encode(seconds: int = SECONDS) -> Clip:
    """VP8 640x360@25 at 600 kbit/s and Opus, of noise that moves, by seed."""
    import av  # heavy, and only who makes a clip needs it

    chance = random.Random(1)
    context = av.CodecContext.create("libvpx", "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    context.time_base, context.framerate = Fraction(1, FRAMES_A_SECOND), Fraction(FRAMES_A_SECOND)
    context.bit_rate, context.gop_size = VIDEO_BITS, FRAMES_A_SECOND * seconds
    context.options = {
        "deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "error-resilient": "1", "static-thresh": "0",
        "minrate": "600k", "maxrate": "600k", "bufsize": "600k", "undershoot-pct": "100", "overshoot-pct": "15",
    }  # fmt: skip
    blocks = [bytes(64 + chance.randrange(64) for _ in range(WIDTH // 16) for _ in range(16)) for _ in range(HEIGHT // 8)]
    frames: list[bytes] = []
    for number in range(FRAMES_A_SECOND * seconds):
        picture = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
        shift = number * 2 % WIDTH
        # a texture of blocks that wanders, with fresh noise in a stripe: as hard to predict as a person who moves
        texture = b"".join(blocks[y // 8][shift:] + blocks[y // 8][:shift] for y in range(HEIGHT - NOISY_ROWS))
        texture += bytes(64 + value // 2 for value in chance.randbytes(WIDTH * NOISY_ROWS))
        for plane, content in zip(picture.planes, (texture, b"\x80", b"\x80"), strict=True):
            size = plane.buffer_size
            lines = content if len(content) > 1 else content * size
            plane.update(_padded(lines, WIDTH, plane.line_size, size))
        picture.pts, picture.time_base = number, Fraction(1, FRAMES_A_SECOND)
        frames += [bytes(packet) for packet in context.encode(picture)]
    frames += [bytes(packet) for packet in context.encode(None)]
    return Clip(tuple(frames), _sounds(seconds, chance))


def _sounds(seconds: int, chance: random.Random) -> tuple[bytes, ...]:
    import av

    context = av.CodecContext.create("libopus", "w")
    assert isinstance(context, av.AudioCodecContext)
    context.sample_rate, context.layout, context.format = 48_000, "mono", "s16"
    context.bit_rate, context.time_base = 32_000, Fraction(1, 48_000)
    context.options = {"frame_duration": "20", "vbr": "on", "application": "voip"}
    sounds: list[bytes] = []
    for number in range(seconds * 50):
        sound = av.AudioFrame("s16", "mono", _STEP_AUDIO)
        sound.sample_rate, sound.pts, sound.time_base = 48_000, number * _STEP_AUDIO, Fraction(1, 48_000)
        plane = sound.planes[0]
        plane.update(
            (bytes(chance.choices((0, 8, 240, 247), k=_STEP_AUDIO * 2)) + bytes(plane.buffer_size))[: plane.buffer_size]
        )
        sounds += [bytes(packet) for packet in context.encode(sound)]
    return tuple(sounds)


def _padded(content: bytes, width: int, line_size: int, size: int) -> bytes:
    if line_size == width or len(content) == size:
        return content[:size]
    rows = [content[at : at + width].ljust(line_size, b"\0") for at in range(0, len(content), width)]
    return b"".join(rows)[:size]


def payloads(frame: bytes, picture_id: int) -> list[bytes]:
    """One VP8 frame as RTP payloads with a picture id of 15 bits (RFC 7741, 4.2)."""
    tail = b"\x80" + (0x8000 | picture_id & 0x7FFF).to_bytes(2, "big")
    pieces = [frame[at : at + PAYLOAD_BYTES] for at in range(0, len(frame), PAYLOAD_BYTES)]
    return [(b"\x90" if number == 0 else b"\x80") + tail + piece for number, piece in enumerate(pieces)]
