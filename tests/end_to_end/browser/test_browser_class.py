"""The class door in a real browser: two students, one seat, an instructor, and the record of it."""

import csv
import io
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.end_to_end.browser.people import PHONE, People, save_download
from tests.end_to_end.browser.school import School

pytestmark = [pytest.mark.cluster, pytest.mark.browser, pytest.mark.timeout(180)]


async def test_second_student_gets_the_seat_of_the_first_without_touching_anything(
    people: People, school: School, tmp_path: Path
) -> None:
    amara, jonas = await school.enrol("Amara Okafor", "Jonas Lindqvist")
    session_id = await school.schedule(seats=1)
    teacher = await people.arrive(school.instructor)
    first = await people.arrive(amara)
    second = await people.arrive(jonas, PHONE)

    await first.open_class(session_id)
    await first.press("Take a seat")
    await first.sees("seated")

    await second.open_class(session_id)
    await second.press("Join the queue")
    await second.sees("waiting")
    await expect(second.page.get_by_test_id("place")).to_have_text("1")

    await teacher.open_class(session_id)
    await teacher.press("Start class")
    await second.sees_text("Live")
    await expect(teacher.page.get_by_label("Seated (1)").get_by_text("Amara Okafor")).to_be_visible()
    await expect(teacher.page.get_by_label("Waiting (1)").get_by_text("Jonas Lindqvist")).to_be_visible()

    await first.leave_class()
    await second.sees("seated")
    await second.sees_text("You have seat 1: one became free, and you were next.")
    await expect(second.page.get_by_role("alert").filter(has_text="You have a seat now")).to_be_attached()
    await expect(teacher.page.get_by_label("Seated (1)").get_by_text("Jonas Lindqvist")).to_be_visible()
    await expect(teacher.page.get_by_label("Waiting (0)")).to_be_visible()

    await teacher.press("End class")
    await teacher.press("End now")
    await second.sees("ended")
    await teacher.sees_text("2 of ")
    rows = {
        row["userId"]: row for row in csv.DictReader(io.StringIO(await save_download(teacher, "Download CSV", tmp_path)))
    }
    for student in (amara, jonas):
        row = rows[student.id]
        assert (row["name"], row["status"]) == (student.name, "left")
        assert row["firstJoinedAt"] < row["lastLeftAt"]
        assert 0 <= int(row["secondsPresent"]) < 120
    assert rows[amara.id]["intervals"].endswith("/left")
    assert rows[jonas.id]["intervals"].endswith("/ended")


async def test_more_seats_let_the_queue_in(people: People, school: School) -> None:
    students = await school.enrol("Bea", "Cem", "Dov")
    session_id = await school.schedule(seats=1)
    teacher = await people.arrive(school.instructor)
    await teacher.open_class(session_id)
    visitors = [await people.arrive(student) for student in students]
    for place, visitor in enumerate(visitors):
        await visitor.open_class(session_id)
        await visitor.press("Take a seat" if place == 0 else "Join the queue")
        await visitor.sees("seated" if place == 0 else "waiting")
    await expect(visitors[2].page.get_by_test_id("place")).to_have_text("2")

    await teacher.press("1 seat")
    await teacher.page.get_by_role("textbox", name="Seats").fill("2")
    await teacher.press("Change")

    await visitors[1].sees("seated")
    await expect(visitors[2].page.get_by_test_id("place")).to_have_text("1")
    await visitors[2].press("Leave the queue")
    await visitors[2].sees("door")
    await expect(teacher.page.get_by_label("Waiting (0)")).to_be_visible()


async def test_a_class_without_a_queue_says_that_it_is_full(people: People, school: School) -> None:
    ada, bo = await school.enrol("Ada", "Bo")
    session_id = await school.schedule(seats=1, waitlistEnabled=False)
    first, second = await people.arrive(ada), await people.arrive(bo)
    await first.open_class(session_id)
    await second.open_class(session_id)
    await second.sees("door")
    await first.press("Take a seat")
    await first.sees("seated")
    await second.press("Take a seat")
    await second.sees("full")
    await second.sees_text("The only seat is taken, and the instructor has switched the queue off.")
    await first.leave_class()
    await second.sees("door")


async def test_talk_hands_reactions_and_polls_reach_everybody(people: People, school: School) -> None:
    (mei,) = await school.enrol("Mei Tanaka")
    session_id = await school.schedule(seats=3)
    teacher, student = await people.arrive(school.instructor), await people.arrive(mei)
    await teacher.open_class(session_id)
    await teacher.press("Start class")
    await student.open_class(session_id)
    await student.press("Take a seat")
    await student.sees("seated")

    await student.say("Is the second tide an hour later?")
    await expect(teacher.page.get_by_role("log").get_by_text("Is the second tide an hour later?")).to_be_visible()
    await teacher.say("About fifty minutes.")
    await expect(student.page.get_by_role("log").get_by_text("About fifty minutes.")).to_be_visible()

    await student.press("Raise my hand")
    await student.sees_text("Your hand is up, number 1 of 1.")
    await teacher.page.get_by_role("tab", name="Hands").click()
    await teacher.press("Lower the hand of Mei Tanaka")
    await student.sees_text("No hands are raised.")

    await teacher.page.get_by_role("tab", name="Polls").click()
    await teacher.page.get_by_label("Question").fill("What pulls the sea?")
    await teacher.page.get_by_label("Choice 1").fill("The wind")
    await teacher.page.get_by_label("Choice 2").fill("The moon")
    await teacher.press("Ask the class")
    await student.page.get_by_role("radio", name="The moon").check()
    await student.press("Vote")
    await student.sees_text("The moon (your vote)")
    await expect(teacher.page.get_by_label("Poll: What pulls the sea?").get_by_text("1 vote")).to_be_visible()
    await teacher.press("Close the poll and show the result")
    await student.sees_text("Poll · closed")


async def test_who_is_muted_may_not_post_and_who_is_removed_is_told(people: People, school: School) -> None:
    (kim,) = await school.enrol("Kim")
    session_id = await school.schedule(seats=2)
    teacher, student = await people.arrive(school.instructor), await people.arrive(kim)
    await teacher.open_class(session_id)
    await teacher.press("Start class")
    await student.open_class(session_id)
    await student.press("Take a seat")
    await student.sees("seated")

    await teacher.press("What to do with Kim")
    await teacher.page.get_by_role("menuitem", name="Mute").click()
    await expect(student.page.get_by_role("textbox", name="Message")).to_be_disabled()

    await teacher.press("What to do with Kim")
    await teacher.page.get_by_role("menuitem", name="Remove for good").click()
    await student.sees("removed")
    await student.sees_text("you cannot come back in")
    await expect(teacher.page.get_by_label("Seated (0)")).to_be_visible()
    await student.page.reload()
    await student.sees("door")
    await student.press("Take a seat")
    await student.sees("removed")


async def test_a_locked_class_takes_nobody_until_it_is_unlocked(people: People, school: School) -> None:
    (lea,) = await school.enrol("Lea")
    session_id = await school.schedule(seats=2)
    teacher, student = await people.arrive(school.instructor), await people.arrive(lea)
    await teacher.open_class(session_id)
    await teacher.press("Lock")
    await expect(teacher.button("Locked")).to_be_visible()
    await student.open_class(session_id)
    await student.sees("locked")
    await teacher.press("Locked")
    await student.sees("door")
