"""What can go wrong between a message and the person it is for. Anything else that a way out raises is tried again.

The text of these errors is ours and is kept with the row: no address, no name, no word of the message.
"""


class SinkDown(Exception):
    """The way out is closed for every message: the host does not answer, refuses our key or is full. No row's fault."""


class NotSent(Exception):
    """This message did not go out now and may later: the host said so."""


class Silent(NotSent):
    """The host fell silent in the middle of this message: it may have gone out, and is tried again all the same."""


class Refused(Exception):
    """This message will never go out: the host says that its address or content is wrong."""


class BadAddress(Refused, ValueError):
    """This one message cannot go out: its address or a header is not what it should be."""
