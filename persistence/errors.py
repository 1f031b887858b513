"""What a store says when it cannot answer."""


class StoreAway(Exception):
    """Postgres cannot be reached, is starting or stopping, or did not answer in time.

    Of a write it may not be known whether it happened. Reads may be tried again as they are.
    """
