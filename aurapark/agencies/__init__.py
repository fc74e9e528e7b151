"""Bus companies: who they are, whether they may sell, and the policies they sell under."""
