"""Bars: moving on a terminal, one line each where nobody watches."""

import os
import pty
import re
import subprocess
import sys
import termios

import pytest

from black_average_drop import progress
from black_average_drop.files import ROOT

LOOPS = """
from black_average_drop import progress










for _ in progress.bar(range(3), desc="outer", unit="image", mininterval=0):
    with progress.bar(total=50, desc="inner", unit="map", mininterval=0) as bar:
        for _ in range(50):
            bar.update(1)
            bar.set_postfix(loss="0.5")
print("done")
"""


def test_a_redirected_log_gets_one_line_a_finished_bar():
    done = subprocess.run([sys.executable, "-c", LOOPS], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout == "done\n" and "\r" not in done.stderr
    lines = done.stderr.splitlines()
    assert [re.match(r"(\w+): 100%\|.* (\d+)/\2 \[", line).groups() for line in lines] == [("inner", "50")] * 3 + [
        ("outer", "3")
    ]


@pytest.mark.parametrize("told", ["", "lines"])
def test_a_terminal_sees_them_move_and_vanish(told):
    """Unless it is not the terminal's, but that of a pipeline whose output goes elsewhere."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(ours, (24, 80))
    environment = os.environ | {progress.LINES: told}
    done = subprocess.Popen([sys.executable, "-c", LOOPS], stderr=theirs, stdout=subprocess.DEVNULL, env=environment)
    os.close(theirs)
    text = b""
    try:
        while part := os.read(ours, 65536):
            text += part
    except OSError:  # how a terminal ends on Linux
        pass
    os.close(ours)
    assert done.wait() == 0
    assert (text.count(b"\r") > 50) == (told == "") and (text.count(b"100%") == 4) == (told == "lines")


def test_every_bar_is_made_in_one_place():
    makers = [path.name for path in (ROOT / "lib").rglob("*.py") if "tqdm" in path.read_text()]
    assert makers == ["progress.py"]
    assert not [path.name for path in (ROOT / "notebooks").glob("*.py") if "tqdm" in path.read_text()]
