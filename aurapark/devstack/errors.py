"""The one error of the devstack: something a person has to know, said in one line."""

import errno

WAY_OUT = "Or use servers of your own: set DATABASE_URL and REDIS_URL."


class DevstackError(Exception):
    """The stack cannot start; the text is printed as it is, without a traceback."""


def explain_os_error(error: OSError) -> DevstackError:
    """Return the words for an OSError met while files of the stack are written."""
    where = error.filename or "the state folder"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DevstackError(f"The disk is full: nothing can be written to {where}. Free some space and start again.")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return DevstackError(
            f"{where} cannot be used by this user ({error.strerror}). It was perhaps made by another user: "
            "run as that user, delete it, or set AURAPARK_VAR to another folder."
        )
    return DevstackError(f"{where}: {error.strerror}")
