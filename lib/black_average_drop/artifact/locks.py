"""One at a time: a lock is a file that the system holds for a process, and lets go of however that process ends.

As a command, python locks.py [--shared] FILE command ..., it holds the lock for as long as the command and what that
started live. It runs before there is an environment, so it needs the standard library alone.
"""

import datetime
import errno
import fcntl
import os
import re
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path

# No file can be made there, where nothing else can be written either, or the file system has no locks.
NO_LOCK = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)


@contextmanager
def held(path, what, shared=False):
    """Hold the lock of a file inside the block, and say on standard error who is waited for; the file stays.

    Where no lock can be had, on a file system that is read-only or has no locks, the block runs without.

    Args:
        path: the file.
        what: what others read about this process, such as "make reproduce".
        shared: several processes may hold a shared lock at a time, but none next to one that is not shared.
    """
    descriptor = _acquire(path, what, shared)
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def held_folder(folder):
    """Hold the lock of a folder inside the block, in the name of the make target that runs."""
    return held(folder / ".lock", os.environ.get("BAD_TARGET", "black_average_drop.artifact"))


def _acquire(path, what, shared):
    """The descriptor that holds the lock, or None."""
    try:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as problem:
        if problem.errno not in NO_LOCK:
            raise
        return None
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"{os.path.relpath(path)} is held by {_holder(descriptor)}: waiting.", file=sys.stderr, flush=True)
            fcntl.flock(descriptor, kind)
    except OSError as problem:
        os.close(descriptor)
        if problem.errno not in NO_LOCK:
            raise
        return None
    except BaseException:
        os.close(descriptor)
        raise
    os.ftruncate(descriptor, 0)
    since = datetime.datetime.now().isoformat(" ", "seconds")
    os.pwrite(descriptor, f"process {os.getpid()} ({what}, since {since})\n".encode(errors="replace"), 0)
    return descriptor


def _holder(descriptor):
    """Who holds the lock, as its last holder wrote it; of several the last may have ended."""
    text = os.pread(descriptor, 1000, 0).decode(errors="replace").strip()
    number = text.removeprefix("process ").partition(" ")[0]
    return text if number.isdigit() and is_alive(int(number)) else "another process"


def is_alive(number):
    """Whether there is a process of that number on this machine."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True


def remove_partial(*folders):
    """Remove what processes that have ended left half-written below folders, under the names of `files.replacing`."""
    for path in (leftover for folder in folders for leftover in Path(folder).rglob("partial-*")):
        number = re.match(r"partial-(\d+)-", path.name)
        if number and not is_alive(int(number[1])):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def main():
    """The command line: python locks.py [--shared] FILE command [argument ...]."""
    arguments = sys.argv[1:]
    shared = arguments[:1] == ["--shared"]
    path, *command = arguments[shared:] or [""]
    if not command:
        sys.exit("Name a file to lock and a command to run meanwhile: python locks.py build/.lock make reproduce.")
    what = os.environ.get("BAD_TARGET") or os.path.basename(command[0])
    try:
        descriptor = _acquire(path, what, shared)
    except KeyboardInterrupt:
        sys.exit("Stopped: nothing was begun.")
    except OSError as problem:
        sys.exit(f"{path} cannot be locked ({problem.strerror}): mend that and run the same command again.")
    if descriptor is not None:
        os.set_inheritable(descriptor, True)  # so that the lock lasts as long as the command
    try:
        os.execvp(command[0], command)
    except OSError as problem:
        sys.exit(f"{command[0]} cannot be started ({problem.strerror}): name a program.")


if __name__ == "__main__":
    main()
