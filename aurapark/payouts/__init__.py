"""Paying a settlement: prepared by one person, approved by another, sent once."""
