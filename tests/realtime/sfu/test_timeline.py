from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.sfu.timeline import JUMP_SECONDS, Track

SOUND, PICTURES = 48_000, 90_000


def play(track: Track, rate: int, seconds: float, delays: list[float], beside: Track, first: int = 0) -> list[float]:
    """How far each frame is placed from when it was taken; one each 20 ms, delayed by these in turn."""
    off = []
    for index in range(round(seconds * 50)):
        taken = index / 50
        now = taken + delays[index % len(delays)]
        timestamp = first + round(taken * rate)
        track.arrived(timestamp, now)
        off.append(track.place(timestamp, now, beside) - taken)
    return off


@given(st.lists(st.floats(0.0, 0.15), min_size=1, max_size=50), st.integers(0, 2**33))
def test_frames_are_placed_as_the_fastest_packet_travelled(delays: list[float], first: int) -> None:
    track = Track(SOUND)
    off = play(track, SOUND, 30.0, delays, Track(PICTURES), first)
    assert off[-1] == pytest.approx(min(delays), abs=1e-3)
    steps = [after - before + 0.02 for before, after in pairwise(off)]
    assert all(step >= 0.02 - 0.02 * 0.2 for step in steps)  # 0.2 s: two packets with the whole jitter between them


def test_what_the_sender_says_brings_sound_and_pictures_together() -> None:
    sound, film = Track(SOUND), Track(PICTURES)
    film_off = play(film, PICTURES, 20.0, [0.18], sound)
    sound_off = play(sound, SOUND, 20.0, [0.03], film)
    assert film_off[-1] - sound_off[-1] == pytest.approx(0.15)
    sound.reported("ina", 1_000.0, 0)
    film.reported("ina", 1_000.0, 0)
    film_off = play(film, PICTURES, 20.0, [0.18], sound)
    sound_off = play(sound, SOUND, 20.0, [0.03], film)
    assert film_off[-1] - sound_off[-1] == pytest.approx(0.0, abs=1e-3)


def test_reports_of_two_people_say_nothing_of_each_other() -> None:
    sound, film = Track(SOUND), Track(PICTURES)
    sound.reported("ina", 5.0, 0)
    film.reported("ben", 9_000.0, 0)
    assert play(film, PICTURES, 2.0, [0.05], sound)[-1] == pytest.approx(0.05)


@given(st.floats(-1e10, 1e10))
def test_a_wrong_clock_moves_nothing_far(wrong: float) -> None:
    sound, film = Track(SOUND), Track(PICTURES)
    play(sound, SOUND, 1.0, [0.0], film)
    sound.reported("ina", 0.0, 0)
    film.reported("ina", wrong, 0)
    assert abs(play(film, PICTURES, 5.0, [0.0], sound)[-1]) <= 0.5 + 1e-3


def test_a_jump_is_followed_at_once() -> None:
    track = Track(SOUND)
    play(track, SOUND, 1.0, [0.0], Track(PICTURES))
    later = 20.0 + 2 * JUMP_SECONDS
    for step in (0.0, 6.0):  # two windows, until nothing that came before the jump counts
        track.arrived(round((20.0 + step) * SOUND), later + step)
        placed = track.place(round((20.0 + step) * SOUND), later + step, Track(PICTURES))
    assert placed == pytest.approx(26.0 + 2 * JUMP_SECONDS)


def test_nothing_can_be_placed_before_something_came() -> None:
    with pytest.raises(ValueError, match="Nothing has arrived"):
        Track(SOUND).place(0, 0.0, Track(PICTURES))


@pytest.mark.parametrize("is_reported", [False, True])
def test_sound_that_counts_on_after_a_pause_as_if_there_had_been_none_is_placed_after_it(is_reported: bool) -> None:
    sound, film = Track(SOUND), Track(PICTURES)
    if is_reported:
        for track in (sound, film):
            track.reported("ina", 1_000.0, 0)
    play(sound, SOUND, 6.0, [0.03], film)
    play(film, PICTURES, 16.0, [0.03], sound)
    off = []
    for index in range(50):
        timestamp, now = round((6.0 + index / 50) * SOUND), 16.0 + index / 50 + 0.03
        if is_reported and index == 20:
            sound.reported("ina", 1_016.0 + index / 50, timestamp)
        sound.arrived(timestamp, now)
        off.append(sound.place(timestamp, now, film) - (16.0 + index / 50))
    assert off == pytest.approx([0.03] * 50, abs=0.5 if is_reported else 1e-3)
    assert off[20:] == pytest.approx([0.03] * 30, abs=1e-3)
