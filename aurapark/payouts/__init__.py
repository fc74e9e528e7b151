"""The transfers that pay settlements: prepared by one person, approved by another, sent once."""
