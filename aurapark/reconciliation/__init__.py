"""What must always be true, checked on live data: the invariants behind `aurapark doctor`."""
