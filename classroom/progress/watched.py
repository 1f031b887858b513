"""Which seconds of a video somebody has watched: disjoint intervals, so that no second counts twice."""

from collections.abc import Sequence

from classroom.times import SECOND

Interval = tuple[int, int]
"""From the first second to the one after the last, whole seconds from the start of the video."""
Watched = tuple[Interval, ...]
"""Disjoint intervals with a gap between any two, in order."""

INTERVALS = 500
FASTEST = 2
"""Players go at twice the speed at most."""
SLACK_SECONDS = 1_800
"""A player that was offline tells late what was watched, up to half an hour of it. Whoever used that up gets it back only by
waiting, so a long video cannot be claimed in no time."""
SLACK = SLACK_SECONDS * SECOND
ENOUGH_PERCENT = 90
"""Who has watched so much of a video has seen it."""


def allowed(unspent: int, since_last: int) -> int:
    """How many microseconds of a video a report may be good for: what can have passed since the report before it, at twice
    the speed, and what that one left `unspent`, half an hour at most. Before the first report half an hour is unspent."""
    return min(unspent, SLACK) + max(0, since_last) * FASTEST


def credited(position: int, watched: int, duration: int, possible: int) -> Interval | None:
    """The seconds that a player's report is good for: the last `watched` before `position`, but not more than the `possible`
    ones, whole seconds all. None when there are none."""
    end = min(position, duration)
    start = max(0, end - max(0, min(watched, possible)))
    return (start, end) if start < end else None


def add(watched: Watched, interval: Interval) -> Watched:
    """With these seconds as well. When there would be more than 500 intervals the shortest is forgotten: nobody is
    credited with what was not watched."""
    start, end = interval
    if start >= end:
        return watched
    before = [each for each in watched if each[1] < start]
    behind = [each for each in watched if each[0] > end]
    touching = watched[len(before) : len(watched) - len(behind)]
    merged = (min([start, *(each[0] for each in touching)]), max([end, *(each[1] for each in touching)]))
    return _bounded([*before, merged, *behind])


def seconds(watched: Watched) -> int:
    """How many seconds that is."""
    return sum(end - start for start, end in watched)


def is_enough(watched: Watched, duration: int) -> bool:
    """Whether nine tenths of the video were watched; of a video without length nothing is enough."""
    return duration > 0 and seconds(watched) * 100 >= duration * ENOUGH_PERCENT


def _bounded(intervals: Sequence[Interval]) -> Watched:
    if len(intervals) <= INTERVALS:
        return tuple(intervals)
    shortest = min(range(len(intervals)), key=lambda index: intervals[index][1] - intervals[index][0])
    return (*intervals[:shortest], *intervals[shortest + 1 :])
