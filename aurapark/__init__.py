"""AuraPark: seats on intercity buses."""
