"""Constraints for pip: the oldest versions that pyproject.toml allows, on the standard output.

Each requirement with a lower bound is pinned to it. The rest is as in requirements.lock, except what only the pinned
ones ask for: that is as they want it, since an older TensorFlow does not go with the newest protobuf.
"""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def lowest(project):
    """name -> lower bound, of the requirements in the table [project] of pyproject.toml that have one."""
    requirements = sum(project["optional-dependencies"].values(), project["dependencies"])
    return dict(re.findall(r"^([\w.-]+)>=([\w.]+)", "\n".join(requirements), re.MULTILINE))


def constraints(project, lock):
    """Lines for pip, of the table [project] of pyproject.toml and the text of requirements.lock."""
    bounds = lowest(project)
    asking = {}  # each line of the lock without its hashes -> the packages that want it
    for entry in re.split(r"\n(?=\w)", lock):
        line, *more = entry.splitlines()
        if "==" in line:
            asking[line.removesuffix(" \\")] = set(re.findall(r"# +(?:via +)?(\S+)", "\n".join(more))) - {"via"}
    free, before = set(bounds), None
    while free != before:
        before = set(free)
        free |= {line.split("==")[0] for line, names in asking.items() if names <= before}
    kept = [line for line in asking if line.split("==")[0] not in free]
    return [f"{name}=={version}" for name, version in sorted(bounds.items())] + kept


if __name__ == "__main__":
    table = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    print("\n".join(constraints(table, (ROOT / "requirements.lock").read_text())))
