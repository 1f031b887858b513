"""Every page under axe-core, by day and by night: names, roles, contrast, focus."""

from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.async_api import expect

from tests.end_to_end.browser.people import People, Person
from tests.end_to_end.browser.school import School

pytestmark = [pytest.mark.cluster, pytest.mark.browser, pytest.mark.timeout(240)]

AXE = Path(__file__).resolve().parents[3] / "web" / "node_modules" / "axe-core" / "axe.min.js"
STANDARD = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RULES = [*STANDARD, "best-practice"]

SETTLED = """() => Promise.all(
  document.getAnimations()
    .filter(each => each.effect.getTiming().iterations !== Infinity)
    .map(each => each.finished.catch(() => null)))"""


async def faults(person: Person, rules: list[str] = RULES) -> list[str]:
    """What axe finds on the page as it is shown now: the rule and where."""
    await person.page.evaluate(AXE.read_text())
    await person.page.evaluate(SETTLED)
    result: dict[str, Any] = await person.page.evaluate(
        "rules => axe.run({exclude: ['[role=tooltip]']}, {runOnly: {type: 'tag', values: rules}})", rules
    )
    return [
        f"{person.page.url}: {found['id']} at {node['target']}: {node['failureSummary']}"
        for found in result["violations"]
        for node in found["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_pages_have_no_fault_that_axe_finds(scheme: Literal["light", "dark"], people: People, school: School) -> None:
    wim, xia = await school.enrol("Wim", "Xia")
    session_id = await school.schedule(seats=1)
    lobby_id = await school.schedule(seats=30, starts_in_minutes=90)
    found: list[str] = []

    visitor = await people.arrive(color_scheme=scheme)
    for path in ("/", "/sign-in", "/register", "/courses", f"/courses/{school.course_id}", "/nowhere"):
        await visitor.page.goto(f"{school.url}{path}")
        await expect(visitor.page.get_by_role("heading").first).to_be_visible()
        found += await faults(visitor)

    first = await people.arrive(wim, color_scheme=scheme)
    second = await people.arrive(xia, color_scheme=scheme)
    await first.open_class(lobby_id)
    await first.sees("lobby")
    found += await faults(first)
    await first.open_class(session_id)
    await first.sees("door")
    found += await faults(first)
    await first.press("Take a seat")
    await first.sees_text("You have seat 1")
    await first.say("hello")
    await first.press("Raise my hand")
    await second.open_class(session_id)
    await second.press("Join the queue")
    await second.sees("waiting")
    found += await faults(second)
    await second.page.goto(f"{school.url}/classes")
    await second.sees_text("Upcoming")
    found += await faults(second)

    teacher = await people.arrive(school.instructor, color_scheme=scheme)
    await teacher.open_class(session_id)
    await teacher.press("Start class")
    await teacher.page.get_by_role("tab", name="Polls").click()
    await teacher.page.get_by_label("Question").fill("What pulls the sea?")
    await teacher.page.get_by_label("Choice 1").fill("The wind")
    await teacher.page.get_by_label("Choice 2").fill("The moon")
    await teacher.press("Ask the class")
    await first.sees_text("What pulls the sea?")
    found += await faults(first)
    for tab in ("Polls", "Hands", "Attendance", "People"):
        await teacher.page.get_by_role("tab", name=tab).click()
        found += await faults(teacher)
    await teacher.press("End class")
    await expect(teacher.button("End now")).to_be_visible()
    found += await faults(teacher, STANDARD)  # a dialog stands outside the landmarks, as it should
    for path in ("/teach", f"/teach/courses/{school.course_id}"):
        await teacher.page.goto(f"{school.url}{path}")
        await expect(teacher.page.get_by_role("heading").first).to_be_visible()
        found += await faults(teacher)
    if found:
        pytest.fail("\n".join(sorted(set(found))))
