"""The books: every movement of money as one row, from the payer to the agency. Nothing in them is ever changed."""
