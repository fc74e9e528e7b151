"""What to say to people, in which language, by which channel."""
