"""All work that happens by the clock: one registry, run by scheduler, sweeper, API and command alike, and recorded."""
