"""The grain of one course: what its learners do comes in, their progress and the course's announcements go out."""

from collections import deque
from collections.abc import Iterable, Sequence

import msgspec
import structlog

from actors.correlation import about
from actors.course_frames import notice_of, published, shown, snapshot_of
from actors.envelopes import COURSE, Enter, Envelope, Quit, Reply
from actors.learners import Learners
from actors.rings import Ring
from actors.turns import Item, Resume, Turn
from classroom.answers import Accepted, Refused
from classroom.callers import Caller, Role
from classroom.ids import CourseId, SessionId, Topic, UserId
from classroom.live.commands import Tick
from classroom.ports import Batch, Entered
from classroom.progress import commands as c
from classroom.progress.course import Course
from classroom.progress.decide import Decided, decide
from classroom.progress.events import EVERYBODY, PROGRESS, VIEWS, Announced, Event, MilestoneReached
from classroom.progress.learner import Attendance, Learner, LessonRecord
from classroom.records import JobRow, LearnerRows, LoggedEvent
from classroom.refusals import Forbidden, Malformed, NotEnrolled, NotFound, Refusal, Unavailable
from classroom.times import SECOND, Moment
from classroom.topics import CourseTopic
from persistence.batches import Write
from persistence.learning import ANNOUNCEMENTS, KNOWN_COMMANDS, Found, LoadedCourse

COURSE_GOOD_FOR = 5 * SECOND
"""So long an outline is not read anew, unless the course is said to have changed."""
ASKED_AT_ONCE = 500
MISSED_AT_MOST = 2_000
TOLD_WITHIN = 60 * SECOND
TITLE_LENGTH, BODY_LENGTH = 200, 20_000
BODY_TOLD = 4_000
"""So many characters of an announcement fit into a frame with whatever else; the notification has all of them."""
CERTIFICATE_CHECK = "certificate.check"

_encode = msgspec.json.Encoder().encode
_log = structlog.get_logger(__name__)
_DONE = Accepted("done", b"{}")
_UNKNOWN: Moment | None = Moment(-1)
_AT_ONCE = Moment(0)
_OF_LEARNERS = (c.CompleteLesson, c.Watch, c.QuizGraded, c.Attended, c.Look)
_OF_LESSONS = (c.CompleteLesson, c.Watch, c.QuizGraded)


class _Changes:
    """What one turn has to write. Later rows replace earlier ones."""

    def __init__(self) -> None:
        self.events: list[tuple[Event, LoggedEvent]] = []
        self.learners: dict[UserId, Learner] = {}
        self.lessons: dict[tuple[UserId, str], LessonRecord] = {}
        self.attended: dict[tuple[UserId, SessionId], Attendance] = {}
        self.finished: dict[UserId, None] = {}

    def add(self, decided: Decided) -> None:
        """The rows of one decision."""
        user_id = decided.learner.user_id
        if decided.counted:
            self.learners[user_id] = decided.learner
        if decided.lesson is not None:
            self.lessons[user_id, decided.lesson.lesson_id] = decided.lesson
        if decided.attendance is not None:
            self.attended[user_id, decided.attendance[0]] = decided.attendance[1]
        if decided.finished:
            self.finished[user_id] = None

    def __bool__(self) -> bool:
        return bool(self.events or self.learners or self.lessons or self.attended or self.finished)


class CourseGrain:
    """One course in the memory of its owner. Everything here is synchronous; the host reads what `must_ask` wants, and
    commits what a turn brings."""

    kind = COURSE

    def __init__(self, grain_id: str, shard_id: int, epoch: int, loaded: LoadedCourse) -> None:
        self.id = CourseId(grain_id)
        self.epoch = epoch
        self.followers: dict[str, set[str]] = {view: set() for view in VIEWS}
        self.rings = {view: Ring() for view in VIEWS}
        self.learners = Learners()
        self.unsent = [notice_of(self.id, entry) for entry in loaded.untold]
        self._shard_id = shard_id
        self._offsets = loaded.offsets
        self._at = loaded.at
        self._commands = dict.fromkeys(loaded.commands)
        self._announcements = deque(loaded.announcements, ANNOUNCEMENTS)
        self._told = self._marked = loaded.told
        self._milestone = loaded.untold[-1].offset if loaded.untold else loaded.told
        self._deadline = _UNKNOWN if self.unsent else None
        self._course: Course | None = None
        self._course_until = Moment(0)
        self._just_read = False
        self._recount = False

    @property
    def offset(self) -> int:
        """How many events the log has, once what is under way is committed."""
        return self._offsets[0]

    @property
    def is_nobody(self) -> bool:
        """Whether no course has this id, as far as is known."""
        return self._course is None

    @property
    def version(self) -> int:
        """Of the outline that learners are counted for now; 0 while none is known."""
        return self._course.outline.version if self._course is not None else 0

    @property
    def owes_mark(self) -> bool:
        """Whether milestones were reached of which the store does not know that they were told."""
        return self._milestone > self._told

    def mark(self) -> int:
        """The event up to which everything was told: it is being noted."""
        self._marked, self._told = self._told, self._milestone
        return self._milestone

    def unmark(self) -> None:
        """That came to nothing."""
        self._told = self._marked

    def doubt_deadline(self) -> None:
        """The store may hold a deadline, whether there is something to tell or not."""
        self._deadline = _UNKNOWN

    def wake_at(self) -> Moment | None:
        """When to take back the deadline that wakes the course after a crash."""
        return Moment(self._at + TOLD_WITHIN) if self._deadline is not None else None

    # -- what must be read first ---------------------------------------------------------------------------------

    def must_ask(self, item: Item, now: Moment) -> bool:
        """Whether something must be read before this can be decided: the course's outline, a learner, or who it is."""
        body = item.envelope.body
        if not isinstance(body, (*_OF_LEARNERS, c.Announce, c.CourseChanged, Enter)):
            return False
        if isinstance(body, c.CourseChanged):
            return not self._just_read
        if not self._just_read and not now <= self._course_until <= now + COURSE_GOOD_FOR:
            return True
        if self._course is None:
            return False
        if not self._just_read and isinstance(body, _OF_LESSONS) and body.lesson_id not in self._course.outline.by_id:
            return True  # a lesson that was made a moment ago
        if isinstance(body, Enter):
            return body.connection is not None and self.learners.fresh(item.envelope.caller.user_id) is None
        return isinstance(body, _OF_LEARNERS) and not self.learners.knows(body.user_id, now)

    def unknown_people(self, items: Iterable[Item], now: Moment) -> list[UserId]:
        """Who must be read before the first of these can be decided; not more than 500."""
        people: dict[UserId, None] = {}
        for item in items:
            body = item.envelope.body
            if isinstance(body, Enter) and body.connection is not None:
                people[item.envelope.caller.user_id] = None
            elif isinstance(body, _OF_LEARNERS) and not self.learners.knows(body.user_id, now):
                people[body.user_id] = None
            if len(people) >= ASKED_AT_ONCE:
                break
        return list(people)

    def learn(self, found: Found, now: Moment) -> None:
        """What was read; good for the coming turn at least."""
        self.renew(found.course, now)
        self._just_read = True
        self.learners.learn(found.people, now)

    def renew(self, course: Course | None, now: Moment) -> None:
        """How the course is now. When it is known for the first time, too, all are counted anew: the host that was to do so
        may have died."""
        if course is not None and course.outline.version != self.version:
            self._recount = True
        self._course = course
        self._course_until = Moment(now + COURSE_GOOD_FOR) if course is not None else Moment(0)

    def wants_recount(self) -> bool:
        """Whether all learners are to be counted anew because the outline is another; says so once."""
        wants, self._recount = self._recount and self._course is not None, False
        return wants

    # -- turns ---------------------------------------------------------------------------------------------------

    def work(self, mailbox: deque[Item], now: Moment, turn: Turn, at_most: int) -> None:
        """Take and decide the first of the mailbox, in order, up to something that must be read first."""
        asked_at, now = now, Moment(max(now, self._at))
        self._at = now
        changes = _Changes()
        while mailbox and len(turn.taken) < at_most and not self.must_ask(mailbox[0], asked_at):
            item = mailbox.popleft()
            turn.taken.append(item)
            self._one(item, asked_at, now, turn, changes)
        self._record(turn, changes, now)
        self._just_read = False
        self.learners.end_turn()

    def settled(self, write: Write) -> None:
        """What this turn wrote is durable."""
        if write.learning is not None:
            self.learners.arrive(_people_of(write.learning))

    def _one(self, item: Item, asked_at: Moment, now: Moment, turn: Turn, changes: _Changes) -> None:
        envelope, body = item.envelope, item.envelope.body
        if isinstance(body, Enter):
            self._enter(item, body, turn)
            return
        if isinstance(body, Quit):
            self.followers[body.view].discard(body.gateway)
            reply: Reply = _DONE
        elif isinstance(body, c.CourseChanged):
            # What was read for this turn may have been read before the change was made.
            self._course_until, self._just_read, self._recount = Moment(0), False, True
            reply = _DONE
        elif isinstance(body, Tick):
            reply = _DONE
        elif self._course is None:
            reply = Refused(NotFound("course", self.id))
        elif isinstance(body, c.Announce):
            reply = self._announce(self._course, envelope.caller, body, now, changes)
        elif isinstance(body, _OF_LEARNERS):
            reply = self._count(self._course, envelope, body, asked_at, now, changes)
        else:
            reply = Refused(Forbidden("ask this of a course"))
        turn.replies.append((item, reply))

    def _count(
        self, course: Course, envelope: Envelope, command: c.Command, asked_at: Moment, now: Moment, changes: _Changes
    ) -> Reply:
        user_id = command.user_id  # type: ignore[union-attr]  # of `_OF_LEARNERS`: all of them name a learner
        if not self.learners.is_enrolled(user_id, asked_at):
            return Refused(NotEnrolled(course.id))
        key = _key_of(envelope, command)
        learner = self.learners.get(user_id)
        known = key is not None and key in self._commands
        try:
            decided = decide(course, learner, c.Look(user_id) if known else command, now, key)
        except Exception:
            # A fault in a rule. Nothing has moved yet, so it is nobody's trouble but the caller's.
            _log.exception("rule_failed", course=self.id, command=type(command).__name__, **about([envelope]))
            return Refused(Unavailable())
        if isinstance(decided, Refusal):
            return Refused(decided)
        if decided.writes:
            self.learners.put(decided.learner)
            changes.add(decided)
        first = None if known else key
        if first is not None:
            self._remember(first)
        for event in decided.events:
            self._log_event(event, now, first, changes)
            first = None
        return Accepted("done", _encode(shown(course, decided.learner, command)))

    def _announce(self, course: Course, caller: Caller, command: c.Announce, now: Moment, changes: _Changes) -> Reply:
        if caller.role is not Role.ADMIN and caller.user_id != course.instructor_id:
            return Refused(Forbidden("announce something in somebody else's course"))
        if not command.title or len(command.title) > TITLE_LENGTH or len(command.body) > BODY_LENGTH:
            bounds = f"A title has 1 to {TITLE_LENGTH} characters, a body at most {BODY_LENGTH}."
            return Refused(Malformed((("title", bounds),)))
        key = f"{Announced.type}:{command.id}"
        if key not in self._commands:
            self._remember(key)
            event = Announced(command.id, command.title, command.body[:BODY_TOLD], caller.user_id, caller.name)
            self._announcements.append(self._log_event(event, now, key, changes))
        return _DONE

    def _remember(self, key: str) -> None:
        self._commands[key] = None
        if len(self._commands) > KNOWN_COMMANDS:
            del self._commands[next(iter(self._commands))]

    def _log_event(self, event: Event, now: Moment, key: str | None, changes: _Changes) -> LoggedEvent:
        log, everybody, progress = self._offsets
        self._offsets = log + 1, everybody + (event.view == EVERYBODY), progress + (event.view == PROGRESS)
        entry = LoggedEvent(log + 1, event.type, _encode(event.data()), now, key, self._offsets[1:])
        changes.events.append((event, entry))
        return entry

    def _record(self, turn: Turn, changes: _Changes, now: Moment) -> None:
        for event, entry in changes.events:
            if isinstance(event, MilestoneReached):
                turn.notices.append(notice_of(self.id, entry))
                self._milestone = entry.offset
        # After a crash the course wakes at once if somebody may not have been told something.
        deadline = _AT_ONCE if self.owes_mark else None
        moved = deadline != self._deadline
        if not changes and not moved:
            return
        self._deadline = deadline
        rows = LearnerRows(
            self.id, now, list(changes.learners.values()),
            [(user_id, record) for (user_id, _), record in changes.lessons.items()],
            [(user_id, session_id, it) for (user_id, session_id), it in changes.attended.items()],
        )  # fmt: skip
        self.learners.depart(_people_of(rows))
        jobs = [
            JobRow(CERTIFICATE_CHECK, _encode({"courseId": self.id, "userId": user_id}), f"{self.id}:{user_id}")
            for user_id in changes.finished
        ]
        turn.write = Write(
            COURSE, self.id, self._shard_id, self.epoch, [entry for _, entry in changes.events], None, (), deadline, moved,
            rows, jobs,
        )  # fmt: skip
        self._publish(turn, changes.events)

    def _publish(self, turn: Turn, logged: Sequence[tuple[Event, LoggedEvent]]) -> None:
        for index, view in enumerate(VIEWS):
            told = [entry for event, entry in logged if event.view == view]
            if told and self.followers[view]:
                first = told[0].topic_offsets[index]
                encoded = [published(entry, view) for entry in told]
                turn.batches.append((view, Batch(Topic(str(CourseTopic(self.id, view))), self.epoch, first, encoded)))

    # -- following -----------------------------------------------------------------------------------------------

    def _enter(self, item: Item, enter: Enter, turn: Turn) -> None:
        course, view = self._course, enter.view
        refusal = NotFound("course", self.id) if course is None else self._turned_away(course, item.envelope.caller, enter)
        if course is None or refusal is not None:
            turn.replies.append((item, Refused(refusal or NotFound("course", self.id))))
            return
        self.followers[view].add(enter.gateway)
        offset = self._offsets[1 + VIEWS.index(view)]
        since = enter.since
        if since is not None and offset - MISSED_AT_MOST <= since.offset <= offset:
            turn.resumes.append(Resume(item, view, since, self.epoch, offset))
        elif view == PROGRESS and enter.connection is not None:
            turn.surveys.append(item)
        else:
            snapshot = b"{}" if view == PROGRESS else snapshot_of(course, self._announcements)
            turn.replies.append((item, Entered(self.epoch, offset, recovered=False, events=(), snapshot=snapshot)))

    def _turned_away(self, course: Course, caller: Caller, enter: Enter) -> Refusal | None:
        if enter.connection is None:
            return None
        person = self.learners.fresh(caller.user_id)
        active = person is not None and person.active
        if active and (caller.role is Role.ADMIN or caller.user_id == course.instructor_id):
            return None
        if enter.view == PROGRESS:
            return Forbidden("follow the progress of others")
        return None if person is not None and active and person.enrolled else NotEnrolled(course.id)


def _people_of(rows: LearnerRows) -> set[UserId]:
    people = {learner.user_id for learner in rows.learners} | {user_id for user_id, _ in rows.lessons}
    return people | {user_id for user_id, _, _ in rows.attended}


def _key_of(envelope: Envelope, command: c.Command) -> str | None:
    if envelope.command_id is None or isinstance(command, c.Look):
        return None
    return f"{envelope.caller.user_id}:{type(command).__name__}:{envelope.command_id}"
