from typing import Any

from serve_app.command.demo import _people_and_course


async def test_the_demo_course_has_an_article_a_preview_and_a_video_and_is_made_once(edge: Any) -> None:
    _, course_id = await _people_and_course(edge.database)
    first = (await edge.visitor.get(f"/api/courses/{course_id}/sections")).json()["items"]
    lessons = [lesson for section in first for lesson in section["lessons"]]
    assert [lesson["type"] for lesson in lessons] == ["article", "video", "article", "live"]
    assert [lesson["accessible"] for lesson in lessons] == [True, False, False, False]
    assert lessons[0]["content"]

    assert (await _people_and_course(edge.database))[1] == course_id
    assert (await edge.visitor.get(f"/api/courses/{course_id}/sections")).json()["items"] == first
    course = (await edge.visitor.get(f"/api/courses/{course_id}")).json()
    assert (course["studentCount"], course["lessonCount"]) == (3, 4)
