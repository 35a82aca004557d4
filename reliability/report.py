"""paper_figures/reliability.md: one section a check, each a small file of its own, so that checks can be run apart."""

import datetime
import json
import os
import re
import subprocess

from black_average_drop.artifact.versions import surroundings
from black_average_drop.files import ROOT, replacing, sha256

FOLDER = ROOT / "paper_figures" / "reliability"
MET = {True: "yes", False: "**no**", None: "not judged"}
VERSIONS = ("python", "tensorflow", "keras", "numpy")
HEAD = """# Reliability

What was done to the project to make it lose results or print wrong ones, and what came of it. `make reliability` runs
the checks and writes this page, and fails where a line is not met, but for limits that are known. The section on
changed formulas is written by hand after `make mutate`. {time}
"""


def write_section(name, title, rows, minutes, commit, folder=FOLDER):
    """Write folder/name.md, a table of rows (tried, found, expected, met), and folder/name.json, its record.

    The record says the same, and holds versions and the SHA-256 of the table's file.

    met: None where there was too little to judge by; commit: what was checked, by `commit` before the check began."""
    lines = [f"| {tried} | {found} | {expected} | {MET[met]} |" for tried, found, expected, met in rows]
    table = "\n".join(["| Tried | Found | Expected | Met |", "|---|---|---|---|", *lines])
    day, cores = f"{datetime.date.today():%Y-%m-%d}", os.cpu_count()
    foot = f"{minutes:.1f} minutes on {cores} cores, {day}, at commit {commit}."
    named = [dict(zip(("tried", "found", "expected", "met"), row, strict=True)) for row in rows]
    record = {"title": title, "minutes": round(minutes, 1), "cores": cores, "commit": commit}
    versions = surroundings()["versions"]
    record["versions"] = {package: versions[package] for package in VERSIONS if package in versions}
    with replacing(folder / f"{name}.md") as partial:
        partial.write_text(f"## {title}\n\n{table}\n\n{foot}\n", encoding="utf-8")
    record |= {"sha256": sha256(folder / f"{name}.md"), "rows": named}
    with replacing(folder / f"{name}.json") as partial:
        partial.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def assemble(folder=FOLDER):
    """Put the sections of a folder, whoever wrote them, into folder.md; returns that file."""
    with replacing(folder.with_suffix(".md")) as partial:
        partial.write_text(page(folder), encoding="utf-8")
    return folder.with_suffix(".md")


def page(folder=FOLDER):
    """The text of folder.md, put together from the sections of a folder; `make verify` compares the file with it."""
    sections = [path.read_text(encoding="utf-8").strip() for path in sorted(folder.glob("*.md"))]
    minutes = [
        float(number) for text in sections for number in re.findall(r"^([\d.]+) minutes on ", text, re.MULTILINE)
    ]
    time = f"The {len(minutes)} checks that were timed took {sum(minutes):.0f} minutes together."
    return "\n\n".join([HEAD.format(time=time).strip(), *sections]) + "\n"


def commit():
    """The commit of the checkout, and whether the code differs from it."""
    git = ["git", "-C", ROOT]
    name = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    places = ["lib", "notebooks", "reliability"]
    status = subprocess.run([*git, "status", "--porcelain", "--", *places], capture_output=True, text=True).stdout
    return (name or "unknown") + (" with changes" if status else "")
