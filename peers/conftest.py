"""Every comparison asserts and is a row of build/peers/peers.md, and so is every library that cannot be imported.

Comparisons that the docs show are rows of `tables`, too. A run of all of them that ends well writes
paper_figures/peers.
"""

import importlib.metadata
import os

import peer_tables as committed
import pytest
import torch._dynamo  # noqa: F401  its Triton ends the process where TensorFlow is loaded already: first, then

from black_average_drop.files import ROOT, replacing

PAGE = ROOT / "build" / "peers" / "peers.md"
LIBRARIES = ("torch", "torchvision", "timm", "torchxrayvision", *committed.LIBRARIES[1:], "keras", "numpy")
HEAD = """# Other libraries

What `make peers` compared, with {versions}, on {cores} cores. A difference is the largest of all
images, and of AD and BAD the larger of two: of the network as a module, and of its .pt2 archive.

| Architecture | Compared | Largest difference | At most | Met |
|---|---|---|---|---|
"""
ROWS = pytest.StashKey()
TABLES = pytest.StashKey()


def pytest_configure(config):
    config.stash[ROWS] = []
    config.stash[TABLES] = {name: [] for name in committed.COLUMNS}


@pytest.fixture
def tables(request):
    """The rows of each table of `peer_tables.COLUMNS`, to which a comparison appends its own."""
    return request.config.stash[TABLES]


@pytest.fixture
def row(request):
    """row(architecture, compared, difference, most=None): a line of the page; without `most` nothing is expected."""
    surprises = []

    def record(architecture, compared, difference, most=None):
        met = "not judged" if most is None else "yes" if difference <= most else "**no**"
        _add(request.config, architecture, compared, f"{difference:.1e}", "" if most is None else f"{most:.0e}", met)
        if met == "**no**":
            surprises.append(f"{architecture}, {compared}: {difference:.1e} (at most {most:.0e})")

    yield record
    if surprises:
        pytest.fail("; ".join(surprises), pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A test that breaks off is a row that says why. One whose library is not there is skipped."""
    report = yield
    if call.when == "call" and call.excinfo:
        name = item.callspec.id if hasattr(item, "callspec") else item.name
        said = " ".join(call.excinfo.exconly().split())[:200].replace("|", "/")
        if call.excinfo.errisinstance(ImportError):
            report.outcome, report.longrepr = "skipped", (str(item.path), item.location[1] or 0, said)
            _add(item.config, name, f"not compared: {said}", "", "", "not judged")
        else:
            _add(item.config, name, f"broke off: {said}", "", "", "**no**")
    return report


def pytest_sessionfinish(session, exitstatus):
    rows, shown = session.config.stash[ROWS], session.config.stash[TABLES]
    if all(shown.values()) and exitstatus == 0:
        committed.write(shown)
        print(f"\n{committed.FOLDER}")
    if rows:
        lines = "\n".join(f"| {' | '.join(cells)} |" for cells in rows)
        with replacing(PAGE) as partial:
            head = HEAD.format(versions=", ".join(_versions()), cores=os.cpu_count())
            partial.write_text(f"{head}{lines}\n", encoding="utf-8")
        print(f"\n{PAGE}")


def _add(config, *cells):
    config.stash[ROWS].append(cells)
    print(" | ".join(cell for cell in cells if cell), flush=True)


def _versions():
    for library in LIBRARIES:
        try:
            yield f"{library} {importlib.metadata.version(library)}"
        except importlib.metadata.PackageNotFoundError:
            yield f"no {library}"
