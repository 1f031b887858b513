"""What a bad network loses is asked for again, on both ways; a crowd that comes costs one keyframe request a second."""

import asyncio

import pytest

from loadtests.benchmarks.media_clip import Clip
from loadtests.benchmarks.media_publisher import Publisher
from loadtests.benchmarks.media_viewer import Stream, Viewer
from tests.sfu_class import media_class
from tests.sfu_proxy import Weather

LOSSY = Weather(lost=0.05)
PACKETS = 700
"""Of video: about eleven seconds."""
JOINING = 40


def video(viewer: Viewer) -> Stream:
    stream = viewer.stream("video")
    assert stream is not None
    return stream


def shown(viewer: Viewer, packets: int = 1) -> bool:
    stream = viewer.stream("video")
    return stream is not None and stream.expected >= packets


@pytest.mark.parametrize("retransmission", [False, True], ids=["same stream", "rtx"])
async def test_nearly_all_that_five_percent_each_way_lose_is_recovered(clip: Clip, retransmission: bool) -> None:
    async with media_class() as room:
        publisher, viewer = Publisher(clip), Viewer(asks_again=True, retransmission=retransmission)
        before, behind = room.weather(5, LOSSY, LOSSY), room.weather(6, LOSSY, LOSSY)
        await room.publish(publisher, proxy=before)
        await room.watch(viewer, "student", proxy=behind)
        await viewer.until(lambda: shown(viewer, PACKETS), 60, f"{PACKETS} packets")
        stream = video(viewer)
        await viewer.until(lambda: not stream.missing or stream.expected > PACKETS + 100, 5, "the last missing packets")

    lost_before, lost_behind = before.seen["up lost"], behind.seen["down lost"]
    said = (
        f"{lost_before + lost_behind} lost on the way, {stream.recovered} recovered at the viewer, {stream.lost} never came"
    )
    print(f"{said}; {stream.freezes} freezes, the longest of {stream.longest_freeze:.2f} s")
    assert lost_before > 20
    assert lost_behind > 20
    assert stream.recovered > 20
    assert 1 - stream.lost / stream.expected >= 0.995, f"{stream.lost} of {stream.expected} packets stayed away"


async def test_late_repeated_and_disordered_packets_reach_the_viewer_once(clip: Clip) -> None:
    weather = Weather(repeated=0.1, reordered=0.1, delay=0.01, jitter=0.005)
    async with media_class() as room:
        publisher, viewer = Publisher(clip), Viewer(asks_again=False)  # so that nothing repeats but what is passed on
        await room.publish(publisher, proxy=room.weather(9, weather, weather))
        await room.watch(viewer, "student")
        await viewer.until(lambda: shown(viewer, 300), 30, "300 packets")
        stream = video(viewer)
        await viewer.until(lambda: not stream.missing or stream.expected > 400, 5, "the last missing packets")

    assert stream.lost == 0
    assert stream.repeated <= stream.expected * 0.02, "repeats of the publisher's network were passed on"


async def test_a_crowd_that_joins_at_once_costs_one_keyframe_a_second(clip: Clip) -> None:
    loop = asyncio.get_running_loop()
    async with media_class() as room:
        publisher = Publisher(clip)
        await room.publish(publisher)
        viewers = [Viewer() for _ in range(JOINING)]
        began = loop.time()
        async with asyncio.TaskGroup() as group:
            for number, viewer in enumerate(viewers):
                group.create_task(room.watch(viewer, f"student-{number}"))
        async with asyncio.TaskGroup() as group:
            for viewer in viewers:
                group.create_task(viewer.until(lambda viewer=viewer: shown(viewer, 20), 30, "a picture"))
        seconds = loop.time() - began
        asked = list(publisher.keyframes_asked)

    assert asked
    assert len(asked) <= seconds + 1


async def test_a_publisher_who_returns_goes_on_in_the_viewers_stream(clip: Clip) -> None:
    async with media_class() as room:
        first, second, viewer = Publisher(clip), Publisher(clip), Viewer()
        await room.publish(first)
        await room.watch(viewer, "student")
        await viewer.until(lambda: shown(viewer, 50), 20, "the first picture")
        await first.vanish()
        stream, before = video(viewer), video(viewer).received
        await room.publish(second)
        await viewer.until(lambda: stream.received > before + 100, 20, "the second picture")

    assert [each.kind for each in viewer.streams.values()].count("video") == 1
    assert stream.lost == 0
