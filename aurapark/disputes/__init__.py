"""Money a payer disputes at the bank: one row a dispute, from the first word of it until it is won or lost."""
