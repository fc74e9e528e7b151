"""Start one program that ends when its parent does, perhaps as another user.

Run as a script, before any package can be imported:
`python -I -S launch.py END_SIGNAL PARENT_PID UID GID PROGRAM [ARGUMENT ...]` (UID and GID -1: stay who you are).
A script of its own, because the same calls in `preexec_fn` may deadlock a parent that has threads.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Become the program, with the kernel told to send END_SIGNAL when the parent dies (Linux)."""
    end_signal, parent, uid, gid = (int(argument) for argument in sys.argv[1:5])
    command = sys.argv[5:]
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        # After setuid, which clears it.
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, end_signal, 0, 0, 0)
        if os.getppid() != parent:
            sys.exit("the parent is gone already")
    os.execv(command[0], command)  # nosec B606  # noqa: S606


if __name__ == "__main__":
    main()
