"""What can stand against somebody's wish about their own data."""

from aurapark.errors import N_, Conflict


class ErasureRefused(Conflict):
    sentence = N_("Your account cannot be erased yet. Below is what stands against it.")
