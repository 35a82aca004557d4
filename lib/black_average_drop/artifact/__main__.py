"""The command line: python -m black_average_drop.artifact COMMAND; --help lists the commands."""

import argparse
import errno
import logging
import signal
import sys

from black_average_drop.artifact import choose, fetch_profile, notebooks, pipeline, verify
from black_average_drop.artifact.execution import NO_ROOM
from black_average_drop.artifact.profiles import PROFILES
from black_average_drop.datasets import report as data_report

# Each command with the arguments that it heeds.
TAKES = {
    "run": ("profile", "data"),
    "tables": ("profile",),
    "choose": ("model", "data", "set", "code", "trust", "maps", "lesions"),
    "report": ("profile",),
    "verify": ("profile", "data"),
    "notebooks": ("check",),
    "data": ("profile", "data"),
    "data-report": ("data",),
}
# What a command says that is interrupted.
STOPPED = {
    "run": "the same command goes on from here",
    "data": "the same command goes on from here",
    "tables": "the same command begins again, and makes them all",
    "choose": "the same command begins again; what an earlier one wrote stays",
}
NO_ACCESS = "Give this user the right to it, or mend what the name stands for, and run the same command again."


def main():
    """Read the command line, do what it asks, and end with a sentence where that fails."""
    if not PROFILES.is_dir():
        sys.exit(
            "There are no notebooks next to this installed package: the pipeline needs a checkout of the project, made "
            "ready by make env."
        )
    arguments = _arguments()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:  # otherwise somebody asked that it be overheard
            signal.signal(number, signal.default_int_handler)  # a kernel that runs is to end, too
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # names of classes and files may hold what a terminal cannot show
    try:
        _do(arguments)
    except (ValueError, FileNotFoundError, RuntimeError) as problem:
        sys.exit(str(problem))
    except OSError as problem:
        if problem.errno in (errno.ENOSPC, errno.EDQUOT):
            sys.exit(f"{problem.filename or 'A file'} could not be written: {problem.strerror}. {NO_ROOM}")
        if not problem.filename:
            raise
        sys.exit(f"{problem.filename} cannot be read or written: {problem.strerror}. {NO_ACCESS}")
    except KeyboardInterrupt:
        logging.getLogger("asyncio").disabled = True  # what waits for the kernel would say, in the end, that it died
        sys.exit(f"Stopped: {STOPPED.get(arguments.command, 'nothing was changed')}.")


def _arguments():
    """The arguments of the command line; those that do not go with the command end the program."""
    parser = argparse.ArgumentParser(prog="black_average_drop.artifact", description=__doc__)
    parser.add_argument("command", choices=TAKES)
    parser.add_argument("--profile", default="", help="by default demo; of verify, all that is in paper_figures")
    parser.add_argument("--data", help="by default data")
    parser.add_argument("--model", default="", help="of choose")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="of choose, any number of")
    parser.add_argument(
        "--code", default="", metavar="FILE.py", help="of choose, with --trust yes: the model's own layers"
    )
    parser.add_argument("--trust", default="", metavar="yes", help="of choose: you trust the author of --code")
    parser.add_argument("--maps", default="", metavar="FOLDER", help="of choose: maps that others made of the images")
    parser.add_argument(
        "--lesions", default="", metavar="FILE", help="of choose: boxes or masks of what is to be found"
    )
    parser.add_argument("--check", action="store_true", help="notebooks: write none, fail and name those that differ")
    arguments = parser.parse_args()
    for name, value in vars(arguments).items():
        if name not in ("command", *TAKES[arguments.command]) and value != parser.get_default(name):
            takers = ", ".join(command for command, taken in TAKES.items() if name in taken)
            parser.error(f"--{name} goes with {takers}, not with {arguments.command}: leave it out")
    return arguments


def _do(arguments):
    """Do what the command line asks."""
    profile, data_root = arguments.profile or "demo", "data" if arguments.data is None else arguments.data
    if arguments.command == "run":
        pipeline.run(profile, data_root)
    elif arguments.command == "tables":
        pipeline.make_tables(profile)
    elif arguments.command == "choose":
        given = {name: getattr(arguments, name) for name in ("code", "trust", "maps", "lesions")}
        choose.choose(arguments.model, data_root, arguments.set, **given)
    elif arguments.command == "report":
        pipeline.report(profile)
    elif arguments.command == "verify":
        verify.check_results(arguments.profile, data_root)
    elif arguments.command == "data":
        fetch_profile.fetch_for(profile, data_root)
    elif arguments.command == "data-report":
        print(data_report.markdown(data_root))
    elif arguments.check:
        if outdated := [f"notebooks/{script.stem}.ipynb" for script in notebooks.outdated()]:
            sys.exit(f"Not what its script says: {', '.join(outdated)}. Run make notebooks.")
    else:
        notebooks.regenerate()


if __name__ == "__main__":
    main()
