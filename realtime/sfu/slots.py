"""What is in which slot of a class: the screen, up to four cameras with the instructor's first, up to six microphones."""

SCREEN = "screen"
CAMERAS = tuple(f"camera-{number}" for number in range(4))
MICROPHONES = tuple(f"microphone-{number}" for number in range(6))
MAIN, LOUDEST = "main", "loudest"


def slot_names(kinds: list[str]) -> list[str | None]:
    """The slot of each line of a viewer's offer, by their kinds ("video", "audio"; any other has none): `main` and
    `loudest` for at most one line of each, else the slots of a class in their order, None for lines beyond them."""
    plain = kinds.count("video") <= 1 and kinds.count("audio") <= 1
    names = {
        "video": iter((MAIN,) if plain else (SCREEN, *CAMERAS)),
        "audio": iter((LOUDEST,) if plain else MICROPHONES),
    }
    return [next(names[kind], None) if kind in names else None for kind in kinds]
