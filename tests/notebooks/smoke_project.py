"""Commands in a copy of the project, and changes of its smoke profile."""

import os
import subprocess
import sys

import yaml


def start(project, *arguments, **environment):
    return subprocess.Popen(
        [sys.executable, "-m", "black_average_drop.artifact", *arguments],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project / "lib")} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(project, *arguments):
    process = start(project, *arguments)
    out, err = process.communicate()
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def edit_profile(project, notebook, **parameters):
    path = project / "notebooks/profiles/smoke.yaml"
    sections = yaml.safe_load(path.read_text())
    sections[notebook].update(parameters)
    path.write_text(yaml.safe_dump(sections))
