"""Tables that others made: CSV files, labels as they come, and which image a row means."""
