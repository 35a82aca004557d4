"""One notebook executed by papermill, in a kernel of this environment; what it says on the way goes to a log."""

import datetime
import errno
import os
from contextlib import contextmanager
from types import SimpleNamespace

from black_average_drop import progress
from black_average_drop.artifact import allocator, halves, notebooks
from black_average_drop.artifact.halves import default_parameters
from black_average_drop.files import NOTEBOOKS, ROOT, replacing

NO_ROOM = "The disk is full: make room on it and run the same command again."


def execute(notebook, parameters, build, folder=None):
    """Run a notebook under a temporary name, and give it its name when it has run to its end.

    Args:
        notebook: its name, such as "03_table1".
        parameters: name -> value, what the notebook gets in the place of its defaults.
        build: the folder of the log, and of build/<notebook>.failed.ipynb where the notebook fails.
        folder: where the executed notebook goes; by default `build`.

    Returns:
        The path of the executed notebook.

    Raises:
        ValueError: the .ipynb is not what its script says.
        RuntimeError: the notebook failed, or its kernel was ended from outside.
    """
    _check_converted(notebook)
    executed = (folder or build) / f"{notebook}.ipynb"
    return _execute(notebook, _verbatim(NOTEBOOKS / f"{notebook}.ipynb"), parameters, executed, build, "")


def execute_analysis(notebook, parameters, folder):
    """Run the analysis half of a notebook alone, after its cell of parameters.

    Args:
        notebook: its name.
        parameters: name -> value, as for `execute`.
        folder: of the executed half, its log, and <notebook>.failed.ipynb where it fails.

    Returns:
        The path of the executed half.

    Raises:
        ValueError: the .ipynb is not what its script says.
        RuntimeError: the half failed, or its kernel was ended from outside.
    """
    import nbformat

    _check_converted(notebook)
    content = nbformat.read(NOTEBOOKS / f"{notebook}.ipynb", as_version=4)
    tagged = [cell for cell in content.cells if "parameters" in cell.metadata.get("tags", [])]
    content.cells = tagged + content.cells[halves.first_of_analysis(content.cells) :]
    return _execute(notebook, content, parameters, folder / f"{notebook}.ipynb", folder, f", {halves.ANALYSIS}")


def _check_converted(notebook):
    """ValueError where the .ipynb of a notebook is not what its script says."""
    if not notebooks.is_converted(NOTEBOOKS / f"{notebook}.py"):
        raise ValueError(f"notebooks/{notebook}.ipynb is not what its script says: run make notebooks.")


def _execute(notebook, content, parameters, executed, build, which):
    """Run a notebook, a path or its content, and return `executed`, where it goes; which: what a message adds."""
    import papermill
    from papermill.exceptions import PapermillExecutionError

    print(f"{notebook} ({parameters['profile']}){which}: running", flush=True)
    started = datetime.datetime.now()
    _prepare_environment()
    executed.parent.mkdir(parents=True, exist_ok=True)
    with replacing(executed) as partial, _chatter_to(build / f"{notebook}.log") as bars:
        try:
            papermill.execute_notebook(
                content,
                _verbatim(partial),
                parameters,
                kernel_name="python3",
                cwd=NOTEBOOKS,
                progress_bar=False,
                stderr_file=bars,
            )
        except PapermillExecutionError as problem:
            os.replace(partial, _failed(notebook, build))
            raise RuntimeError(_why_failed(notebook, build, problem)) from problem
        except RuntimeError as problem:
            if not str(problem).startswith("Kernel died"):  # in a cell, or while it starts
                raise
            raise RuntimeError(_why_ended(notebook)) from problem
    _failed(notebook, build).unlink(missing_ok=True)
    took = (datetime.datetime.now() - started).total_seconds()
    in_words = f"{took:.0f} seconds" if which else f"{took / 60:.1f} minutes"
    print(f"{notebook} ({parameters['profile']}){which}: done in {in_words}", flush=True)
    return executed


def _prepare_environment():
    """Set the environment variables that the kernel inherits."""
    os.environ.setdefault("JUPYTER_PREFER_ENV_PATH", "1")  # the kernel of this environment, whatever the user has
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.update(allocator.settings(os.environ))
    os.environ[progress.LINES] = "" if progress.is_watched() else "lines"


def _failed(notebook, build):
    return build / f"{notebook}.failed.ipynb"


def _why_failed(notebook, build, problem):
    """The message for a cell that raised an error."""
    remedy = f"\n{NO_ROOM}" if os.strerror(errno.ENOSPC) in problem.evalue else ""
    return (
        f"{notebook} stopped with {problem.ename}: {problem.evalue}\n"
        f"The traceback is in {_failed(notebook, build).relative_to(ROOT)}.{remedy}"
    )


def _why_ended(notebook):
    """The message for a kernel that was ended from outside."""
    less = [name for name in ("most_images", "batch_size") if name in default_parameters(notebook)]
    return (
        f"{notebook} stopped because its kernel was ended from outside, out of memory, perhaps: close other "
        f"programs, or set a smaller {' or '.join(less) or 'profile'}."
    )


def _verbatim(path):
    """A path as papermill expects it, which puts parameters in place of names in braces."""
    return str(path).replace("{", "{{").replace("}", "}}")


@contextmanager
def _chatter_to(log):
    """Send standard error, which the kernel inherits, to a file.

    Yields a stream that lets progress bars through, each as one line when it is done where nobody watches.
    """
    with os.fdopen(os.dup(2), "w") as terminal, open(log, "w") as file:
        os.dup2(file.fileno(), 2)
        try:
            yield SimpleNamespace(
                write=lambda text: terminal.write(text) if progress.is_bar(text) else None, flush=terminal.flush
            )
        finally:
            os.dup2(terminal.fileno(), 2)
