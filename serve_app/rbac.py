"""Who may use which route: one line a route, by method and path template. A test walks every route with every role.

The first word is a matter of the role alone and is decided before anything is looked up. `of` says whose things they are on
top of that: for somebody else's the answer is 403 or 404. The OpenAPI document shows both (`x-roles`, `x-of`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from classroom.callers import Role

ANONYMOUS = "anonymous"


@dataclass(frozen=True)
class Rule:
    """Who may use a route. `of` are words for whose things; empty when the role is enough."""

    roles: frozenset[str]
    of: str = ""

    def allows(self, role: Role | None) -> bool:
        """Whether somebody of this role may; None is who has not signed in."""
        return (role.value if role is not None else ANONYMOUS) in self.roles

    def only(self, of: str) -> "Rule":
        """The same for the things that these words name."""
        return replace(self, of=of)


EVERYBODY = Rule(frozenset({ANONYMOUS, *Role}))
SIGNED_IN = Rule(frozenset(Role))
STUDENTS = Rule(frozenset({Role.STUDENT}))
TEACHERS = Rule(frozenset({Role.INSTRUCTOR, Role.ADMIN}))
ASKING = Rule(frozenset({Role.STUDENT, Role.INSTRUCTOR}))
ADMINS = Rule(frozenset({Role.ADMIN}))

_OWN_COURSES = TEACHERS.only("own courses; every course for admins")
_IN_COURSE = SIGNED_IN.only("courses that they learn or teach; every course for admins")
_LEARNING = STUDENTS.only("courses that they learn")
_PREVIEWS = EVERYBODY.only("lessons that they learn or teach, previews for everybody")
_OWN = SIGNED_IN.only("own things; every thing for admins")
_SIGNED = EVERYBODY.only("whoever holds a signed address")

RULES: Mapping[str, Rule] = {
    # The door and the classes
    "POST /api/live-sessions/{id}/join": _LEARNING,
    "POST /api/live-sessions/{id}/leave": SIGNED_IN,
    "GET /api/live-sessions/{id}/status": _IN_COURSE,
    "POST /api/live-sessions": _OWN_COURSES,
    "GET /api/live-sessions": SIGNED_IN,
    "POST /api/live-sessions/{id}/start": _OWN_COURSES,
    "POST /api/live-sessions/{id}/end": _OWN_COURSES,
    "GET /api/live-sessions/{id}": _IN_COURSE,
    "PATCH /api/live-sessions/{id}": _OWN_COURSES,
    "DELETE /api/live-sessions/{id}": _OWN_COURSES,
    "GET /api/live-sessions/{id}/attendance": _OWN_COURSES,
    "GET /api/live-sessions/{id}/timeline": _OWN_COURSES,
    "GET /api/live-sessions/{id}/calendar.ics": _IN_COURSE,
    "GET /api/live-sessions/{id}/media": _IN_COURSE,
    "POST /api/live-sessions/{id}/media/publish": _IN_COURSE,
    "POST /api/live-sessions/{id}/media/watch": _IN_COURSE,
    "DELETE /api/live-sessions/{id}/media/{mediaId}": SIGNED_IN.only("own media sessions"),
    "GET /api/realtime": EVERYBODY,
    "POST /api/realtime/ticket": SIGNED_IN,
    # Signing in
    "POST /api/auth/register": EVERYBODY,
    "POST /api/auth/login": EVERYBODY,
    "POST /api/auth/refresh": EVERYBODY,
    "POST /api/auth/logout": EVERYBODY,
    "GET /api/auth/me": SIGNED_IN,
    "GET /api/auth/roles": SIGNED_IN,
    "POST /api/auth/verify-email": EVERYBODY,
    "POST /api/auth/verify-email/resend": EVERYBODY,
    "POST /api/auth/password/forgot": EVERYBODY,
    "POST /api/auth/password/reset": EVERYBODY,
    # People
    "GET /api/users/me": SIGNED_IN,
    "PATCH /api/users/me": SIGNED_IN,
    "DELETE /api/users/me": SIGNED_IN,
    "GET /api/users/me/preferences": SIGNED_IN,
    "PUT /api/users/me/preferences": SIGNED_IN,
    "GET /api/users/me/enrollments": SIGNED_IN,
    "GET /api/users/me/dashboard": SIGNED_IN,
    "GET /api/users/me/bookmarks": SIGNED_IN,
    "GET /api/users/me/certificates": SIGNED_IN,
    "GET /api/users/{id}": SIGNED_IN,
    "GET /api/instructors/me": TEACHERS,
    "PATCH /api/instructors/me": TEACHERS,
    "GET /api/instructors/{id}": EVERYBODY,
    "POST /api/instructor-requests": ASKING,
    "GET /api/instructor-requests/me": SIGNED_IN,
    # Catalogue
    "GET /api/categories": EVERYBODY,
    "GET /api/courses": EVERYBODY,
    "GET /api/courses/featured": EVERYBODY,
    "GET /api/courses/{courseId}": EVERYBODY,
    "GET /api/courses/{courseId}/sections": EVERYBODY,
    "GET /api/courses/{courseId}/reviews": EVERYBODY,
    "GET /api/recommendations": EVERYBODY,
    "POST /api/courses/{courseId}/reviews": _IN_COURSE,
    "PATCH /api/reviews/{id}": _OWN,
    "DELETE /api/reviews/{id}": _OWN,
    "POST /api/reports": SIGNED_IN,
    # Enrolment
    "POST /api/courses/{courseId}/enroll": STUDENTS,
    "DELETE /api/courses/{courseId}/enroll": STUDENTS,
    "GET /api/enrollments/{id}": _OWN,
    # Own courses
    "POST /api/instructor/courses": TEACHERS,
    "GET /api/instructor/courses": TEACHERS,
    "GET /api/instructor/courses/{courseId}": _OWN_COURSES,
    "PATCH /api/instructor/courses/{courseId}": _OWN_COURSES,
    "DELETE /api/instructor/courses/{courseId}": _OWN_COURSES,
    "POST /api/instructor/courses/{courseId}/submit": _OWN_COURSES,
    "POST /api/instructor/courses/{courseId}/publish": _OWN_COURSES,
    "POST /api/instructor/courses/{courseId}/unpublish": _OWN_COURSES,
    "GET /api/instructor/courses/{courseId}/students": _OWN_COURSES,
    "GET /api/instructor/courses/{courseId}/analytics": _OWN_COURSES,
    "POST /api/courses/{courseId}/sections": _OWN_COURSES,
    "PUT /api/courses/{courseId}/sections/order": _OWN_COURSES,
    "PATCH /api/sections/{sectionId}": _OWN_COURSES,
    "DELETE /api/sections/{sectionId}": _OWN_COURSES,
    "POST /api/sections/{sectionId}/lessons": _OWN_COURSES,
    "PUT /api/sections/{sectionId}/lessons/order": _OWN_COURSES,
    "PATCH /api/lessons/{lessonId}": _OWN_COURSES,
    "DELETE /api/lessons/{lessonId}": _OWN_COURSES,
    # Lessons
    "GET /api/lessons/{lessonId}": _PREVIEWS,
    "GET /api/lessons/{lessonId}/video": _PREVIEWS,
    "GET /api/lessons/{lessonId}/file": _PREVIEWS,
    "GET /api/videos/{lessonId}/stream": _PREVIEWS,
    "GET /api/lessons/{lessonId}/views": _IN_COURSE,
    "GET /api/lessons/{lessonId}/questions": _IN_COURSE,
    "POST /api/lessons/{lessonId}/questions": _IN_COURSE,
    "DELETE /api/questions/{id}": _IN_COURSE,
    "GET /api/questions/{id}/answers": _IN_COURSE,
    "POST /api/questions/{id}/answers": _IN_COURSE,
    "PUT /api/questions/{id}/accepted-answer": _IN_COURSE,
    "DELETE /api/answers/{id}": _IN_COURSE,
    "PUT /api/lessons/{lessonId}/bookmark": _IN_COURSE,
    "DELETE /api/lessons/{lessonId}/bookmark": SIGNED_IN,
    # Quizzes and assignments
    "POST /api/sections/{sectionId}/quizzes": _OWN_COURSES,
    "GET /api/quizzes/{id}": _IN_COURSE,
    "PATCH /api/quizzes/{id}": _OWN_COURSES,
    "DELETE /api/quizzes/{id}": _OWN_COURSES,
    "POST /api/quizzes/{id}/start": _LEARNING,
    "POST /api/quizzes/{id}/submit": _LEARNING,
    "GET /api/quizzes/{id}/result": _LEARNING,
    "GET /api/quizzes/{id}/attempts": _OWN_COURSES,
    "PATCH /api/attempts/{id}": _OWN_COURSES,
    "POST /api/sections/{sectionId}/assignments": _OWN_COURSES,
    "GET /api/assignments/{id}": _IN_COURSE,
    "PATCH /api/assignments/{id}": _OWN_COURSES,
    "DELETE /api/assignments/{id}": _OWN_COURSES,
    "POST /api/assignments/{id}/submissions": _LEARNING,
    "GET /api/assignments/{id}/submissions": _IN_COURSE,
    "GET /api/submissions/{id}": _IN_COURSE,
    "PATCH /api/submissions/{id}": _OWN_COURSES,
    # Progress and certificates
    "POST /api/progress/lesson/{lessonId}/complete": _LEARNING,
    "POST /api/videos/{lessonId}/track": _LEARNING,
    "GET /api/progress/course/{courseId}": _IN_COURSE,
    "GET /api/courses/{courseId}/progress": _IN_COURSE,
    "GET /api/progress/course/{courseId}/students": _OWN_COURSES,
    "POST /api/courses/{courseId}/certificate": _IN_COURSE,
    "GET /api/courses/{courseId}/certificate": _IN_COURSE,
    "GET /api/certificates/verify/{number}": EVERYBODY,
    "GET /api/certificates/{id}/download": _OWN,
    # Files
    "POST /api/uploads/signed-url": SIGNED_IN,
    "PUT /api/uploads/{mediaId}": _SIGNED,
    "GET /api/uploads/{mediaId}": _OWN,
    "GET /api/uploads/{mediaId}/file": _OWN,
    "POST /api/uploads/{mediaId}/complete": _OWN,
    "GET /api/media/{mediaId}": _SIGNED,
    "GET /api/media/{mediaId}/poster": _SIGNED,
    "GET /api/media/{mediaId}/hls/{pass}/{name}": _SIGNED,
    "GET /api/pictures/{mediaId}": EVERYBODY,
    # Notifications
    "GET /api/notifications": SIGNED_IN,
    "POST /api/notifications": _OWN_COURSES,
    "POST /api/notifications/read/{id}": _OWN,
    "POST /api/notifications/read-all": SIGNED_IN,
    "GET /api/notifications/log": ADMINS,
    # Administration
    "GET /api/admin/users": ADMINS,
    "PATCH /api/admin/users/{id}/ban": ADMINS,
    "PATCH /api/admin/users/{id}/activate": ADMINS,
    "PATCH /api/admin/users/{id}/role": ADMINS,
    "GET /api/admin/instructor-requests": ADMINS,
    "PATCH /api/admin/instructor-requests/{id}/approve": ADMINS,
    "PATCH /api/admin/instructor-requests/{id}/reject": ADMINS,
    "GET /api/admin/audit-log": ADMINS,
    "GET /api/admin/courses": ADMINS,
    "PATCH /api/admin/courses/{courseId}/approve": ADMINS,
    "PATCH /api/admin/courses/{courseId}/reject": ADMINS,
    "PATCH /api/admin/courses/{courseId}/feature": ADMINS,
    "POST /api/admin/courses/{courseId}/restore": ADMINS,
    "POST /api/admin/categories": ADMINS,
    "PATCH /api/admin/categories/{categoryId}": ADMINS,
    "DELETE /api/admin/categories/{categoryId}": ADMINS,
    "GET /api/admin/reports": ADMINS,
    "PATCH /api/admin/reports/{id}/resolve": ADMINS,
    "GET /api/admin/stats": ADMINS,
    "GET /api/admin/settings": ADMINS,
    "PUT /api/admin/settings": ADMINS,
    "POST /api/admin/certificates/issue": ADMINS,
    "POST /api/admin/certificates/{id}/revoke": ADMINS,
    "GET /api/admin/certificate-templates": ADMINS,
    "GET /api/admin/certificate-templates/{scope}": ADMINS,
    "PUT /api/admin/certificate-templates/{scope}": ADMINS,
    "DELETE /api/admin/certificate-templates/{scope}": ADMINS,
    # Operation
    "GET /api/health": EVERYBODY,
}


def describe_rules(paths: dict[str, Any]) -> None:
    """Write the rules into the operations of an OpenAPI document."""
    for route, rule in RULES.items():
        method, _, path = route.partition(" ")
        operation = paths.get(path, {}).get(method.lower())
        if operation is not None:
            operation["x-roles"] = sorted(rule.roles)
            if rule.of:
                operation["x-of"] = rule.of
