"""Counting under a lock: rows that stand for whoever holds or tries something, and tries that failed."""
