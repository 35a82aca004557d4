"""What make hands to the commands: every value as it was given, whatever characters it has, and nothing of it run."""

import json
import os
import re
import subprocess
import sys

import pytest

from black_average_drop.artifact import choose_settings
from black_average_drop.files import ROOT

# A Python that holds locks as the real one does, and otherwise writes down what it is asked for, with its variables.
STAND_IN = """#!{python}
import json, os, sys
if sys.argv[1].endswith("locks.py"):
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
with open({told!r}, "a") as file:
    file.write(json.dumps([sys.argv[1:], dict(os.environ)]) + "\\n")
"""
HOSTILE = [
    "$(touch {trap})",
    "`touch {trap}`",
    "$(shell touch {trap})",
    "${{shell touch {trap}}}",
    "; touch {trap} #",
    '"; touch {trap}; "',
    "'; touch {trap}; '",
    "a\ntouch {trap}",
    "dol$lar and $$two",
    "$(DATA)",
    'one "quote',
    "it's",
    "back\\slash\\",
    "two  words",
    "--set=seed=3",
    "per%cent, co:lon, equals=sign, ha#sh",
    "正常",
]


@pytest.fixture
def make(tmp_path):
    """A function that runs make on a stand-in environment: what make said, and each command with its variables."""
    (tmp_path / "venv/bin").mkdir(parents=True)
    (tmp_path / "venv/requirements.lock").write_bytes((ROOT / "requirements.lock").read_bytes())
    told, python = tmp_path / "told.jsonl", tmp_path / "venv/bin/python"
    python.write_text(STAND_IN.format(python=sys.executable, told=str(told)))
    python.chmod(0o755)

    def run(*arguments, **environment):
        given = {
            name: value
            for name, value in os.environ.items()
            if name not in ("DATA", "MODEL", "SET", "CODE", "TRUST", "MAPS", "LESIONS", "MAKEFLAGS")
        }
        done = subprocess.run(
            ["make", "--no-print-directory", f"VENV={tmp_path / 'venv'}", *arguments],
            cwd=ROOT,
            env=given | environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done, [json.loads(line) for line in told.read_text().splitlines()] if told.exists() else []

    return run


def after(command, word):
    return command[command.index(word) + 1 :]


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("origin", ["command line", "environment"])
def test_every_value_arrives_as_it_was_given_and_nothing_of_it_runs(make, tmp_path, hostile, origin):
    value = hostile.format(trap=tmp_path / "it-ran")
    names = (
        "DATA",
        "MODEL",
        "SET",
        "CODE",
        "TRUST",
        "MAPS",
        "LESIONS",
        "PROFILE",
        "CHECK",
        "SCHEDULER",
        "KERAS_BACKEND",
        "MENTIONED_NOWHERE",
    )
    for target, expected in {
        "choose": [f"--{name}={value}" for name in ("model", "data", "set", "code", "trust", "maps", "lesions")],
        "reproduce": [f"--profile={value}", f"--data={value}"],
        "tables": [f"--profile={value}"],
        "data": [f"--profile={value}", f"--data={value}"],
        "data-report": [f"--data={value}"],
        "verify": [f"--profile={value}", f"--data={value}"],
        "benchmark": [f"--data={value}"],
        "reliability": [f"reliability/{value}", "-s"],
        "peers": [f"peers/{value}", "-s", "--show-capture=no"],
    }.items():
        more = ["LIBRARIES=" + str(tmp_path / "libraries"), "PEERS=" + str(tmp_path / "peers")]
        (tmp_path / "libraries.txt").write_bytes((ROOT / "benchmark-requirements.txt").read_bytes())
        (tmp_path / "peers/venv").mkdir(parents=True, exist_ok=True)
        made_from = [(ROOT / name).read_bytes() for name in ("peers/requirements.txt", "requirements.lock")]
        (tmp_path / "peers/venv/made-from.txt").write_bytes(b"".join(made_from))
        if origin == "environment":
            _, told = make(target, *more, **dict.fromkeys(names, value))
        else:
            _, told = make(target, *more, *(f"{name}={value}" for name in names))
        command, variables = told[-1]
        assert command[-len(expected) :] == expected
        assert value not in command[: -len(expected)]
        assert {variables[name] for name in ("SCHEDULER", "KERAS_BACKEND", "MENTIONED_NOWHERE")} == {value}
    assert not (tmp_path / "it-ran").exists()


@pytest.mark.parametrize("hostile", HOSTILE)
def test_make_without_a_target_shows_the_values_and_a_make_below_it_runs_none_of_them(make, tmp_path, hostile):
    value = hostile.format(trap=tmp_path / "it-ran")
    assert f"(now {value})" in make(f"DATA={value}")[0].stdout
    (tmp_path / "venv/requirements.lock").unlink()  # the environment is built by a make within make
    stand_in = tmp_path / 'py"th$on (1)'
    stand_in.write_text(f'#!/bin/sh\n[ "$1" = -m ] || exec {sys.executable} "$@"\n')
    stand_in.chmod(0o755)
    make("env", f"DATA={value}", f"MENTIONED_NOWHERE={value}", f"PYTHON={stand_in}")
    assert (tmp_path / "venv/requirements.lock").is_file() and not (tmp_path / "it-ran").exists()


@pytest.mark.parametrize("user", [0, 1000])
def test_jupyterlab_does_not_start_as_root_and_says_so(make, tmp_path, user):
    """Jupyter itself would, in a line of its log."""
    for name, text in {"bin/id": f"echo {user}", "venv/bin/jupyter": f"touch {tmp_path / 'started'}"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    if user:
        assert after(make("lab", PATH=path)[1][-1][0], "black_average_drop.artifact.allocator")[0].endswith(
            "/bin/jupyter"
        )
    else:
        with pytest.raises(AssertionError, match="JupyterLab does not start as root, .* run make lab as another user"):
            make("lab", PATH=path)
    assert not (tmp_path / "started").exists()


def test_no_recipe_mentions_what_a_user_sets():
    recipes = re.findall(r"^\t.*", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert len(recipes) > 30
    assert not [
        line
        for line in recipes
        if re.search(r"\$[({](PROFILE|DATA|MODEL|SET|CODE|TRUST|MAPS|LESIONS|CHECK|PYTHON|CURDIR)[)}]", line)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("most_images=200", ["most_images=200"]),
        (" preprocessing=-1..1  activation=softmax\n", ["preprocessing=-1..1", "activation=softmax"]),
        ("class_names=[No Finding,Pneumonia] seed=3", ["class_names=[No Finding,Pneumonia]", "seed=3"]),
        ('class_names=["a b=c", d] seed=3', ['class_names=["a b=c", d]', "seed=3"]),
        ("class_names=[a b=c, d]", ["class_names=[a b=c, d]"]),
        ("labels=/my study/labels.csv seed=3", ["labels=/my study/labels.csv", "seed=3"]),
        ("labels='/my study/seed=3 b=4.csv'", ["labels='/my study/seed=3 b=4.csv'"]),
        ("class_names=[normal, 肺炎] seed=3", ["class_names=[normal, 肺炎]", "seed=3"]),
        ("nonsense seed=3", ["nonsense", "seed=3"]),
        ("methods=[ seed=3", ["methods=[ seed=3"]),
    ],
)
def test_names_and_values_in_set_may_hold_spaces(text, expected):
    assert choose_settings.split_settings(text) == expected
