"""The words somebody looks for, and the words that were meant when one of them has a slip."""

import re

MOST_WORDS = 8
_LONGEST_WORD = 40
_WORD = re.compile(r"[^\W_]+")


def words_of(text: str) -> tuple[str, ...]:
    """The words in what was typed, in small letters: letters and digits only, at most eight, none longer than forty."""
    return tuple(word[:_LONGEST_WORD] for word in _WORD.findall(text.lower())[:MOST_WORDS])


def is_slip(typed: str, meant: str) -> bool:
    """Whether `typed` is `meant` with at most one letter too many, too few or wrong, or two neighbours changed about."""
    if len(typed) > len(meant):
        typed, meant = meant, typed
    same = next((place for place, letter in enumerate(typed) if letter != meant[place]), len(typed))
    if len(typed) < len(meant):
        return len(meant) - len(typed) == 1 and typed[same:] == meant[same + 1 :]
    if typed[same + 1 :] == meant[same + 1 :]:
        return True
    changed_about = typed[same : same + 2] == meant[same : same + 2][::-1]
    return changed_about and typed[same + 2 :] == meant[same + 2 :]
