"""Evaluation is a map over batches: here it runs in threads of this process, or on the workers of a Dask cluster."""

import hashlib
import re
import threading
import uuid
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache, partial
from importlib.metadata import version
from pathlib import Path

import keras

PACKAGE = Path(__file__).parent
THREADS = 2  # one batch is read, masked and tabulated while the network works on the other
ADDRESS = re.compile(r"((tcp|tls|ucx|wss?)://)?[^\s/]+:\d{1,5}")
SECONDS_TO_CONNECT = 30
SECONDS_WITHOUT_WORKERS = 300  # then a cluster is given up
_loading, _loaded = threading.Lock(), {}  # of a worker: name -> the one network that it holds


def in_order(function, network, batches, scheduler=""):
    """function(network, *batch) for each of the batches, in their order, as a generator.

    On a cluster each worker loads the network once. The batches of a worker that dies go to another one. Only as many
    batches are read ahead as keep all workers busy.

    Args:
        function: of the network and what is in a batch; on a cluster one of a module, since it is sent to others.
        network: whatever the function takes; on a cluster with a method `packed`, whose result has a method `unpacked`.
        batches: an iterable of tuples.
        scheduler: empty for threads of this process, or the address of a Dask scheduler, such as tcp://127.0.0.1:8786.
            Its workers need this package and the same versions as here.

    Raises:
        RuntimeError: if the scheduler does not answer or needs certificates that Dask does not find here, if a worker
            differs from here, or if none is left.
    """
    if not scheduler:
        with ThreadPoolExecutor(THREADS) as pool:
            submit = partial(pool.submit, function, network)
            yield from _answers(submit, lambda future: future.result(), batches, lambda: THREADS)
        return
    with _client(scheduler) as client:
        # As the result of a task it is computed again, from what the scheduler keeps, if the worker that had it dies.
        parcel = client.submit(tuple, _parcel(network), pure=False)
        submit = partial(client.submit, _on_worker, function, parcel, pure=False)
        yield from _answers(submit, partial(_result, client), batches, lambda: 2 * max(1, _slots(client)))


def check_scheduler(scheduler):
    """Raise RuntimeError if the Dask scheduler at that address does not answer or has no worker."""
    with _client(scheduler):
        pass


def _answers(submit, result, batches, room):
    """The results of the batches submitted, in order; room(): how many may wait before another one is read."""
    waiting = deque()
    for batch in batches:
        waiting.append(submit(*batch))
        while len(waiting) > room():
            yield result(waiting.popleft())
    while waiting:
        yield result(waiting.popleft())


@contextmanager
def _client(scheduler):
    """A client of the Dask scheduler at that address, which has a worker."""
    import dask
    import distributed  # here: it takes a second, which those without a cluster need not spend

    if not ADDRESS.fullmatch(scheduler):  # Dask would try for half a minute, and leave a traceback, too
        raise RuntimeError(
            f"SCHEDULER is {scheduler!r}: give the address of a Dask scheduler, such as tcp://10.0.0.1:8786, or leave "
            "it empty."
        )

    # A batch of images is all that a task is made of; Dask would warn of every one.
    dask.config.set({"distributed.admin.large-graph-warning-threshold": "1GB"})
    try:
        client = distributed.Client(scheduler, timeout=SECONDS_TO_CONNECT, set_as_default=False)
    except (OSError, ValueError) as problem:  # a TimeoutError is an OSError
        raise RuntimeError(
            f"No Dask scheduler answers at {scheduler}: start one as docs/cluster.md says, or leave SCHEDULER empty."
        ) from problem
    except TypeError as problem:  # no certificate to show
        raise RuntimeError(
            f"{scheduler} needs TLS, of which Dask is told nothing here: set DASK_DISTRIBUTED__COMM__TLS__CA_FILE, "
            "..._CLIENT__CERT and ..._CLIENT__KEY."
        ) from problem
    with client:
        try:
            client.wait_for_workers(1, timeout=SECONDS_TO_CONNECT)
        except TimeoutError as problem:
            raise RuntimeError(
                f"The Dask scheduler at {scheduler} has no worker: start some as docs/cluster.md says."
            ) from problem
        yield client


def _result(client, future):
    """What a future gives. Raises RuntimeError if no worker is left to work on it."""
    import distributed

    while True:
        try:
            return future.result(timeout=SECONDS_WITHOUT_WORKERS)
        except TimeoutError as problem:
            if not _slots(client):
                raise RuntimeError(
                    f"No Dask worker has been there for {SECONDS_WITHOUT_WORKERS} seconds: start some and run again."
                ) from problem
        except distributed.KilledWorker as problem:
            raise RuntimeError(
                "One batch ended several Dask workers: give them more memory, or take a smaller batch_size."
            ) from problem
        except distributed.client.FutureCancelledError as problem:
            raise RuntimeError("The Dask scheduler is gone: start it and run again.") from problem


def _slots(client):
    """How many batches the workers that are there now can work on at a time."""
    return sum(client.ncores().values())


@lru_cache(maxsize=1)
def _parcel(network):
    """A network for other processes, a name to know it by, and what they must have in common with this one."""
    return uuid.uuid4().hex, network.packed(), _environment()


def _on_worker(function, parcel, *batch):
    """function(network, *batch), for which the network is loaded if it is not the one that this worker has."""
    name, packed, environment = parcel
    with _loading:
        if name not in _loaded:
            here = _environment()
            for what, expected in environment.items():
                if here.get(what) != expected:
                    raise RuntimeError(
                        f"A Dask worker has {what} {here.get(what)}, this machine {expected}: rows would not be the "
                        "same. Install the same version of the project there, from the same requirements.lock."
                    )
            _loaded.clear()
            _loaded[name] = packed.unpacked()
    return function(_loaded[name], *batch)


def _environment():
    """What rows depend on, next to the model and the images."""
    backend = keras.backend.backend()
    versions = {name: version(name) for name in ("keras", "numpy", backend)}
    return {"the code": _code(PACKAGE)[:12], "the backend": backend} | versions


def _code(package):
    """SHA-256 of all modules below the folder of a package, by their place in it; hexadecimal."""
    code = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        code.update(f"{path.relative_to(package).as_posix()}\0".encode())
        code.update(path.read_bytes())
    return code.hexdigest()
