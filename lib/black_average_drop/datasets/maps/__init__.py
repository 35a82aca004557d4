"""Maps that others made: which file is whose, what is wrong with it, and its values batch by batch."""
