"""Who holds which slot: stable, staff first, nobody twice, nobody left out while one is free."""

from hypothesis import given
from hypothesis import strategies as st

from realtime.sfu.slots import CAMERAS, LOUDEST, MAIN, MICROPHONES, SCREEN, Key, Slots, slot_names

BOTH = ("audio", "video")
TEACHER, ANN, BOB = ("teacher", "camera"), ("ann", "camera"), ("bob", "camera")


def test_the_lines_of_a_class_page_have_all_slots_in_order() -> None:
    assert slot_names(["video"] * 6 + ["audio"] * 7) == [SCREEN, *CAMERAS, None, *MICROPHONES, None]
    assert slot_names(["audio", "video", "audio"]) == ["microphone-0", SCREEN, "microphone-1"]


def test_a_plain_player_has_main_and_loudest() -> None:
    assert slot_names(["audio", "video"]) == [LOUDEST, MAIN]
    assert slot_names(["video"]) == [MAIN]
    assert slot_names(["application", "audio"]) == [None, LOUDEST]


def test_the_first_camera_is_kept_for_staff() -> None:
    slots = Slots()
    slots.put(ANN, staff=False, kinds=BOTH)
    slots.put(TEACHER, staff=True, kinds=BOTH)
    held = slots.held()
    assert (held["camera-0"], held["camera-1"]) == (TEACHER, ANN)
    assert (held["microphone-0"], held["microphone-1"]) == (TEACHER, ANN)


def test_a_source_that_comes_again_keeps_its_slots_and_may_send_less() -> None:
    slots = Slots()
    slots.put(TEACHER, staff=True, kinds=BOTH)
    slots.put(ANN, staff=False, kinds=BOTH)
    before = slots.held()
    slots.put(TEACHER, staff=True, kinds=BOTH)
    assert slots.held() == before
    slots.put(ANN, staff=False, kinds=("audio",))
    assert "camera-1" not in slots.held()
    assert slots.held()["microphone-1"] == ANN


def test_who_waits_takes_what_gets_free() -> None:
    slots = Slots()
    slots.put(("teacher", "screen"), staff=True, kinds=BOTH)
    slots.put(("ann", "screen"), staff=False, kinds=("video",))
    assert slots.held()[SCREEN] == ("teacher", "screen")
    slots.remove(("nobody", "screen"))
    slots.remove(("teacher", "screen"))
    assert slots.held() == {SCREEN: ("ann", "screen"), MAIN: ("ann", "screen")}


def test_main_is_the_screen_then_who_speaks_then_the_instructor() -> None:
    slots = Slots()
    assert slots.held() == {}
    slots.put(ANN, staff=False, kinds=BOTH)
    assert slots.held()[MAIN] == ANN
    slots.put(TEACHER, staff=True, kinds=BOTH)
    assert slots.held()[MAIN] == TEACHER
    slots.hear(["nobody", "ann", "teacher"])
    assert slots.held()[MAIN] == ANN
    slots.put(("teacher", "screen"), staff=True, kinds=("video",))
    assert slots.held()[MAIN] == ("teacher", "screen")
    slots.remove(("teacher", "screen"))
    slots.hear([])
    assert slots.held()[MAIN] == TEACHER


def test_loudest_stays_with_who_spoke_last() -> None:
    slots = Slots()
    slots.put(TEACHER, staff=True, kinds=BOTH)
    slots.put(ANN, staff=False, kinds=BOTH)
    assert slots.held()[LOUDEST] == TEACHER
    slots.hear(["ann"])
    slots.hear([])
    assert slots.held()[LOUDEST] == ANN
    slots.remove(ANN)
    assert slots.held()[LOUDEST] == TEACHER
    slots.remove(TEACHER)
    assert slots.held() == {}


def test_who_shares_a_screen_with_sound_is_heard_by_the_microphone() -> None:
    slots = Slots()
    slots.put(("ann", "screen"), staff=False, kinds=BOTH)
    slots.put(ANN, staff=False, kinds=BOTH)
    slots.hear(["ann"])
    assert slots.held()[LOUDEST] == ANN


people = st.sampled_from([f"person-{number}" for number in range(9)])
sources = st.tuples(people, st.sampled_from(["camera", "screen"]))
changes = st.tuples(sources, st.booleans(), st.sampled_from([(), ("audio",), ("video",), BOTH]))


@given(st.lists(changes, max_size=60), st.lists(people, max_size=4))
def test_slots_are_stable_and_none_is_free_while_somebody_waits(
    steps: list[tuple[Key, bool, tuple[str, ...]]], speakers: list[str]
) -> None:
    slots = Slots()
    here: dict[Key, tuple[bool, tuple[str, ...]]] = {}
    slots.hear(speakers)
    for key, staff, kinds in steps:
        before = slots.held()
        if kinds:
            slots.put(key, staff, kinds)
            here[key] = (staff, kinds)
        else:
            slots.remove(key)
            here.pop(key, None)
        held = slots.held()
        fixed = [slot for slot in (SCREEN, *CAMERAS, *MICROPHONES) if slot in before and before[slot] != key]
        assert all(held[slot] == before[slot] for slot in fixed)
        for group, kind in ((CAMERAS, "video"), (MICROPHONES, "audio"), ((SCREEN,), "video")):
            holders = [held[slot] for slot in group if slot in held]
            assert len(holders) == len(set(holders))
            assert all(kind in here[holder][1] for holder in holders)
            waiting = [
                one
                for one, (_, sent) in here.items()
                if kind in sent and one not in holders and (kind == "audio" or (one[1] == SCREEN) == (group == (SCREEN,)))
            ]
            if waiting:
                assert all(slot in held for slot in group[1:] or group)
        assert (MAIN in held) == any(slot in held for slot in (SCREEN, *CAMERAS))
        assert (LOUDEST in held) == any(slot in held for slot in MICROPHONES)
