"""Live video in real browsers: a fake camera through the whole product, to students, from the stage, and to its end."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.end_to_end.browser.people import PATIENCE_MS, PHONE, People, Person
from tests.end_to_end.browser.school import Account, School
from tests.end_to_end.browser.test_browser_access import faults
from tests.end_to_end.killing import find_media_node, kill

pytestmark = [pytest.mark.cluster, pytest.mark.browser, pytest.mark.timeout(240)]

WITNESS = """
(() => {
  const Plain = RTCPeerConnection;
  window.connections = [];
  window.RTCPeerConnection = class extends Plain {
    constructor(...wanted) { super(...wanted); this.openedAt = performance.now(); connections.push(this); }
  };
  window.seen = {};
  const look = () => {
    if (document.querySelector('[data-screen="seated"]')) seen.seat ??= performance.now();
    const picture = document.querySelector('video[data-slot="camera-0"]:not([data-hidden])');
    if (picture !== null && picture.videoWidth > 0) seen.picture ??= performance.now();
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})();
"""
"""Notes when the seat and the picture were there by the page's own clock, and keeps the connections to ask them."""

ARRIVED = """async () => {
  const found = {frames: 0, sounds: 0};
  for (const connection of connections)
    for (const one of (await connection.getStats()).values()) {
      if (one.type !== "inbound-rtp") continue;
      if (one.kind === "video") found.frames += one.framesDecoded ?? 0;
      else found.sounds += one.packetsReceived ?? 0;
    }
  return found;
}"""

SHOWN_SINCE = """async ([slot, since]) => {
  const picture = document.querySelector(`video[data-slot='${slot}']:not([data-hidden])`);
  const shown = picture?.srcObject?.getVideoTracks()[0];
  if (!shown || picture.videoWidth === 0) return null;
  for (const connection of connections.filter((one) => one.openedAt > since)) {
    const from = connection.getReceivers().find((one) => one.track === shown);
    if (from === undefined) continue;
    for (const one of (await from.getStats()).values())
      if (one.type === "inbound-rtp" && one.framesDecoded > 0) return performance.now();
  }
  return null;
}"""
"""When the slot's picture was first seen to come over a connection that was opened after `since`, by the page's clock."""

NODE_PORT = """async () => {
  for (const one of (await connections.at(-1).getStats()).values()) if (one.type === "remote-candidate") return one.port;
}"""
"""The UDP port of the media node that the newest connection leads to."""

SIGNS_OF_LIFE = """async (count) => {
  for (let seen = 0, newest = -1; seen < count; await new Promise((go_on) => setTimeout(go_on, 50))) {
    let received = 0;
    for (const one of (await connections[0].getStats()).values())
      if (one.type === "candidate-pair") received += one.bytesReceived;
    if (received > newest) [seen, newest] = [seen + 1, received];
  }
}"""
"""Waits until so many times something more has come over the first connection, whatever it was."""

PAUSE = "await new Promise((go_on) => setTimeout(go_on, 50));"

REFUSE = """
navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("", "NotAllowedError"); };
"""


@pytest.fixture(scope="module")
def chromium(chromium_with_devices: Browser) -> Browser:
    """A browser with a camera and a microphone that are not real."""
    return chromium_with_devices


@dataclass(frozen=True)
class Arrived:
    """What a page has received so far, over all its connections."""

    frames: int
    sounds: int


async def arrived(page: Page) -> Arrived:
    """Frames decoded and packets of sound received."""
    found = await page.evaluate(ARRIVED)
    return Arrived(found["frames"], found["sounds"])


async def more_arrives(page: Page) -> None:
    """Waits until a second's worth of frames and sound has come on top of what came before."""
    before = await arrived(page)
    grown = "now.frames > frames && now.sounds > sounds"
    await comes_true(
        page,
        f"async ([frames, sounds]) => {{ const now = await ({ARRIVED})(); return {grown}; }}",
        [before.frames + 10, before.sounds + 25],
    )


async def comes_true(page: Page, asking: str, arg: object) -> Any:
    """What this asynchronous function first answers that is not nothing; `wait_for_function` does not await."""
    asked = f"async (arg) => {{ for (;;) {{ const now = await ({asking})(arg); if (now) return now; {PAUSE} }} }}"
    async with asyncio.timeout(PATIENCE_MS / 1_000):
        return await page.evaluate(asked, arg)


async def sees_picture_of(person: Person, slot: str, owner: Account) -> None:
    """Waits until this window shows a picture, with something in it, that somebody sends in such a slot."""
    shown = "video[data-slot^='${slot}'][data-user='${user}']:not([data-hidden])"
    await person.page.wait_for_function(
        f"([slot, user]) => document.querySelector(`{shown}`)?.videoWidth > 0",
        arg=[slot, owner.id],
        timeout=PATIENCE_MS,
    )


async def at_window(people: People, account: Account, session_id: str, **options: object) -> Person:
    """Somebody before the page of a class, with a witness in it."""
    person = await people.arrive(account, **options)  # type: ignore[arg-type]  # what is passed on is a window or a scheme
    await person.page.add_init_script(WITNESS)
    await person.open_class(session_id)
    return person


async def take_seat(person: Person) -> None:
    """Through the door."""
    await person.press("Take a seat")
    await person.sees("seated")


async def go_on_stage(teacher: Person) -> None:
    """Looks at the preview and goes on."""
    await teacher.press("Turn on camera and microphone")
    await expect(teacher.page.get_by_label("Your camera")).to_be_visible()
    await teacher.press("Go on stage")
    await expect(teacher.button("Turn camera off")).to_be_visible()


async def watched_class(people: People, school: School, account: Account, session_id: str) -> tuple[Person, Person]:
    """The instructor on the stage of a class that has begun, and a student with a seat who sees them."""
    teacher = await at_window(people, school.instructor, session_id)
    await teacher.press("Start class")
    await go_on_stage(teacher)
    student = await at_window(people, account, session_id)
    await take_seat(student)
    await sees_picture_of(student, "camera-0", school.instructor)
    return teacher, student


async def test_students_see_and_hear_the_instructor_soon_after_their_seat(
    people: People, school: School, record_property: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    waits: list[float] = []
    session_id = await school.schedule(seats=5)
    teacher = await at_window(people, school.instructor, session_id)
    await teacher.press("Start class")
    await go_on_stage(teacher)

    for student, window in zip(await school.enrol("Amara Okafor", "Jonas Lindqvist"), ({}, {"window": PHONE}), strict=True):
        visitor = await at_window(people, student, session_id, **window)
        await take_seat(visitor)
        await sees_picture_of(visitor, "camera-0", school.instructor)
        seen = await visitor.page.evaluate("seen")
        waits.append((seen["picture"] - seen["seat"]) / 1_000)
        await more_arrives(visitor.page)
        await expect(visitor.page.get_by_role("figure").get_by_text("Inês Duarte")).to_be_visible()
        assert not await visitor.scrolls_sideways()

    await teacher.press("End class")
    await teacher.press("End now")
    await visitor.sees("ended")
    for person in (teacher, visitor):
        await person.page.wait_for_function(
            "() => connections.every(one => one.connectionState === 'closed')", timeout=PATIENCE_MS
        )
        await expect(person.page.locator("video")).to_have_count(0)
    record_property("seconds_from_seat_to_picture", waits)
    with capsys.disabled():
        print(f"\nfrom the seat to the instructor's picture: {', '.join(f'{wait:.2f} s' for wait in waits)}")


async def test_pages_come_back_by_themselves_after_the_media_node_was_killed(
    people: People, school: School, lyceum: Any, record_property: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    (noor,) = await school.enrol("Noor Haddad")
    teacher, student = await watched_class(people, school, noor, await school.schedule(seats=5))
    await more_arrives(student.page)

    killed_at = await student.page.evaluate("performance.now()")
    assert kill(find_media_node(lyceum.pid, await student.page.evaluate(NODE_PORT))) == 1
    again = await comes_true(student.page, SHOWN_SINCE, ["camera-0", killed_at])
    wait = (again - killed_at) / 1_000
    await more_arrives(student.page)
    await student.sees("seated")
    await expect(teacher.button("Turn camera off")).to_be_visible()
    record_property("seconds_to_pictures_again", wait)
    with capsys.disabled():
        print(f"\nmedia node killed: the page shows the picture again after {wait:.2f} s")


async def test_a_class_in_which_all_cameras_and_microphones_are_off_stays_where_it_is(
    people: People, school: School
) -> None:
    (iva,) = await school.enrol("Iva Novak")
    teacher, student = await watched_class(people, school, iva, await school.schedule(seats=5))
    await teacher.press("Turn microphone off")
    await teacher.press("Turn camera off")
    await expect(student.page.locator("video:not([data-hidden])")).to_have_count(0)
    async with asyncio.timeout(PATIENCE_MS / 1_000):
        await student.page.evaluate(SIGNS_OF_LIFE, 10)
    await teacher.press("Turn camera on")
    await sees_picture_of(student, "camera-0", school.instructor)
    assert await student.page.evaluate("connections.length") == 1


async def test_who_is_invited_is_seen_by_the_others_and_the_screen_comes_first(people: People, school: School) -> None:
    kim, lea = await school.enrol("Kim Park", "Lea Fontaine")
    session_id = await school.schedule(seats=5)
    teacher = await at_window(people, school.instructor, session_id)
    await teacher.press("Start class")
    speaker, watcher = await at_window(people, kim, session_id), await at_window(people, lea, session_id)
    await take_seat(speaker)
    await take_seat(watcher)

    await speaker.press("Raise my hand")
    await teacher.page.get_by_role("tab", name="Hands").click()
    await teacher.press("Invite to the stage: Kim Park")
    await speaker.sees_text("You are invited to the stage")
    await speaker.press("Join the stage")
    await sees_picture_of(watcher, "camera", kim)
    await expect(watcher.page.get_by_role("status").filter(has_text="Kim Park is on the stage.")).to_be_attached()
    await more_arrives(watcher.page)
    await sees_picture_of(teacher, "camera", kim)

    await teacher.press("Share the screen")
    await sees_picture_of(watcher, "screen", school.instructor)
    await expect(watcher.page.get_by_text("Inês Duarte’s screen")).to_be_visible()
    await teacher.press("Stop sharing the screen")
    await expect(watcher.page.locator("video[data-slot=screen]")).to_have_count(0)

    await speaker.press("Leave the stage")
    await expect(watcher.page.locator("video")).to_have_count(0)


async def test_who_declines_is_not_shown_and_why_a_camera_is_refused_is_told(people: People, school: School) -> None:
    (ona,) = await school.enrol("Ona")
    session_id = await school.schedule(seats=5)
    teacher, student = await at_window(people, school.instructor, session_id), await people.arrive(ona)
    await student.page.add_init_script(REFUSE)
    await student.open_class(session_id)
    await take_seat(student)

    await teacher.press("What to do with Ona")
    await teacher.page.get_by_role("menuitem", name="Invite to the stage").click()
    await expect(teacher.page.get_by_text("invited to the stage")).to_be_visible()
    await expect(student.page.get_by_role("alert").filter(has_text="This page may not use your camera")).to_be_visible()
    await expect(student.button("Join the stage")).to_be_disabled()
    await student.press("No, thank you")
    await expect(student.page.get_by_role("dialog")).to_have_count(0)
    await expect(teacher.page.get_by_text("invited to the stage")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_stage_has_no_fault_that_axe_finds(scheme: str, people: People, school: School) -> None:
    (rui,) = await school.enrol("Rui")
    session_id = await school.schedule(seats=5)
    teacher = await at_window(people, school.instructor, session_id, color_scheme=scheme)
    await teacher.press("Start class")
    student = await at_window(people, rui, session_id, color_scheme=scheme)
    await take_seat(student)
    await go_on_stage(teacher)
    await teacher.press("Start recording")
    await sees_picture_of(student, "camera-0", school.instructor)
    await student.sees_text("Recording since")
    found = await faults(teacher) + await faults(student)
    await student.press("Keyboard shortcuts")
    await expect(student.page.get_by_text("Use these keys")).to_be_visible()
    found += await faults(student)
    if found:
        pytest.fail("\n".join(sorted(set(found))))
