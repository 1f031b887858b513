"""What people may write: something, within a bound, that every store and every wire can hold."""


def is_fit(text: str, limit: int) -> bool:
    """Whether `text` says something in at most `limit` characters, without NUL (PostgreSQL's `text` has none) or half a
    surrogate pair (UTF-8 has none)."""
    if not text.strip() or len(text) > limit or "\0" in text:
        return False
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)
