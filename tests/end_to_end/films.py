"""Films as the product serves them, looked at as a player would: what is in the file, and whether it holds together."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
from av.audio.resampler import AudioResampler

_RATE = 8_000
_BRIGHT, _LOUD = 150, 0.05
_APART_SECONDS = 0.5


@dataclass(frozen=True)
class Film:
    """What was found in a file. Times are seconds from its beginning."""

    codecs: list[str]
    seconds: float
    picture_times: list[float]
    sound_times: list[float]
    begins_with_keyframe: bool
    decoded_pictures: int
    decoded_sound_seconds: float
    sizes: list[tuple[int, int]]
    flashes: list[float]
    """When the picture became bright."""
    beeps: list[float]
    """When it became loud."""


def look_at(path: Path) -> Film:
    """Read the whole file and decode all of it. Blocks."""
    times: dict[str, list[float]] = {"video": [], "audio": []}
    begins = False
    with av.open(str(path)) as file:
        codecs = sorted(stream.codec_context.name for stream in file.streams)
        seconds = (file.duration or 0) / 1_000_000
        for packet in file.demux():
            if packet.size and packet.pts is not None:
                if packet.stream.type == "video" and not times["video"]:
                    begins = packet.is_keyframe
                times[packet.stream.type].append(float(packet.pts * packet.time_base))
    shades, sizes = _shades(path)
    loudness, heard = _loudness(path)
    return Film(
        codecs=codecs,
        seconds=seconds,
        picture_times=times["video"],
        sound_times=times["audio"],
        begins_with_keyframe=begins,
        decoded_pictures=len(shades),
        decoded_sound_seconds=heard,
        sizes=sizes,
        flashes=_beginnings([(at, shade > _BRIGHT) for at, shade in shades]),
        beeps=_beginnings([(at, level > _LOUD) for at, level in loudness]),
    )


def holds_together(film: Film, codec: str = "vp8") -> None:
    """Fails unless the film keeps to what every recording does, whatever happened while it was made."""
    assert film.codecs == sorted(("opus", codec)), film.codecs
    assert film.begins_with_keyframe
    assert _is_in_order(film.picture_times), film.picture_times
    assert _is_in_order(film.sound_times), film.sound_times
    assert film.decoded_pictures == len(film.picture_times), (film.decoded_pictures, len(film.picture_times))


def offsets(flashes: list[float], beeps: list[float]) -> list[float]:
    """For each flash how much later the nearest beep is, where there is one within half the time between two."""
    nearest = [min((beep - flash for beep in beeps), key=abs, default=9.0) for flash in flashes]
    return [offset for offset in nearest if abs(offset) < _APART_SECONDS]


def _shades(path: Path) -> tuple[list[tuple[float, float]], list[tuple[int, int]]]:
    """How bright each picture is in its middle, and the sizes in their order, each once."""
    found: list[tuple[float, float]] = []
    sizes: list[tuple[int, int]] = []
    with av.open(str(path)) as file:
        if not file.streams.video:
            return [], []
        for frame in file.decode(video=0):
            plane = frame.to_ndarray(format="gray")
            height, width = plane.shape
            middle = plane[height // 3 : 2 * height // 3, width // 3 : 2 * width // 3]
            found.append((frame.time or 0.0, float(middle.mean())))
            if not sizes or sizes[-1] != (width, height):
                sizes.append((width, height))
    return found, sizes


def _loudness(path: Path) -> tuple[list[tuple[float, float]], float]:
    """The greatest amplitude of each hundredth of a second, and how many seconds were decoded."""
    found: list[tuple[float, float]] = []
    resampler = AudioResampler("flt", "mono", _RATE)
    step, seconds = _RATE // 100, 0.0
    with av.open(str(path)) as file:
        if not file.streams.audio:
            return [], 0.0
        for frame in file.decode(audio=0):
            seconds += frame.samples / frame.sample_rate
            for plain in resampler.resample(frame):
                samples = np.abs(plain.to_ndarray()[0])
                begin = plain.time or 0.0
                found += [(begin + at / _RATE, float(samples[at : at + step].max())) for at in range(0, len(samples), step)]
    return found, seconds


def _is_in_order(times: list[float]) -> bool:
    """Whether each is later than the one before."""
    return all(later > earlier for earlier, later in pairwise(times))


def _beginnings(marks: list[tuple[float, bool]]) -> list[float]:
    """When it began each time; what stops for less than a tenth of a second has not stopped."""
    found: list[float] = []
    last = -1.0
    for at, on in marks:
        if on:
            if at - last > 0.1:
                found.append(at)
            last = at
    return found
