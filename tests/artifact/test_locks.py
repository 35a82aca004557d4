"""Locks, between real processes: who waits, for whom, and until when."""

import errno
import os
import signal
import subprocess
import sys
import time

import pytest

from black_average_drop.artifact import locks
from black_average_drop.files import ROOT

SCRIPT = str(ROOT / "lib/black_average_drop/artifact/locks.py")
# A command that says when it has the lock, and ends when it is told to.
HOLD = 'import sys; print("mine", flush=True); sys.stdin.readline()'


def start(*arguments, code=HOLD, **environment):
    return subprocess.Popen(
        [sys.executable, SCRIPT, *map(str, arguments), sys.executable, "-c", code],
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(process):
    out, err = process.communicate("\n")
    assert process.returncode == 0, err
    return out, err


@pytest.fixture
def lock(tmp_path):
    return tmp_path / "demo/.lock"


def test_the_second_says_who_holds_it_and_waits_until_that_ends(lock):
    first = start(lock, BAD_TARGET="make reproduce")
    assert first.stdout.readline() == "mine\n"
    second = start(lock)
    said = second.stderr.readline()
    assert f"/demo/.lock is held by process {first.pid} (make reproduce, since 2" in said and said.endswith(
        "waiting.\n"
    )
    assert second.poll() is None
    end(first)
    assert second.stdout.readline() == "mine\n"
    end(second)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_lock_of_a_process_that_was_killed_is_taken_over(lock, number):
    first = start(lock)
    assert first.stdout.readline() == "mine\n"
    first.send_signal(number)
    first.communicate()
    assert end(start(lock)) == ("mine\n", "")


def test_what_a_command_has_started_keeps_its_lock(lock):
    """As pip goes on where make alone is killed."""
    child = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {HOLD!r}], close_fds=False).wait()"
    first = start(lock, code=child)
    assert first.stdout.readline() == "mine\n"
    first.kill()
    first.wait()
    second = start(lock)
    assert "is held by another process: waiting." in second.stderr.readline()  # the one that is written there is dead
    first.stdin.write("\n")
    first.stdin.close()
    assert second.stdout.readline() == "mine\n"
    end(second)


def test_shared_locks_go_together_and_keep_others_out(lock):
    sharing = [start("--shared", lock) for _ in range(2)]
    assert [process.stdout.readline() for process in sharing] == ["mine\n"] * 2
    alone = start(lock)
    assert alone.stderr.readline().endswith("waiting.\n")
    for process in sharing:
        assert alone.poll() is None
        end(process)
    assert alone.stdout.readline() == "mine\n"
    end(alone)


def test_locks_of_other_folders_are_others(tmp_path):
    processes = [start(tmp_path / name / ".lock") for name in ("demo", "smoke")]
    assert [process.stdout.readline() for process in processes] == ["mine\n"] * 2
    assert [end(process) for process in processes] == [("", "")] * 2


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.ENOLCK])
@pytest.mark.parametrize("call", ["os.open", "fcntl.flock"])
def test_where_there_can_be_no_lock_there_is_none(lock, monkeypatch, call, code):
    def refuse(*_):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as changed:
        changed.setattr(f"black_average_drop.artifact.locks.{call}", refuse)
        with locks.held(lock, "a test"):
            pass
    with locks.held(lock, "a test"):
        assert lock.read_text().startswith(f"process {os.getpid()} (a test, since ")


def test_a_block_that_fails_gives_the_lock_back(lock):
    with pytest.raises(RuntimeError), locks.held(lock, "a test"):
        raise RuntimeError
    assert end(start(lock)) == ("mine\n", "")


def test_a_command_that_cannot_be_started_is_said(tmp_path):
    for arguments, said in (
        (
            [tmp_path / ".lock", "no-such-command"],
            "no-such-command cannot be started (No such file or directory): name",
        ),
        ([], "Name a file to lock and a command to run meanwhile: python locks.py"),
        ([tmp_path, "true"], f"{tmp_path} cannot be locked (Is a directory): mend that and run"),
    ):
        done = subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True)
        assert done.returncode == 1 and done.stderr.startswith(said) and done.stderr.count("\n") == 1


def test_two_that_find_no_environment_build_it_once(tmp_path):
    """The second waits for the lock, and then finds what the first has built; the interpreter is a stand-in."""
    built, python = tmp_path / "built", tmp_path / "python"
    python.write_text(
        f'#!/bin/sh\n[ "$1" = -m ] || exec {sys.executable} "$@"\n'
        f'mkdir -p "$4/bin" && printf "#!/bin/sh\\n" > "$4/bin/python" && chmod +x "$4/bin/python"\n'
        f"echo built >> {built}; until [ -e {tmp_path / 'go-on'} ]; do sleep 0.1; done\n"
    )
    python.chmod(0o755)
    command = ["make", "--no-print-directory", "env", f"VENV={tmp_path / 'venv'}", f"PYTHON={python}"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    first = subprocess.Popen(command, cwd=ROOT, **pipes)
    while not built.exists():
        assert first.poll() is None, first.stderr.read()
        time.sleep(0.1)
    second = subprocess.Popen(command, cwd=ROOT, **pipes)
    said = second.stderr.readline()
    assert "venv.lock is held by process " in said and "(make env, since " in said
    (tmp_path / "go-on").touch()
    assert [process.communicate()[1] for process in (first, second)] == ["", ""]
    assert (first.returncode, second.returncode) == (0, 0) and built.read_text() == "built\n"


def test_who_uses_an_environment_keeps_others_from_building_or_removing_it():
    for target in ("reproduce", "choose", "test", "lab", "report", "verify", "data"):
        asked = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True).stdout
        assert (
            f'env BAD_TARGET="make {target}" .venv/bin/python {SCRIPT[len(str(ROOT)) + 1 :]} --shared .venv.lock'
            in asked
        )
    asked = subprocess.run(["make", "-n", "clean"], cwd=ROOT, capture_output=True, text=True).stdout
    assert "locks.py .venv.lock rm -rf build .venv" in asked
