"""Does a metric deserve belief? It is judged where the lesions or objects are known."""
