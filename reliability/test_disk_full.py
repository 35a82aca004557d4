"""A disk that fills up, again and again, at another place each time."""

import os
import subprocess

import copies

FIRST, STEP, MOST = 1024, 1536, 65536  # KiB; the smoke profile leaves about 15 MiB


def test_disk_full(check, undisturbed, tmp_path):
    """The disk fills up, and has a little more room for the next run each time."""
    copy = copies.clone(tmp_path / "project")
    copy.build.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={FIRST}k", "tmpfs", copy.build]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        check("A small disk (tmpfs) to fill", "not run: mounting one is refused here", "run as root", False, known=True)
        return
    try:
        runs, wrong, said = fill(copy, undisturbed)
        done, left = runs[-1], copies.partial_files(copy)
        mine, theirs = copies.contents(copy), copies.contents(undisturbed)
    finally:
        subprocess.run(["umount", "--lazy", copy.build], check=True)
    check(
        f"`make reproduce` on a disk of {FIRST / 1024:g} MiB, then of {STEP / 1024:g} more each time it was full",
        f"{len(runs) - 1} runs ended for want of room, in {', '.join(sorted(set(said))) or 'none'}",
        "several, in several notebooks",
        len(runs) > 3 and len(set(said)) > 2,
    )
    check(
        "What such a run leaves",
        f"{len(wrong)} faults {'; '.join(wrong)}".strip(),
        "exit status not 0, a sentence that says the disk is full and what to do, no Python traceback, no half-written "
        "file",
        not wrong,
    )
    same = sum(mine.get(name) == theirs[name] for name in theirs)
    check(
        "The run that had room at last",
        f"exit status {done.returncode}; {same} of {len(theirs)} tables (bytes) and figures (pixels) as undisturbed; "
        f"{len(left)} half-written files left",
        "0; all; none left",
        not done.returncode and mine == theirs and not left,
    )


def fill(copy, undisturbed):
    """Run on an ever larger disk until a run ends well: the runs, what was wrong after one, the notebook each left."""
    runs, wrong, stopped = [], [], []
    for size in range(FIRST, MOST, STEP):
        subprocess.run(["mount", "-o", f"remount,size={size}k", copy.build], check=True)
        done = copies.reproduce(copy)
        runs.append(done)
        faults = copies.faults(copy, undisturbed) + [f"{name} is left" for name in copies.partial_files(copy)]
        if done.returncode:
            begun = [line.split()[0] for line in done.stdout.splitlines() if line.endswith("running")]
            stopped.append(begun[-1] if begun else "none")
            if "Traceback (most recent" in done.stderr:
                faults.append("a traceback instead of a sentence: " + done.stderr.strip().splitlines()[-2][:200])
            elif not ("No space left on device" in done.stderr and "run the same command again" in done.stderr):
                faults.append(f"the disk is not named: {done.stderr.strip()[:200]}")
        wrong += [f"{size} KiB: {fault}" for fault in faults]
        print(size, "KiB:", done.returncode, done.stderr.strip(), flush=True)
        if not done.returncode:
            break
    return runs, wrong, stopped
