"""What an agency is owed for a month: filled line by line as money moves, closed when the month is over."""
