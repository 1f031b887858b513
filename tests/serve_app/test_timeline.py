from typing import Any

from classroom.callers import Caller, Role
from classroom.ids import SessionId
from classroom.live.commands import PostChat


async def test_what_two_say_to_each_other_is_nobody_elses(edge: Any) -> None:
    lesson = await edge.live_class(students=2)
    ada, ben = lesson.students
    teacher, admin = lesson.teacher, await edge.person(Role.ADMIN)
    for student in (ada, ben):
        await student.ask("POST", f"{lesson.path}/join", 200)

    async def say(speaker: Any, text: str, to: str) -> None:
        caller = Caller(speaker.id, speaker.name, Role.INSTRUCTOR if speaker is teacher else Role.STUDENT)
        answer = await edge.parts.live.execute(SessionId(lesson.id), caller, PostChat(text, to))
        assert answer.outcome == "done"

    await say(ada, "between us", ben.id)
    await say(ada, "a question", teacher.id)
    await say(teacher, "an answer", ada.id)
    await say(ada, "for staff", "staff")
    await say(ada, "hello", "all")

    async def read(reader: Any) -> list[dict[str, Any]]:
        items = (await reader.ask("GET", f"{lesson.path}/timeline", 200))["items"]
        return [event["data"] for event in items if event["type"] == "chat.posted"]

    said = await read(teacher)
    assert [message.get("text") for message in said] == [None, "a question", "an answer", "for staff", "hello"]
    assert set(said[0]) == {"messageId", "userId", "name", "to"}
    assert (said[0]["userId"], said[0]["to"]) == (ada.id, ben.id)
    assert [message.get("text") for message in await read(admin)] == [None, None, None, "for staff", "hello"]
