"""Payment attempts, the gateway's charges and events, behind one gateway port."""
