"""What `make benchmark` measures: evaluation against its forward passes and against other libraries, and the rest.

`measurement` says what is compared, `footprint` and `comparators` hold further rows, `timing` takes the time of two
sides in turns, and `report` writes the table.
"""

from black_average_drop.benchmark.command import main

__all__ = ["main"]
