"""Trips between two stops on a day: reads only."""
