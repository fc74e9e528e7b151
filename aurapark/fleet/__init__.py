"""Vehicles and the drawings of their numbered seats."""
