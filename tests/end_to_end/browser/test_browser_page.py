"""How the class page stands up to reloads, lost connections, keyboards and small windows."""

import pytest
from playwright.async_api import Page, expect

from tests.end_to_end.browser.people import PHONE, Cable, People
from tests.end_to_end.browser.school import PASSWORD, School

pytestmark = [pytest.mark.cluster, pytest.mark.browser, pytest.mark.timeout(180)]


async def test_a_reload_keeps_the_seat(people: People, school: School) -> None:
    noor, _ = await school.enrol("Noor", "Other")
    session_id = await school.schedule(seats=2)
    student = await people.arrive(noor)
    await student.open_class(session_id)
    await student.press("Take a seat")
    await student.sees_text("You have seat 1.")
    await student.page.reload()
    await student.sees("seated")
    await student.sees_text("You have seat 1.")
    status = await school.call("GET", f"/live-sessions/{session_id}/status", noor)
    assert (status["currentStudents"], status["you"]["seat"]["number"]) == (1, 1)


async def test_a_lost_connection_is_told_and_nothing_said_meanwhile_is_missed(people: People, school: School) -> None:
    """To the teacher, who has no seat that could be lost while this machine is slow."""
    (ola,) = await school.enrol("Ola")
    session_id = await school.schedule(seats=2)
    teacher, student = await people.arrive(), await people.arrive(ola)
    cable = await Cable.of(teacher)
    await teacher.sign_in(school.instructor)
    await teacher.open_class(session_id)
    await student.open_class(session_id)
    await student.press("Take a seat")
    await student.sees("seated")
    await student.say("one")
    await expect(teacher.page.get_by_role("log").get_by_text("one", exact=True)).to_be_visible()

    before = cable.connections
    await cable.pull()
    await teacher.sees_text("Connection lost.")
    await student.say("two")
    await student.say("three")
    await teacher.say("four")
    cable.put_back()
    # the page also tries by itself, and the button goes with the first success: pressed only if it is still there
    button = teacher.page.get_by_role("button", name="Try now", exact=True)
    await button.evaluate_all("found => found.forEach((one) => one.click())")
    await teacher.sees_text("Connected again. You missed nothing.")
    log = teacher.page.get_by_role("log").get_by_role("article")
    for text in ("one", "two", "three", "four"):
        await expect(log.filter(has_text=text)).to_have_count(1)
    await expect(student.page.get_by_role("log").get_by_role("article").filter(has_text="four")).to_have_count(1)
    assert cable.connections > before


async def test_a_place_is_held_while_another_page_is_shown(people: People, school: School) -> None:
    pia, quin = await school.enrol("Pia", "Quin")
    session_id = await school.schedule(seats=1, title="Spring tide, neap tide")
    first, second = await people.arrive(pia), await people.arrive(quin)
    await first.open_class(session_id)
    await first.press("Take a seat")
    await first.sees("seated")
    await second.open_class(session_id)
    await second.press("Join the queue")
    await second.sees("waiting")
    await second.page.get_by_role("navigation").get_by_role("link", name="Courses").click()
    await second.sees_text("You are number 1 in the queue for")
    await first.leave_class()
    await second.sees_text("A seat became free: you are in")
    await second.page.get_by_role("link", name="Go there").click()
    await second.sees("seated")


async def test_everything_up_to_the_seat_can_be_done_by_keyboard(people: People, school: School) -> None:
    (rui,) = await school.enrol("Rui")
    session_id = await school.schedule(seats=2)
    student = await people.arrive()
    keys = student.page.keyboard
    await student.open_class(session_id)
    await expect(student.page.get_by_label("E-mail address")).to_be_focused()
    await keys.type(rui.email)
    await keys.press("Tab")
    await keys.type(PASSWORD)
    await keys.press("Enter")
    await student.sees("door")

    await _tab_to(student.page, "Take a seat")
    await keys.press("Enter")
    await student.sees("seated")
    await _tab_to(student.page, "Raise my hand")
    await keys.press("Space")
    await student.sees_text("Your hand is up")
    await _tab_to(student.page, "Leave class")
    await keys.press("Enter")
    await expect(student.button("Stay")).to_be_focused()
    await keys.press("Escape")
    await expect(student.page.get_by_role("dialog")).to_have_count(0)
    await student.sees("seated")


async def _tab_to(page: Page, name: str) -> None:
    for _ in range(40):
        focused = await page.evaluate(
            "document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent ?? ''"
        )
        if focused.strip() == name:
            return
        await page.keyboard.press("Tab")
    pytest.fail(f"the keyboard does not reach {name!r}")


async def test_the_way_to_the_content_can_skip_the_menu(people: People, school: School) -> None:
    visitor = await people.arrive()
    await visitor.page.goto(f"{school.url}/courses")
    link = visitor.page.get_by_role("link", name="Skip to the content")
    await expect(link).to_be_attached()  # before that there is nothing for the key to reach
    await visitor.page.keyboard.press("Tab")
    await expect(link).to_be_focused()
    await visitor.page.keyboard.press("Enter")
    await expect(visitor.page.get_by_role("main")).to_be_focused()


async def test_no_page_scrolls_sideways_on_a_phone(people: People, school: School) -> None:
    (sol,) = await school.enrol("Sol with a rather long name, as people sometimes have")
    long = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
    session_id = await school.schedule(seats=40, title=f"Tides, currents and {long}")
    lobby_id = await school.schedule(seats=1500, starts_in_minutes=90)
    student = await people.arrive(sol, PHONE, has_touch=True)
    assert not await student.scrolls_sideways()
    await student.open_class(lobby_id)
    await student.sees("lobby")
    assert not await student.scrolls_sideways()
    await student.open_class(session_id)
    await student.sees("door")
    assert not await student.scrolls_sideways()
    await student.press("Take a seat")
    await student.sees("seated")
    await student.page.get_by_role("tab", name="Chat").click()
    await student.say(long * 3)
    await student.sees_text(long * 3)
    assert not await student.scrolls_sideways()
    await student.page.get_by_role("tab", name="Polls").click()
    assert not await student.scrolls_sideways()

    teacher = await people.arrive(school.instructor, PHONE, has_touch=True)
    await teacher.open_class(session_id)
    await teacher.sees("teaching")
    for tab in ("Hands", "Polls", "Chat", "Attendance", "People"):
        await teacher.page.get_by_role("tab", name=tab).click()
        assert not await teacher.scrolls_sideways(), tab
    for path in ("/teach", f"/teach/courses/{school.course_id}", "/courses", f"/courses/{school.course_id}", "/nowhere"):
        await teacher.page.goto(f"{school.url}{path}")
        await expect(teacher.page.get_by_role("heading").first).to_be_visible()
        assert not await teacher.scrolls_sideways(), path


async def test_the_lobby_takes_a_seat_by_itself_when_the_doors_open(people: People, school: School) -> None:
    (tom,) = await school.enrol("Tom")
    session_id = await school.schedule(seats=2, starts_in_minutes=1.15, doorsOpenMinutes=1)
    student = await people.arrive(tom)
    await student.open_class(session_id)
    await student.sees("lobby")
    await student.page.get_by_label("Take a seat for me as soon as the doors open").check()
    await expect(student.page.locator('[data-screen="seated"]')).to_be_visible(timeout=30_000)


async def test_ended_cancelled_and_foreign_classes_say_so(people: People, school: School) -> None:
    (uma,) = await school.enrol("Uma")
    ended, cancelled = await school.schedule(seats=1), await school.schedule(seats=1)
    await school.call("POST", f"/live-sessions/{ended}/start", school.instructor)
    await school.call("POST", f"/live-sessions/{ended}/end", school.instructor)
    await school.call("DELETE", f"/live-sessions/{cancelled}", school.instructor)
    student = await people.arrive(uma)
    await student.open_class(ended)
    await student.sees("ended")
    await student.open_class(cancelled)
    await student.sees("cancelled")
    await student.open_class("01970c5e-8a40-7000-8000-0000000000c1")
    await student.sees_text("There is no such class")
    stranger = await people.arrive(await school.register("Val"))
    await stranger.open_class(ended)
    await stranger.sees_text("This class is for students of the course")
