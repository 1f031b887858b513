import asyncio
from typing import Any

from classroom.callers import Role
from persistence.ids import new_id



async def test_seats_then_places_then_the_same_again(edge: Any) -> None:
    lesson = await edge.live_class(seats=1, students=3)
    first, second, third = lesson.students

    seated = await first.ask("POST", f"{lesson.path}/join", 200)
    assert seated["outcome"] == "seated"
    assert seated["seat"] == {"number": 1}
    assert seated["session"]["id"] == lesson.id
    assert seated["session"]["currentStudents"] == 1
    assert seated["realtime"]["url"] == "ws://lyceum.test:8001/ws"
    assert seated["realtime"]["expiresIn"] == 60

    assert [(await who.ask("POST", f"{lesson.path}/join", 202))["position"] for who in (second, third)] == [1, 2]
    again = await second.ask("POST", f"{lesson.path}/join", 202)
    assert (again["outcome"], again["position"], again["session"]["waitlisted"]) == ("waitlisted", 1, 2)
    assert (await first.ask("POST", f"{lesson.path}/join", 200, {"waitlist": True}))["seat"] == {"number": 1}
