"""The invariants behind `aurapark doctor`, a gateway's books against ours, and what people decide about a case."""
