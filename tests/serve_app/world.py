"""A small school with one of everything, whose ids a test may put into paths."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import httpx

from classroom.callers import Role
from tests.serve_app.edges import Edge, Person


@dataclass(frozen=True)
class World:
    """`people` may ask for anything, the last one is a visitor; `ids` are what paths name, by the word before the id."""

    people: Sequence[httpx.AsyncClient]
    ids: Mapping[str, Sequence[str]]

    def ids_in(self, path: str, parameter: str) -> Sequence[str]:
        """Ids of this world that fit `{parameter}` in the path template."""
        before = path.partition(f"{{{parameter}}}")[0].rstrip("/").rpartition("/")[2]
        return self.ids.get(before, ())


async def make_world(edge: Edge) -> World:
    """A published course with lessons of each kind, people in it, and what they have said and done."""
    teacher, admin = await edge.person(Role.INSTRUCTOR, "Ina"), await edge.person(Role.ADMIN, "Ada")
    student, other = await edge.person(name="Sam"), await edge.person(name="Mei")
    course_id = await edge.course(teacher)
    course = f"/courses/{course_id}"
    for learner in (student, other):
        await learner.ask("POST", f"{course}/enroll", 201)
    section = await teacher.ask("POST", f"{course}/sections", 201, {"title": "One"})
    lessons = f"/sections/{section['id']}/lessons"
    video = await teacher.ask("POST", lessons, 201, {"type": "video", "title": "Bay", "durationSeconds": 60})
    article = await teacher.ask(
        "POST", lessons, 201, {"type": "article", "title": "Ebb", "content": "Low.", "isPreview": True}
    )
    truth = {"type": "true_false", "text": "It comes back.", "correct": True}
    quiz = await teacher.ask("POST", f"/sections/{section['id']}/quizzes", 201, {"title": "Quiz", "questions": [truth]})
    task = {"title": "Essay", "instructions": "Write.", "maxPoints": 10}
    assignment = await teacher.ask("POST", f"/sections/{section['id']}/assignments", 201, task)
    submission = await student.ask("POST", f"/assignments/{assignment['id']}/submissions", 201, {"text": "The tide."})
    attempt = await student.ask("POST", f"/quizzes/{quiz['id']}/start", 200)
    session = await teacher.ask("POST", "/live-sessions", 201, edge.schedule(course_id))
    await teacher.ask("POST", f"/live-sessions/{session['id']}/start", 200)
    review = await student.ask("POST", f"{course}/reviews", 201, {"rating": 4, "text": "Good."})
    question = await student.ask("POST", f"/lessons/{article['id']}/questions", 201, {"text": "Why?"})
    answer = await teacher.ask("POST", f"/questions/{question['id']}/answers", 201, {"text": "The moon."})
    about = {"targetType": "review", "targetId": review["id"], "reason": "rude"}
    report = await other.ask("POST", "/reports", 201, about)
    asked = await other.ask("POST", "/instructor-requests", 201, {"reason": "I know the sea.", "qualifications": "Sailor."})
    category = await admin.ask("POST", "/admin/categories", 201, {"name": f"Sea {course_id[-12:]}"})
    draft = await teacher.ask("POST", "/instructor/courses", 201, {"title": "Storms"})
    await edge.run_jobs()
    return World(
        people=[*(each.client for each in (student, teacher, admin)), edge.visitor],
        ids={
            "courses": [course_id, draft["id"]],
            "course": [course_id],
            "sections": [section["id"]],
            "lessons": [video["id"], article["id"], quiz["lessonId"]],
            "lesson": [video["id"], article["id"]],
            "videos": [video["id"]],
            "quizzes": [quiz["id"]],
            "attempts": [attempt["id"]],
            "assignments": [assignment["id"]],
            "submissions": [submission["id"]],
            "live-sessions": [session["id"]],
            "reviews": [review["id"]],
            "questions": [question["id"]],
            "answers": [answer["id"]],
            "reports": [report["id"]],
            "categories": [category["id"]],
            "instructor-requests": [asked["id"]],
            "users": [other.id],
            "instructors": [teacher.id],
            "enrollments": [await _enrolment(student)],
            "read": [each["id"] for each in (await student.ask("GET", "/notifications", 200))["items"]],
        },
    )


async def _enrolment(student: Person) -> str:
    page = await student.ask("GET", "/users/me/enrollments", 200)
    return str(page["items"][0]["id"])
