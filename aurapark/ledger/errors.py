"""What can go wrong with the books: bugs, not bad input."""


class PostedOtherwise(Exception):
    """An event is in the books already, with other movements; the transaction under way must not be committed."""
