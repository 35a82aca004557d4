"""Every check asserts and records: what was tried, what was found, what was expected, and whether that is met."""

import time

import copies
import pytest
import report


@pytest.fixture
def check(request):
    """check(tried, found, expected, met, known=False): a line of the report, written whether it is met or not.

    The test fails in the end if a line is not met: the others are still worth having. One that is known not to be met
    is a limit that the report owns up to; it fails once it is met, so that the mark cannot outlive its reason. Where
    there is too little to judge by, met is None. A check that breaks off has a line that says so, in place of its old
    section.
    """
    rows, started, commit, surprises = [], time.monotonic(), report.commit(), []

    def record(tried, found, expected, met, known=False):
        met = None if met is None else bool(met)
        rows.append((tried, found, expected, met))
        said = "not judged" if met is None else "met" if met else "NOT MET, as known" if known else "NOT MET"
        print(f"{said}: {tried}: {found} (expected: {expected})", flush=True)
        if met == known:
            surprises.append(f"{tried}: {found} (expected: {expected}{', but marked as not met' if known else ''})")

    yield record
    if request.node.stash.get(BROKEN_OFF, ""):
        rows.append(("The whole check", f"broke off: {request.node.stash[BROKEN_OFF]}", "runs to its end", False))
    title = request.function.__doc__.split("\n")[0].rstrip(".")
    report.write_section(request.function.__name__.removeprefix("test_"), title, rows, minutes_since(started), commit)
    if surprises and not request.node.stash.get(BROKEN_OFF, ""):
        pytest.fail("; ".join(surprises), pytrace=False)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    """The smoke profile run once in a copy of the project, left alone: what every other run is compared with."""
    copy = copies.clone(tmp_path_factory.mktemp("undisturbed") / "project")
    done = copies.reproduce(copy)
    assert done.returncode == 0, done.stdout + done.stderr
    copy.minutes = copies.minutes_by_notebook(done.stdout)
    return copy


BROKEN_OFF = pytest.StashKey()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    if call.when == "call" and call.excinfo and not call.excinfo.errisinstance(pytest.skip.Exception):
        item.stash[BROKEN_OFF] = " ".join(call.excinfo.exconly().split())[:300]
    return (yield)


def pytest_sessionfinish():
    if report.FOLDER.is_dir():
        print(f"\n{report.assemble()}")


def minutes_since(started):
    return (time.monotonic() - started) / 60
