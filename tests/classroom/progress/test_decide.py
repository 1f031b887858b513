"""What commands come to, for any order and repetition of them."""

from dataclasses import replace

from hypothesis import example, given
from hypothesis import strategies as st

from classroom.ids import CourseId, LessonId, SessionId, UserId
from classroom.progress import commands as c
from classroom.progress.course import WHOLE, Course, Outline, Part
from classroom.progress.decide import Decided, decide
from classroom.progress.events import LessonCompleted, MilestoneReached, ProgressMoved
from classroom.progress.learner import Learner
from classroom.progress.refusals import NotPassed, NotWatched
from classroom.progress.views import next_of, progress_of
from classroom.progress.watched import SLACK_SECONDS, seconds
from classroom.refusals import NotFound, Refusal
from classroom.times import SECOND, Moment

SAM = UserId("sam")
VIDEO, QUIZ, LIVE, *ARTICLES = (LessonId(name) for name in ("video", "quiz", "live", "a1", "a2", "extra"))
PARTS = (
    Part(VIDEO, type="video", seconds=100),
    Part(QUIZ, type="quiz"),
    Part(LIVE, type="live"),
    Part(ARTICLES[0]),
    Part(ARTICLES[1], weight=3),
    Part(ARTICLES[2], required=False),
)
COURSE = Course(CourseId("course"), "Tides", UserId("ina"), Outline(PARTS))
NOW = Moment(1_790_000_000 * SECOND)
LESSONS = st.sampled_from([VIDEO, QUIZ, LIVE, *ARTICLES, LessonId("gone")])
COMMANDS = st.one_of(
    st.builds(c.CompleteLesson, st.just(SAM), LESSONS),
    st.builds(c.Watch, st.just(SAM), LESSONS, st.integers(0, 200), st.integers(0, 200)),
    st.builds(
        c.QuizGraded, st.just(SAM), st.just(QUIZ), st.just("q"), st.integers(0, 10), st.integers(0, 10), st.booleans()
    ),
    st.builds(
        c.Attended,
        st.just(SAM),
        st.sampled_from([SessionId("s1"), SessionId("s2")]),
        st.integers(0, 60),
        st.just(60),
        st.none() | LESSONS,
    ),
    st.builds(c.Look, st.just(SAM)),
)
STORIES = st.lists(st.tuples(COMMANDS, st.integers(0, 60)), max_size=30)


def tell(learner: Learner, command: c.Command, at: int = 0, key: str | None = None, course: Course = COURSE) -> Decided:
    """The decision on a command that must not be refused."""
    decided = decide(course, learner, command, Moment(NOW + at * SECOND), key)
    assert isinstance(decided, Decided), decided
    return decided


@given(STORIES)
def test_nothing_that_a_learner_does_lowers_progress_and_each_thing_is_told_once(story: list[tuple[c.Command, int]]) -> None:
    learner, now, percents, completed = Learner(SAM), 0, [], []
    for number, (command, passed) in enumerate(story):
        now += passed
        decided = decide(COURSE, learner, command, Moment(NOW + now * SECOND), str(number))
        if isinstance(decided, Refusal):
            continue
        after = decided.learner
        assert after.done >= learner.done
        assert after.thousandths >= learner.thousandths
        assert after.thousandths == COURSE.outline.done_of(after.done)
        assert (after.completed_at is not None) == (after.thousandths == WHOLE)
        moved = any(isinstance(event, ProgressMoved) for event in decided.events)
        assert moved == (after.thousandths != learner.thousandths)
        assert decided.counted or after.version == learner.version
        percents += [event.percent for event in decided.events if isinstance(event, MilestoneReached)]
        completed += [event.lesson_id for event in decided.events if isinstance(event, LessonCompleted)]
        learner = after
    assert percents == [each for each in (25, 50, 75, 100) if each * 10 <= learner.thousandths]
    assert len(completed) == len(set(completed))
    assert set(completed) == learner.done


@given(STORIES)
def test_whatever_is_told_again_under_its_id_or_at_once_changes_nothing(story: list[tuple[c.Command, int]]) -> None:
    learner, now = Learner(SAM), 0
    for number, (command, passed) in enumerate(story):
        now += passed
        decided = decide(COURSE, learner, command, Moment(NOW + now * SECOND), str(number))
        if isinstance(decided, Refusal):
            continue
        again = tell(decided.learner, command, now, str(number))
        if not isinstance(command, c.QuizGraded):  # a result is told each time: its grain knows the id again
            assert not again.events
        assert not again.counted
        assert again.learner.done == decided.learner.done
        assert again.learner.thousandths == decided.learner.thousandths
        learner = decided.learner


LONG = 6_000


@given(st.lists(st.tuples(st.integers(0, LONG), st.integers(0, LONG), st.integers(0, 900)), max_size=40))
@example([(LONG, LONG, 0), (4_200, LONG, 0), (3_000, LONG, 1_000), (400, LONG, 1_000)])
def test_no_player_completes_a_long_video_sooner_than_it_can_be_watched(reports: list[tuple[int, int, int]]) -> None:
    course = replace(COURSE, outline=Outline((Part(VIDEO, type="video", seconds=LONG),)))
    learner, now, first = Learner(SAM), 0, None
    for number, (position, watched, passed) in enumerate(reports):
        now += passed
        first = now if first is None else first
        learner = tell(learner, c.Watch(SAM, VIDEO, position, watched), now, str(number), course).learner
        if VIDEO in learner.done:
            assert 2 * (now - first) + SLACK_SECONDS >= LONG * 0.9, "from the first report on, at twice the speed"
            return
        assert seconds(learner.lessons[VIDEO].watched) < LONG * 0.9


def test_a_video_that_is_watched_through_is_done_by_itself() -> None:
    learner = Learner(SAM)
    for number in range(1, 19):
        decided = tell(learner, c.Watch(SAM, VIDEO, 5 * number, 5), 5 * number, str(number))
        learner = decided.learner
    assert [type(event) for event in decided.events] == [LessonCompleted, ProgressMoved]
    assert seconds(learner.lessons[VIDEO].watched) == 90


def test_what_has_to_be_watched_or_passed_is_not_done_by_saying_so() -> None:
    learner = Learner(SAM)
    assert decide(COURSE, learner, c.CompleteLesson(SAM, VIDEO), NOW, None) == NotWatched(VIDEO, 0, 100)
    assert decide(COURSE, learner, c.CompleteLesson(SAM, QUIZ), NOW, None) == NotPassed(QUIZ)
    gone = LessonId("gone")
    assert decide(COURSE, learner, c.CompleteLesson(SAM, gone), NOW, None) == NotFound("lesson", gone)
    unknown = replace(COURSE, outline=Outline((Part(VIDEO, type="video"),)))
    assert tell(learner, c.CompleteLesson(SAM, VIDEO), course=unknown).learner.thousandths == WHOLE


def test_the_best_result_stays_and_a_pass_is_not_taken_back() -> None:
    learner = tell(Learner(SAM), c.QuizGraded(SAM, QUIZ, "q", 8, 10, passed=True)).learner
    worse = tell(learner, c.QuizGraded(SAM, QUIZ, "q", 7, 10, passed=False))
    record = worse.learner.lessons[QUIZ]
    assert (record.points, record.possible, record.passed) == (8, 10, True)
    assert record.completed_at is not None
    assert tell(learner, c.QuizGraded(SAM, QUIZ, "q", 9, 10, passed=True)).learner.lessons[QUIZ].points == 9


def test_a_lesson_that_is_added_lowers_progress_and_one_that_is_dropped_raises_it() -> None:
    learner = tell(Learner(SAM), c.CompleteLesson(SAM, ARTICLES[0])).learner
    small = replace(COURSE, outline=Outline((Part(ARTICLES[0]),)))
    whole = tell(learner, c.Look(SAM), course=small)
    assert (whole.learner.thousandths, whole.finished) == (WHOLE, True)
    larger = replace(COURSE, outline=Outline((Part(ARTICLES[0]), Part(ARTICLES[1]))))
    half = tell(whole.learner, c.Look(SAM), course=larger)
    assert (half.learner.thousandths, half.finished) == (500, False)
    assert half.learner.completed_at == whole.learner.completed_at, "that it was done once stays true"
    assert not [event for event in half.events if isinstance(event, MilestoneReached)]
    assert half.counted


def test_who_has_done_nothing_has_no_row() -> None:
    assert not tell(Learner(SAM), c.Look(SAM)).writes
    assert not tell(Learner(SAM), c.Attended(SAM, SessionId("s"), 0, 60, LIVE)).counted


def test_one_goes_on_where_one_was_unless_that_is_done() -> None:
    learner = tell(Learner(SAM), c.Watch(SAM, VIDEO, 5, 5), key="1").learner
    assert next_of(COURSE, learner) == VIDEO
    learner = tell(learner, c.CompleteLesson(SAM, ARTICLES[1])).learner
    assert next_of(COURSE, learner) == VIDEO
    learner = tell(learner, c.CompleteLesson(SAM, ARTICLES[0])).learner
    shown = progress_of(COURSE, learner)
    assert (shown["percent"], shown["lessonsDone"], shown["lessonsTotal"]) == (57.1, 2, 5)
    assert [each["state"] for each in shown["lessons"]] == ["begun", "open", "open", "completed", "completed", "open"]
