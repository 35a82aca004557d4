"""The command line of `make benchmark`."""

import argparse
import sys
import tempfile

from black_average_drop.artifact.code_hashes import check_sources, module_sources
from black_average_drop.benchmark import measurement, report


def main():
    """The command line: python -m black_average_drop.benchmark [--data folder]."""
    described = "Measure what evaluation costs next to the forward passes that it cannot do without."
    parser = argparse.ArgumentParser(prog="black_average_drop.benchmark", description=described)
    parser.add_argument("--data", default="", help="the folder of `make data`, for photos and radiographs")
    arguments = parser.parse_args()
    rows, made = [], report.circumstances(arguments.data)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            for one in measurement.measure(arguments.data, scratch):
                rows.append(one)
                print(f"{one['row']}: {one['value']:.3g} {one['unit']}", file=sys.stderr, flush=True)
        check_sources(module_sources("benchmark"))
    except (ValueError, FileNotFoundError, RuntimeError) as problem:
        sys.exit(str(problem))
    print(report.write(rows))
    report.record(made | {"versions": made["versions"] | report.library_versions()})
