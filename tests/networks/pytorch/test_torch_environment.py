"""PyTorch is the version that the project pins, and nobody loads it who does not use it."""

import os
import subprocess
import sys
import tomllib

import torch
from packaging.requirements import Requirement
from packaging.version import Version

from black_average_drop.files import ROOT

USED_WITHOUT = ("artifact.__main__", "artifact.choose", "choice", "evaluation", "networks", "training")


def test_pytorch_is_the_pinned_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (requirement,) = map(Requirement, project["optional-dependencies"]["torch"])
    assert Version(torch.__version__) in requirement.specifier


def test_pytorch_is_not_imported_before_it_is_used():
    imports = [f"import black_average_drop.{name}" for name in USED_WITHOUT]
    for more, expected in (("", "False"), ("import torch", "True")):
        code = "\n".join([*imports, more, "import sys", "print('torch' in sys.modules)"])
        environment = {**os.environ, "KERAS_BACKEND": "tensorflow"}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
        assert done.stdout.split() == [expected], done.stderr
