"""What a command costs: the sentence, the exit code, and that processor time is that of the command."""

import re
import signal
import subprocess
import sys
import time

import pytest

from black_average_drop.artifact import effort

LINE = re.compile(
    r"([\d.]+) (seconds|minutes) of wall time, ([\d.]+) (?:seconds|minutes) of processor time, of which (\d+) % the "
    r"system's: ([\d,]+) times 10,000 products of matrices 60 x 60\.\n"
)
# Half a second of the processor, and a child that takes as much.
BUSY = """
import subprocess, sys, time
while time.process_time() < 0.5: pass
if len(sys.argv) < 2: subprocess.run([sys.executable, __file__, "child"], check=True)
"""


def start(*command):
    return subprocess.Popen(
        [sys.executable, "-m", "black_average_drop.artifact.effort", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_sentence():
    assert effort.sentence(90.0, 100.0, 25.0, 0.05) == (
        "1.5 minutes of wall time, 2.1 minutes of processor time, of which 20 % the system's: 2,500 times 10,000 "
        "products of matrices 60 x 60."
    )
    assert effort.sentence(1.26, 0.5, 0, 0.05).startswith("1.3 seconds of wall time, 0.5 seconds of processor time")


def test_processor_time_is_that_of_the_command_and_of_what_it_starts(tmp_path):
    script = tmp_path / "busy.py"
    script.write_text(BUSY)
    process = start(sys.executable, str(script))
    out, err = process.communicate()
    line = LINE.fullmatch(out)
    assert process.returncode == 0 and err == "" and line
    assert line[2] == "seconds" and 1.0 <= float(line[3]) < 3 and int(line[5].replace(",", "")) > 1


@pytest.mark.parametrize(("code", "expected"), [("sys.exit(3)", 3), ("os.kill(os.getpid(), 9)", 137)])
def test_a_command_that_fails_fails_and_is_measured_all_the_same(code, expected):
    process = start(sys.executable, "-c", f"import os, sys; {code}")
    out, _ = process.communicate()
    assert process.returncode == expected and LINE.fullmatch(out)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_command_which_says_how(number):
    code = (
        "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); print('ready', flush=True);"
        "time.sleep(0.2 if sys.argv[1] == 'keyboard' else 60)"
    )
    process = start(sys.executable, "-c", code, "keyboard" if number == signal.SIGINT else "")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)  # from a keyboard the command itself has it, too, and may go on: it is waited for
    started = time.monotonic()
    out, _ = process.communicate()
    assert time.monotonic() - started < 30 and LINE.fullmatch(out)
    assert process.returncode == (0 if number == signal.SIGINT else 7)


def test_the_loop_is_a_piece_of_work_that_takes_time():
    assert 0 < effort.loop_seconds() < 10


def test_a_command_that_is_not_there_is_said():
    out, err = start("no-such-command").communicate()
    assert (out, err) == ("", "no-such-command cannot be started (No such file or directory): name a program.\n")
