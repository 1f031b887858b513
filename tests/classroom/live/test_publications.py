"""Who is told what: nothing is told to whom it does not concern, and each topic counts for itself."""

import pytest

from classroom.ids import ConnectionId, MessageId, PollId, UserId
from classroom.live import commands as c
from classroom.live import events as e
from classroom.live import talk_events as t
from classroom.live.publications import EVERYBODY, QUEUE, STAFF, VIEWS, advance, notices, publication, shown_on
from classroom.live.state import Offsets
from tests.classroom.live.room import SESSION, TEACHER, Room, started, student

ada, ben, cyd = (student(name) for name in ("ada", "ben", "cyd"))
PUBLIC = {
    "session.revised",
    "session.started",
    "session.ending",
    "session.ended",
    "session.cancelled",
    "session.locked",
    "session.unlocked",
    "capacity.changed",
    "count.changed",
}


@pytest.fixture
def room() -> Room:
    """Everything that can be told in a class, told: Ada left, Ben was promoted, Cyd was removed from the queue."""
    room = started(max_students=1)
    room.join(ada, ben, cyd)
    room.settle()
    room.connect(ada)
    room.connect(ada, "other")
    room.disconnect(ada)
    room.disconnect(ada, "other")
    room.do(ada, c.Leave())
    room.do(TEACHER, c.RemoveMember(cyd.user_id, ban=True))
    for to in ("all", "staff", TEACHER.user_id):
        room.do(ben, c.PostChat("hello", to))
    room.do(ben, c.RaiseHand())
    room.do(TEACHER, c.OpenPoll("Which?", ("a", "b"), quiz=True, correct=(1,)))
    room.do(ben, c.Vote(next(iter(room.state.polls)), (1,)))
    room.wait(1)
    room.settle()
    room.do(TEACHER, c.Revise(title="Sums", max_students=2))
    room.do(TEACHER, c.End())
    return room


def types(room: Room, view: str) -> list[str]:
    return [told.type for told in room.told[view]]


def test_who_sits_where_and_who_is_there_is_for_staff_only(room: Room) -> None:
    for view in (EVERYBODY, QUEUE):
        assert not [
            kind for kind in types(room, view) if kind.startswith(("seat.", "waitlist.joined", "waitlist.left", "presence."))
        ]
    for kind in ("seat.taken", "seat.released", "seat.promoted", "waitlist.joined", "waitlist.left"):
        assert kind in types(room, STAFF)


def test_presence_is_the_first_socket_and_the_last(room: Room) -> None:
    assert types(room, STAFF).count("presence.connected") == types(room, STAFF).count("presence.lost") == 1


def test_the_queue_hears_of_tickets_counts_and_the_life_of_the_class_without_any_name(room: Room) -> None:
    assert set(types(room, QUEUE)) - PUBLIC == {"waitlist.advanced"}
    for told in room.told[QUEUE]:
        if told.type == "waitlist.advanced":
            assert list(told.data) == ["ticket"]
        assert not {"userId", "name"} & told.data.keys()


def test_the_queue_hears_that_it_moved_up_whoever_went_and_however() -> None:
    room = started(max_students=1)
    room.join(ada, ben, cyd, student("dan"))
    room.do(ben, c.Leave())
    room.do(ada, c.Leave())
    assert [told.data for told in room.told[QUEUE]][-2:] == [{"ticket": 1}, {"ticket": 2}]


def test_right_answers_stay_with_staff_until_the_poll_closes(room: Room) -> None:
    [told] = [told for told in room.told[EVERYBODY] if told.type == "poll.opened"]
    assert "correct" not in told.data
    [told] = [told for told in room.told[STAFF] if told.type == "poll.opened"]
    assert told.data["correct"] == [1]
    [told] = [told for told in room.told[EVERYBODY] if told.type == "poll.closed"]
    assert told.data["correct"] == [1]


def test_nobody_learns_who_voted_what(room: Room) -> None:
    for view in VIEWS:
        assert "poll.voted" not in types(room, view)


def test_chat_goes_to_whom_it_is_for(room: Room) -> None:
    assert types(room, EVERYBODY).count("chat.posted") == 1
    assert types(room, STAFF).count("chat.posted") == 1
    assert "chat.posted" not in types(room, QUEUE)


def test_connections_are_nobodys_business() -> None:
    kind, data = publication(e.SeatTaken(UserId("ada"), "Ada", 1, ConnectionId("c1")), STAFF)
    assert (kind, data) == ("seat.taken", {"userId": "ada", "name": "Ada", "seat": 1, "connected": True})
    kind, data = publication(e.WaitlistJoined(UserId("ada"), "Ada", 7, 3, None), STAFF)
    assert data == {"userId": "ada", "name": "Ada", "ticket": 7, "position": 3, "connected": False}
    for event in (
        e.PresenceConnected(UserId("ada"), ConnectionId("c1"), first=True),
        e.PresenceLost(UserId("ada"), ConnectionId("c1"), last=True),
    ):
        assert publication(event, STAFF)[1] == {"userId": "ada"}


def test_each_topic_counts_only_what_it_is_told() -> None:
    offsets = Offsets()
    for event, expected in (
        (e.SeatTaken(UserId("ada"), "Ada", 1, None), Offsets(1, 0, 1, 0)),
        (e.SeatPromoted(UserId("ben"), "Ben", 2, 1), Offsets(2, 0, 2, 1)),
        (e.CountChanged(2, 0), Offsets(3, 1, 3, 2)),
        (t.PollVoted(PollId("p"), UserId("ada"), (0,)), Offsets(4, 1, 3, 2)),
        (t.ChatPosted(MessageId("m"), UserId("ada"), "Ada", "hi", "ben"), Offsets(5, 1, 3, 2)),
        (t.ReactionSent(UserId("ada"), "x"), Offsets(6, 2, 3, 2)),
    ):
        offsets = advance(offsets, event)
        assert offsets == expected


def test_the_class_as_such_is_told_to_all_three() -> None:
    for event in (e.SessionLocked(), e.SessionCancelled(), e.CountChanged(0, 0), e.CapacityChanged(3)):
        assert shown_on(event) == (True, True, True)


def told_by(event: e.Event) -> dict[str, str]:
    return {user_id: kind for user_id, kind, _ in notices(SESSION, event)}


def test_the_promoted_are_told_of_their_seat() -> None:
    [(user_id, kind, data)] = notices(SESSION, e.SeatPromoted(UserId("ben"), "Ben", 4, 1))
    assert (user_id, kind) == ("ben", "seat.promoted")
    assert data == {"sessionId": SESSION, "seat": {"number": 4}}


def test_private_messages_are_told_to_both_and_messages_to_staff_to_their_author() -> None:
    def posted(to: str) -> t.ChatPosted:
        return t.ChatPosted(MessageId("m"), UserId("ada"), "Ada", "hi", to)

    assert told_by(posted("ben")) == {"ada": "chat.posted", "ben": "chat.posted"}
    assert told_by(posted("ada")) == {"ada": "chat.posted"}
    assert told_by(posted("staff")) == {"ada": "chat.posted"}
    assert told_by(posted("all")) == {}


def test_who_was_told_of_a_message_is_told_that_it_was_taken_back() -> None:
    def removed(to: str) -> t.ChatRemoved:
        return t.ChatRemoved(MessageId("m"), to, UserId("tess"), UserId("ada"))

    assert told_by(removed("staff")) == {"ada": "chat.removed"}
    assert told_by(removed("ben")) == {"ada": "chat.removed", "ben": "chat.removed"}
    assert told_by(removed("all")) == {}


def test_who_is_removed_is_told() -> None:
    assert told_by(t.MemberRemoved(UserId("ada"), ban=True)) == {"ada": "member.removed"}
