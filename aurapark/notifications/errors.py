"""What can go wrong between a message and the person it is for."""


class SinkDown(Exception):
    """The way out is closed for every message: the mail server does not answer, or the disk is full."""


class BadAddress(ValueError):
    """This one message cannot go out: its address or a header is not what it should be."""
