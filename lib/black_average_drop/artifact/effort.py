"""What a command costs, in seconds and by a measure that travels.

`python -m black_average_drop.artifact.effort command ...` starts a command with the settings of `allocator`. When the
command ends, one line gives its wall time, its processor time, and the system's share of that. It also says how many
times a fixed loop of matrix products would take as long on the same machine.
"""

import os
import resource
import signal
import subprocess
import sys
import time

import numpy as np

from black_average_drop.artifact import allocator

SIDE, PRODUCTS, ROUNDS = 60, 10_000, 5  # products of so small matrices stay on one core


def sentence(wall, user, system, loop):
    """Say in a line what a command cost, from seconds of wall, user and system time, and of the fixed loop."""
    processor = user + system
    return (
        f"{_time(wall)} of wall time, {_time(processor)} of processor time, of which {100 * system / processor:.0f} % "
        f"the system's: {processor / loop:,.0f} times {PRODUCTS:,} products of matrices {SIDE} x {SIDE}."
    )


def loop_seconds():
    """Measure the processor seconds of the fixed loop here and now.

    The loop is PRODUCTS products of float32 matrices of SIDE x SIDE. The fastest of ROUNDS counts, since whatever else
    runs can only slow it.
    """
    matrices = np.random.default_rng(0).random((2, 100, SIDE, SIDE), "float32")
    seconds = []
    for _ in range(ROUNDS):
        started = time.process_time()
        for _ in range(PRODUCTS // 100):
            np.matmul(*matrices)
        seconds.append(time.process_time() - started)
    return min(seconds)


def run_and_measure(command):
    """Start a command, wait for it, print what it cost, and give its exit code, 128 + n where signal n ended it.

    A signal that asks this process to end goes to the command, which then says how it ends. Raises OSError where the
    command cannot be started.
    """
    started = time.perf_counter()
    process = subprocess.Popen(command, env={**os.environ, **allocator.settings(os.environ)})
    signal.signal(signal.SIGINT, lambda *_: None)  # from a keyboard the command has it, too
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    code = process.wait()
    wall, used = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    print(sentence(wall, used.ru_utime, used.ru_stime, loop_seconds()), flush=True)
    return code if code >= 0 else 128 - code


def _time(seconds):
    return f"{seconds / 60:.1f} minutes" if seconds >= 60 else f"{seconds:.1f} seconds"


def main():
    """The command line: python -m black_average_drop.artifact.effort command [argument ...]."""
    command = sys.argv[1:]
    if not command:
        sys.exit(
            "Name a command to measure: python -m black_average_drop.artifact.effort python my_script.py, for one."
        )
    try:
        sys.exit(run_and_measure(command))
    except OSError as problem:
        sys.exit(f"{command[0]} cannot be started ({problem.strerror}): name a program.")


if __name__ == "__main__":
    main()
