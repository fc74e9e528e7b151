"""Holds, bookings, seat claims, passengers and tickets."""
