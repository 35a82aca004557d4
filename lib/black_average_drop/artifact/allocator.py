"""Memory for processes that compute: glibc keeps what TensorFlow and JAX free, so that the next step finds it there.

As it comes, glibc hands large buffers back to the kernel, which fills them with zeros again page by page. On a virtual
machine that can take half of the processor time. A process reads the settings when it starts, so they stand in its
environment: `python -m black_average_drop.artifact.allocator command ...` starts a command with them. No number
depends on them.
"""

import os
import sys

VARIABLE = "GLIBC_TUNABLES"
# Older ones overlook so high a threshold for mmap, and then keep the lowest.
OLDEST_GLIBC = (2, 35)
# Each tunable with its value, and with the environment variable that says the same.
TUNABLES = {
    "glibc.malloc.hugetlb": ("1", ""),  # pages of 2 MiB where the kernel leaves it to the process (madvise)
    "glibc.malloc.trim_threshold": ("1073741824", "MALLOC_TRIM_THRESHOLD_"),  # bytes free before any go back
    "glibc.malloc.mmap_threshold": ("1073741824", "MALLOC_MMAP_THRESHOLD_"),  # bytes from which a buffer is its own
    "glibc.malloc.top_pad": ("67108864", "MALLOC_TOP_PAD_"),  # bytes that are fetched beyond what was asked for
}


def settings(environment):
    """What to add to the environment (a mapping) of a process that computes, as a dict of at most one variable.

    A tunable that the environment sets, by its own name or by its older variable, stays as it is. Where GLIBC_TUNABLES
    is set to nothing, nothing is added, and so where the C library is not glibc 2.35 or newer: on macOS, for one.
    """
    given = environment.get(VARIABLE)
    if given == "" or _glibc() < OLDEST_GLIBC:
        return {}
    known = {one.partition("=")[0] for one in (given or "").split(":")}
    ours = [
        f"{name}={value}"
        for name, (value, older_variable) in TUNABLES.items()
        if name not in known and older_variable not in environment
    ]
    return {VARIABLE: ":".join([*([given] if given else []), *ours])} if ours else {}


def _glibc():
    """The version of the C library that runs, such as (2, 36), or () where it is another one."""
    try:
        name, _, version = os.confstr("CS_GNU_LIBC_VERSION").partition(" ")
    except (AttributeError, OSError, ValueError):  # Windows; macOS; musl
        return ()
    return tuple(int(part) for part in version.split(".")[:2]) if name == "glibc" else ()


def main():
    """The command line: python -m black_average_drop.artifact.allocator command [argument ...]."""
    command = sys.argv[1:]
    if not command:
        sys.exit(
            "Name a command to start: python -m black_average_drop.artifact.allocator python my_script.py, for one."
        )
    try:
        os.execvpe(command[0], command, {**os.environ, **settings(os.environ)})
    except OSError as problem:
        sys.exit(f"{command[0]} cannot be started ({problem.strerror}): name a program.")


if __name__ == "__main__":
    main()
