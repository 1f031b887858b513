"""One connection, without a socket: what comes in, what is to be done."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from classroom.answers import Accepted, Refused
from classroom.callers import Caller, Role
from classroom.ids import ConnectionId, SessionId, Topic, UserId
from classroom.live.commands import Leave, PostChat, TakeSeat
from classroom.refusals import ClassEnded, Unavailable
from classroom.topics import Position
from realtime.closing import FLOODED, MALFORMED, SILENT, UNAUTHENTICATED
from realtime.connection import Connection
from realtime.effects import Depart, Effect, Execute, Follow, Identify, Send, SendPing, SendPong, Shut, Unfollow
from realtime.settings import GatewaySettings

CALLER = Caller(UserId("01910000-0000-7000-8000-000000000001"), "Ada", Role.STUDENT)
CLASS = SessionId("01910000-0000-7000-8000-0000000000aa")
LIVE, STAFF = Topic(f"live:{CLASS}"), Topic(f"live:{CLASS}:staff")
DONE = Accepted("done", b"{}")
SEATED = Accepted("seated", b'{"outcome":"seated"}')


def make(**limits: Any) -> Connection:
    return Connection(ConnectionId("c1"), GatewaySettings("g", "127.0.0.1", 0, "ws://x/ws", **limits), 0.0)


def signed_in(caller: Caller = CALLER, **limits: Any) -> Connection:
    connection = make(**limits)
    say(connection, type="hello", token="t")
    connection.identified(caller, 0.0)
    return connection


def say(connection: Connection, now: float = 0.0, **frame: Any) -> Sequence[Effect]:
    return connection.receive(json.dumps(frame).encode(), now)


def command(connection: Connection, id: str, name: str = "chat.post", now: float = 0.0, **args: Any) -> Sequence[Effect]:
    given = {"text": "hi", **args} if name == "chat.post" else args
    return say(connection, now, type="command", id=id, name=name, args={"sessionId": CLASS, **given})


def sent(effects: Sequence[Effect]) -> list[dict[str, Any]]:
    return [json.loads(effect.frame) for effect in effects if isinstance(effect, Send)]


def test_hello_asks_who_it_is_and_welcomes() -> None:
    connection = make()
    assert say(connection, type="hello", token="t") == (Identify("t"),)
    assert sent(connection.identified(CALLER, 0.0))[0]["type"] == "welcome"
    assert connection.caller == CALLER


def test_unknown_token_is_unauthenticated() -> None:
    connection = make()
    say(connection, type="hello", token="t")
    (shut,) = connection.identified(None, 0.0)
    assert isinstance(shut, Shut)
    assert shut.close is UNAUTHENTICATED
    assert "t" not in shut.detail.split()


def test_what_follows_hello_waits_for_the_welcome() -> None:
    connection = make()
    say(connection, type="hello", token="t")
    assert say(connection, type="ping") == ()
    assert [frame["type"] for frame in sent(connection.identified(CALLER, 0.0))] == ["welcome", "pong"]


def test_too_much_before_the_welcome_is_a_flood() -> None:
    connection = make()
    say(connection, type="hello", token="t")
    effects = [say(connection, type="ping") for _ in range(33)]
    assert effects[31] == ()
    assert [effect.close for effect in effects[32] if isinstance(effect, Shut)] == [FLOODED]


def test_second_hello_is_malformed() -> None:
    (shut,) = say(signed_in(), type="hello", token="t")
    assert isinstance(shut, Shut)
    assert shut.close is MALFORMED


def test_command_goes_to_its_class_with_its_id() -> None:
    (execute,) = command(signed_in(), "7")
    assert execute == Execute("7", CLASS, PostChat("hi", "all"))
    assert execute.command_id == "7"


def test_joining_takes_the_seat_for_this_connection() -> None:
    (execute,) = command(signed_in(), "7", "session.join", waitlist=False)
    assert execute == Execute("7", CLASS, TakeSeat(waitlist=False, connection=ConnectionId("c1")))


def test_id_in_flight_is_done_once_and_answered_as_often_as_asked() -> None:
    connection = signed_in()
    (execute,) = command(connection, "7")
    assert command(connection, "7") == ()
    assert isinstance(execute, Execute)
    assert len(sent(connection.answered(execute, DONE))) == 2
    assert sent(command(connection, "7"))[0]["ok"] is True


def test_final_refusal_is_remembered_and_a_passing_one_is_not() -> None:
    connection = signed_in()
    for id, refusal, again in (("1", ClassEnded(), Send), ("2", Unavailable(), Execute)):
        (execute,) = command(connection, id)
        assert isinstance(execute, Execute)
        reply = sent(connection.answered(execute, Refused(refusal)))[0]
        assert (reply["id"], reply["error"]["errorCode"]) == (id, refusal.code)
        assert isinstance(command(connection, id)[0], again)


def test_remembered_replies_are_bounded() -> None:
    connection = signed_in(remembered_replies=2)
    for id in ("1", "2", "3"):
        (execute,) = command(connection, id)
        assert isinstance(execute, Execute)
        connection.answered(execute, DONE)
    assert [type(command(connection, id)[0]) for id in ("2", "3", "1")] == [Send, Send, Execute]


def test_commands_in_flight_are_bounded() -> None:
    connection = signed_in(commands_in_flight=2)
    command(connection, "1")
    command(connection, "2")
    refused = sent(command(connection, "3"))[0]["error"]
    assert (refused["errorCode"], refused["retry"]) == ("rate_limited", True)


def test_rate_limit_refuses_then_lets_go_on() -> None:
    connection = signed_in(commands_per_second=10.0, commands_burst=3, commands_in_flight=1000)
    kinds = [type(command(connection, str(number))[0]) for number in range(5)]
    assert kinds == [Execute, Execute, Execute, Send, Send]
    assert isinstance(command(connection, "later", now=0.1)[0], Execute)


def test_flood_is_closed() -> None:
    connection = signed_in(frames_burst=10)
    assert [type(say(connection, type="ping")[0]) for _ in range(10)] == [Send] * 9 + [Shut]


@pytest.mark.parametrize("kind", ["fragment", "ponged"])
def test_flood_of_anything_else_is_closed(kind: str) -> None:
    connection = signed_in(frames_burst=2)
    assert [len(getattr(connection, kind)(0.0)) for _ in range(2)] == [0, 1]


def test_websocket_ping_is_answered_with_its_payload() -> None:
    assert signed_in().pinged(b"x", 0.0) == (SendPong(b"x"),)


def test_subscription_stands_until_it_is_ended() -> None:
    connection = signed_in()
    (follow,) = say(connection, type="subscribe", id="1", topic=LIVE, since={"epoch": 3, "offset": 120})
    assert follow == Follow("1", LIVE, Position(3, 120))
    assert connection.wants(follow)
    assert connection.followed(follow) == ()
    assert connection.present == {CLASS}
    unfollow, depart, reply = say(connection, type="unsubscribe", id="2", topic=LIVE)
    assert (unfollow, depart) == (Unfollow(LIVE), Depart(CLASS))
    assert sent([reply]) == [{"type": "reply", "id": "2", "ok": True, "result": {}}]
    assert not connection.present


def test_staff_view_makes_nobody_present() -> None:
    connection = signed_in()
    (follow,) = say(connection, type="subscribe", id="1", topic=STAFF)
    assert isinstance(follow, Follow)
    connection.followed(follow)
    assert not connection.present


def test_subscription_ended_while_it_was_made_is_not_wanted_and_the_class_is_told() -> None:
    connection = signed_in()
    (follow,) = say(connection, type="subscribe", id="1", topic=LIVE)
    assert isinstance(follow, Follow)
    say(connection, type="unsubscribe", id="2", topic=LIVE)
    assert not connection.wants(follow)
    assert connection.followed(follow) == (Depart(CLASS),)


def test_leaving_and_coming_back_at_once_is_not_heard_as_gone() -> None:
    connection = signed_in()
    (first,) = say(connection, type="subscribe", id="1", topic=LIVE)
    say(connection, type="unsubscribe", id="2", topic=LIVE)
    (second,) = say(connection, type="subscribe", id="3", topic=LIVE)
    assert isinstance(first, Follow)
    assert isinstance(second, Follow)
    assert connection.followed(first) == ()
    assert connection.wants(second)


def test_who_leaves_the_class_follows_it_no_longer() -> None:
    connection = signed_in()
    (follow,) = say(connection, type="subscribe", id="1", topic=LIVE)
    assert isinstance(follow, Follow)
    connection.followed(follow)
    (leave,) = command(connection, "2", "session.leave")
    (again,) = say(connection, type="subscribe", id="3", topic=f"{LIVE}:queue")
    assert isinstance(leave, Execute)
    assert isinstance(again, Follow)
    assert connection.answered(leave, Accepted("done", b"{}"))[1:] == (Unfollow(follow.topic), Depart(CLASS))
    assert list(connection.topics) == [again.topic], "what is asked for behind the leave belongs to the next seat"


def test_a_subscription_that_is_being_made_when_its_socket_leaves_is_refused() -> None:
    connection = signed_in()
    (follow,) = say(connection, type="subscribe", id="1", topic=LIVE)
    (leave,) = command(connection, "2", "session.leave")
    assert isinstance(follow, Follow)
    assert isinstance(leave, Execute)
    effects = connection.answered(leave, Accepted("done", b"{}"))
    assert [reply.get("error", {}).get("errorCode") for reply in sent(effects)] == [None, "not_seated"]
    assert not connection.wants(follow)
    assert connection.followed(follow) == (Depart(CLASS),)


def test_a_refused_leave_and_that_of_staff_end_no_subscription() -> None:
    for role, answer in ((Role.STUDENT, Refused(Unavailable())), (Role.INSTRUCTOR, Accepted("done", b"{}"))):
        connection = signed_in(Caller(CALLER.user_id, "Ada", role))
        (follow,) = say(connection, type="subscribe", id="1", topic=LIVE)
        assert isinstance(follow, Follow)
        connection.followed(follow)
        (leave,) = command(connection, "2", "session.leave")
        assert isinstance(leave, Execute)
        assert len(connection.answered(leave, answer)) == 1
        assert list(connection.topics) == [follow.topic]


def test_connection_that_closed_meanwhile_is_told_to_the_class() -> None:
    connection = signed_in()
    (follow,) = say(connection, type="subscribe", id="1", topic=LIVE)
    (join,) = command(connection, "2", "session.join")
    connection.close()
    assert isinstance(follow, Follow)
    assert isinstance(join, Execute)
    assert connection.followed(follow) == (Depart(CLASS),)
    assert connection.answered(join, SEATED) == (Depart(CLASS),)


def test_refused_subscription_can_be_tried_again() -> None:
    connection = signed_in()
    (follow,) = say(connection, type="subscribe", id="1", topic=LIVE)
    assert isinstance(follow, Follow)
    assert sent(connection.unfollowed(follow, Unavailable()))[0]["error"]["retry"] is True
    assert isinstance(say(connection, type="subscribe", id="2", topic=LIVE)[0], Follow)


def test_seat_and_its_leaving_are_noted() -> None:
    connection = signed_in()
    (join,) = command(connection, "1", "session.join")
    assert isinstance(join, Execute)
    connection.answered(join, SEATED)
    assert connection.present == {CLASS}
    (leave,) = command(connection, "2", "session.leave")
    assert leave == Execute("2", CLASS, Leave())
    assert isinstance(leave, Execute)
    connection.answered(leave, DONE)
    assert not connection.present


def test_heartbeat_pings_and_gives_up_after_two_missed() -> None:
    connection = signed_in()
    assert connection.attend(10.0) == ((SendPing(),), 10.0)
    connection.ponged(11.0)
    assert connection.attend(20.0) == ((), 15)
    assert connection.attend(35.0) == ((SendPing(),), 10.0)
    assert connection.attend(45.0) == ((SendPing(),), 10.0)
    (shut,), _ = connection.attend(55.0)
    assert isinstance(shut, Shut)
    assert shut.close is SILENT


def test_anything_heard_is_a_sign_of_life() -> None:
    connection = signed_in()
    connection.attend(10.0)
    connection.attend(20.0)
    say(connection, now=25.0, type="ping")
    assert connection.attend(30.0) == ((), 15)


def test_hello_has_ten_seconds() -> None:
    connection = make()
    assert connection.attend(9.0) == ((), 1.0)
    (shut,), _ = connection.attend(10.0)
    assert isinstance(shut, Shut)
    assert shut.close is UNAUTHENTICATED


def test_closed_connection_asks_for_nothing() -> None:
    connection = signed_in()
    connection.close()
    assert command(connection, "1") == ()
