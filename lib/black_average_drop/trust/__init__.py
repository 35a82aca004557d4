"""Does a metric deserve belief? Maps and metrics against lesions that are known, and against controls."""
