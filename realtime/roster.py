"""Who is connected to this gateway: every socket, and each person's in the order they came."""

from typing import TYPE_CHECKING

from classroom.ids import UserId

if TYPE_CHECKING:
    from realtime.sockets import Socket


class Roster:
    """Sockets from their handshake to their end, and the signed-in ones by person."""

    def __init__(self, per_user: int) -> None:
        self._per_user = per_user
        self._sockets: set[Socket] = set()
        self._by_user: dict[UserId, tuple[Socket, ...]] = {}

    def __len__(self) -> int:
        return len(self._sockets)

    def everybody(self) -> list["Socket"]:
        """All sockets, those being closed included."""
        return list(self._sockets)

    def of(self, user_id: UserId) -> list["Socket"]:
        """A person's signed-in sockets, the oldest first."""
        return list(self._by_user.get(user_id, ()))

    def arrive(self, socket: "Socket") -> None:
        """A socket was opened."""
        self._sockets.add(socket)

    def sign_in(self, socket: "Socket", user_id: UserId) -> "Socket | None":
        """The socket is this person's; also says which older one of theirs is now too many."""
        own = self._by_user[user_id] = (*self._by_user.get(user_id, ()), socket)
        return own[0] if len(own) > self._per_user else None

    def sign_out(self, socket: "Socket", user_id: UserId) -> None:
        """The socket speaks for nobody any more."""
        left = tuple(each for each in self.of(user_id) if each is not socket)
        if left:
            self._by_user[user_id] = left
        else:
            self._by_user.pop(user_id, None)

    def vanish(self, socket: "Socket") -> None:
        """Nothing is left of the socket."""
        self._sockets.discard(socket)
