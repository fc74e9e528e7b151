"""Money going back for a payment, full or part: one row per action, from asking for it until it arrived."""
