"""Prices by leg, class and category; quotes; the refund policy as a pure function."""
