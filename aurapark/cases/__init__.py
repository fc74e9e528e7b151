"""What needs a person: money under review and differences between a gateway's books and ours, each with an owner."""
