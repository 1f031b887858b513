"""What is in which slot of a class: the screen, up to four cameras with the instructor's first, up to six microphones."""

from collections.abc import Sequence

SCREEN = "screen"
CAMERAS = tuple(f"camera-{number}" for number in range(4))
MICROPHONES = tuple(f"microphone-{number}" for number in range(6))
MAIN, LOUDEST = "main", "loudest"

Key = tuple[str, str]
"""A source: whose it is, and `camera` or `screen`."""


def slot_names(kinds: Sequence[str]) -> list[str | None]:
    """The slot of each line of a viewer's offer, by their kinds ("video", "audio"; any other has none): `main` and
    `loudest` for at most one line of each, else the slots of a class in their order, None for lines beyond them."""
    plain = kinds.count("video") <= 1 and kinds.count("audio") <= 1
    names = {
        "video": iter((MAIN,) if plain else (SCREEN, *CAMERAS)),
        "audio": iter((LOUDEST,) if plain else MICROPHONES),
    }
    return [next(names[kind], None) if kind in names else None for kind in kinds]


class Slots:
    """Who holds which slot. A source keeps its slots until it is removed; what comes takes the first free one of its kind,
    `camera-0` and `microphone-0` only if it is staff's, who take them first. What finds none free waits in its turn."""

    def __init__(self) -> None:
        self._sources: dict[Key, tuple[bool, tuple[str, ...]]] = {}  # in the order in which they came
        self._held: dict[str, Key] = {}
        self._speakers: tuple[str, ...] = ()
        self._loudest: Key | None = None

    def put(self, key: Key, staff: bool, kinds: Sequence[str]) -> None:
        """This source sends now `kinds` ("audio", "video"); one that is here already keeps what it holds of them."""
        self._sources[key] = (staff, tuple(kinds))
        self._fill()

    def remove(self, key: Key) -> None:
        """This source is gone: who waited takes its slots. One that is not here changes nothing."""
        if self._sources.pop(key, None) is not None:
            self._fill()

    def hear(self, speakers: Sequence[str]) -> None:
        """Who speaks, the loudest first: they decide what `main` and `loudest` hold."""
        self._speakers = tuple(speakers)
        self._choose_loudest()

    def held(self) -> dict[str, Key]:
        """What is in each slot that has something, `main` and `loudest` too."""
        found = dict(self._held)
        main = self._main()
        if main is not None:
            found[MAIN] = main
        if self._loudest is not None:
            found[LOUDEST] = self._loudest
        return found

    def _fill(self) -> None:
        self._held = {slot: key for slot, key in self._held.items() if self._sends(key, slot)}
        holders = {(key, slot in MICROPHONES) for slot, key in self._held.items()}
        for key, (staff, kinds) in self._sources.items():
            for kind in kinds:
                sound = kind == "audio"
                if (key, sound) in holders:
                    continue
                slot = self._free(key, sound, staff)
                if slot is not None:
                    self._held[slot] = key
        self._choose_loudest()

    def _sends(self, key: Key, slot: str) -> bool:
        kinds = self._sources[key][1] if key in self._sources else ()
        return ("audio" if slot in MICROPHONES else "video") in kinds

    def _free(self, key: Key, sound: bool, staff: bool) -> str | None:
        slots = MICROPHONES if sound else CAMERAS
        if not sound and key[1] == SCREEN:
            return SCREEN if SCREEN not in self._held else None
        return next((slot for slot in (slots if staff else slots[1:]) if slot not in self._held), None)

    def _main(self) -> Key | None:
        """The screen, else the camera of who speaks, else the instructor's, else the first."""
        if SCREEN in self._held:
            return self._held[SCREEN]
        cameras = {self._held[slot][0]: self._held[slot] for slot in reversed(CAMERAS) if slot in self._held}
        speaking = next((cameras[user_id] for user_id in self._speakers if user_id in cameras), None)
        return speaking or next((self._held[slot] for slot in CAMERAS if slot in self._held), None)

    def _choose_loudest(self) -> None:
        """The microphone of who speaks loudest; in silence that of who spoke last, else the first."""
        holders = [self._held[slot] for slot in MICROPHONES if slot in self._held]
        cameras_first = sorted(holders, key=lambda key: key[1] == SCREEN)
        microphones = {key[0]: key for key in reversed(cameras_first)}
        speaking = next((microphones[user_id] for user_id in self._speakers if user_id in microphones), None)
        if speaking is not None:
            self._loudest = speaking
        elif self._loudest not in holders:
            self._loudest = holders[0] if holders else None
