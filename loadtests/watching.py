"""Staff before a class: the `:staff` topic as a ledger that is checked with every event."""

from typing import Any

from loadtests.ledger import ClassLedger
from loadtests.person import Person
from loadtests.promises import BrokenPromise
from loadtests.tab import Tab
from loadtests.topic_watch import TopicWatch

_TIMELINE_PAGE = 500


class StaffWatch:
    """Follows `live:{id}:staff` in a tab."""

    def __init__(self, person: Person, tab: Tab, session_id: str) -> None:
        self._person = person
        self._tab = tab
        self.ledger = ClassLedger()
        self.topic = TopicWatch(f"live:{session_id}:staff", self.ledger.take, self.ledger.open)

    def open(self) -> None:
        """Begin to watch. Raises BrokenPromise."""
        must_follow(self._tab, self.topic)

    def close(self) -> None:
        """Nothing more comes: tell the verdict what was seen."""
        self.ledger.close()
        self._person.tell_marks(self.topic)


def must_follow(tab: Tab, watch: TopicWatch) -> None:
    """Follow a topic that one has a right to. Raises BrokenPromise."""
    refused = tab.follow(watch)
    if refused is not None:
        raise BrokenPromise(f"{watch.topic} was refused: {refused.error}.")


def read_timeline(person: Person, session_id: str) -> list[dict[str, Any]]:
    """Every event that is on the record, in order. Raises BrokenPromise at a gap."""
    events: list[dict[str, Any]] = []
    while True:
        path = f"/api/live-sessions/{session_id}/timeline?after={len(events)}&limit={_TIMELINE_PAGE}"
        page = person.get(path, "timeline")
        for event in page["items"]:
            if event["offset"] != len(events) + 1:
                raise BrokenPromise(f"The timeline of {session_id} has {event['offset']} where {len(events) + 1} was due.")
            events.append(event)
        if page["nextCursor"] is None:
            return events


def present_in(rows: list[dict[str, Any]]) -> set[str]:
    """Who is inside by the attendance list."""
    return {row["userId"] for row in rows if row["status"] == "present"}
