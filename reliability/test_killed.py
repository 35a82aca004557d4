"""SIGKILL at any moment, and what is left."""

import time

import copies
import numpy as np

from black_average_drop.artifact import notebooks

KILLS = {
    "01_train": 5,
    "02_figure1": 2,
    "03_table1": 3,
    "04_alpha": 3,
    "05_identity": 2,
    "06_softmax": 2,
    "07_what_networks_use": 1,
    "08_maps_against_truth": 1,
    "09_verdict": 1,
}
SEED = 20
SOONER = (1, 0.5, 0.25, 0.125)  # of the planned moment, until the notebook that is meant is hit


def test_killed(check, undisturbed, tmp_path):
    """Killed at 20 random moments or more, then left to finish."""
    copy, generator = copies.clone(tmp_path / "project"), np.random.default_rng(SEED)
    hit, wrong, codes = [], [], []
    for notebook, count in KILLS.items():
        for share in generator.uniform(0, 1, count):
            for sooner in SOONER:  # on a machine that has become faster the notebook may be over
                (copy.build / f"{notebook}.stamp.json").unlink(missing_ok=True)  # if it came to its end before a kill
                run = copies.Running(copy)
                if run.wait_for(f"{notebook} (smoke): running"):
                    time.sleep(share * sooner * 60 * max(undisturbed.minutes[notebook], 0.1))
                if run.process.poll() is None:
                    hit.append(run.notebook())
                    alone = len(hit) % 2 == 0  # every other time the kernel is left to notice by itself
                    code = run.kill(kernels=not alone)
                    codes += [code] if alone else []  # where make is not killed itself
                wrong += copies.faults(copy, undisturbed)
                if hit[-1:] == [notebook]:
                    break
    left = copies.partial_files(copy)
    done = copies.reproduce(copy)
    by_notebook = ", ".join(f"{name} {hit.count(name)}" for name in [*notebooks.ORDER, "between"] if name in hit)
    check(
        "SIGKILL to make, pipeline and kernel, or to the pipeline alone, at random moments of the smoke profile",
        f"{len(hit)} kills ({by_notebook}), {len(codes)} of them leaving the kernel behind",
        f"at least {sum(KILLS.values())} kills, each notebook as often as planned",
        all(hit.count(name) >= count for name, count in KILLS.items()),
    )
    check(
        "Make's exit status after the pipeline alone was killed",
        f"{len([code for code in codes if code])} of {len(codes)} not 0",
        "never 0",
        all(codes),
    )
    check(
        "After each kill: a stamp naming an output that is missing, partial or other than recorded; a file under its "
        "final name that is not whole, or a table or figure other than the undisturbed run's",
        f"{len(wrong)} {'; '.join(sorted(set(wrong)))}".strip(),
        "0",
        not wrong,
    )
    mine, theirs = copies.contents(copy), copies.contents(undisturbed)
    same = sum(mine.get(name) == theirs[name] for name in theirs)
    check(
        "The next `make reproduce`, left alone",
        f"exit status {done.returncode}; {same} of {len(theirs)} tables (bytes) and figures (pixels) as undisturbed; "
        f"{len(copies.partial_files(copy))} half-written files left of {len(left)} before",
        "0; all; none left",
        not done.returncode and mine == theirs and not copies.partial_files(copy),
    )


def test_repeated(check, undisturbed, tmp_path):
    """The smoke profile twice on one machine."""
    copy = copies.clone(tmp_path / "project")
    done = copies.reproduce(copy)
    assert done.returncode == 0, done.stderr
    mine, theirs = copies.contents(copy), copies.contents(undisturbed)
    for what, pictures in (("Tables (CSV, Markdown, TeX), byte by byte", False), ("PNGs, pixel by pixel", True)):
        names = [name for name in theirs if name.endswith(".png") == pictures]
        same = sum(mine.get(name) == theirs[name] for name in names)
        check(what, f"{same} of {len(names)} equal", "all", same == len(names) and set(mine) == set(theirs))
