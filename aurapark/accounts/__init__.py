"""People who sign in: who they are, their roles, their sessions, and how they prove that it is them."""
