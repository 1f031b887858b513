import asyncio
from typing import Any

import pytest

from classroom.callers import Role
from classroom.certificates import missing
from persistence.certificate_templates import CertificateTemplates, Wording
from persistence.certificates import Certificates
from persistence.ids import new_id
from persistence.pages import BadCursor


@pytest.fixture
def certificates(database: Any) -> Certificates:
    return Certificates(database)


async def test_of_many_at_once_one_is_issued(platform: Any, certificates: Certificates) -> None:
    course, student = await platform.course(), await platform.person("Sam")
    admin = await platform.person("Ada", Role.ADMIN)
    made = await asyncio.gather(
        *(certificates.issue(new_id(), course, student, platform.now, who) for who in (None, admin, None, admin, None))
    )
    assert sum(fresh for _, fresh in made) == 1
    assert len({row.id for row, _ in made if row is not None}) == 1
    row = await certificates.find_of(course, student)
    assert row is not None
    assert row == await certificates.find_by_number(row.number) == await certificates.find(row.id)
    assert (row.user_name, row.course_title, row.wording) == ("Sam", "Tides", Wording())


async def test_nobody_and_nothing_have_no_certificate(platform: Any, certificates: Certificates) -> None:
    course, student = await platform.course(), await platform.person()
    assert await certificates.issue(new_id(), new_id(), student, platform.now) == (None, False)
    assert await certificates.issue(new_id(), course, new_id(), platform.now) == (None, False)
    assert await certificates.read_claim(new_id(), student) is None
    assert await certificates.revoke(new_id(), "None.", student, platform.now) is None
    claim = await certificates.read_claim(course, student)
    assert claim is not None
    assert (claim.enrolled, claim.given, claim.titles, bool(missing(claim.demand, claim.record))) == (False, True, {}, False)


async def test_pages_neither_repeat_nor_skip(platform: Any, certificates: Certificates) -> None:
    student = await platform.person()
    for number in range(5):
        await certificates.issue(new_id(), await platform.course(), student, platform.now + number // 2)
    seen, cursor = [], None
    for _ in range(3):
        page = await certificates.list_of(student, 2, cursor)
        seen += [(row.issued_at, row.id) for row in page.items]
        cursor = page.next_cursor
    assert cursor is None
    assert len(seen) == 5
    assert seen == sorted(set(seen), reverse=True)
    with pytest.raises(BadCursor):
        await certificates.list_of(student, 2, "bm9wZQ")


async def test_a_template_is_one_a_course_however_many_write_it(platform: Any, database: Any) -> None:
    templates, admin = CertificateTemplates(database), await platform.person("Ada", Role.ADMIN)
    course = await platform.course()
    words = [Wording(heading=f"Number {number}") for number in range(5)]
    await asyncio.gather(*(templates.set(scope, each, admin, platform.now) for each in words for scope in (course, None)))
    found = await templates.find(course)
    assert found is not None
    assert found.wording in words
    assert len([row for row in (await templates.list_(100, None)).items if row.course_id in (course, None)]) == 2
    assert await templates.set(new_id(), words[0], admin, platform.now) is None
    for scope in (course, None):
        await templates.drop(scope, admin, platform.now)
        assert await templates.find(scope) is None
