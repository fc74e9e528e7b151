"""The pages of an agency's staff: who works here, in which role, and where the agency's money goes."""
