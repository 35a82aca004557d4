"""From notebooks to results that anybody can check: the pipeline, its records, and the pages of results."""
