"""Batches in threads and on a Dask cluster: a real scheduler and two real workers, one of which is killed."""

import contextlib
import gc
import io
import itertools
import os
import re
import shutil
import subprocess
import sys
import time

import distributed
import numpy as np
import pandas as pd
import psutil
import pytest

from black_average_drop import cams, controls, evaluation, networks, workers
from black_average_drop.artifact import pipeline
from black_average_drop.files import ROOT
from page_faults import FAULTS, PAGES, glibc_only


def test_answers_come_in_the_order_of_the_batches():
    def work(network, number):
        time.sleep(0.02 * (number % 3 == 0))
        return network, number

    assert list(workers.in_order(work, "network", ((number,) for number in range(20)))) == [
        ("network", number) for number in range(20)
    ]


def test_no_more_is_read_than_keeps_the_threads_busy():
    read = itertools.count()
    answers = workers.in_order(lambda network, number: number, None, ((next(read),) for _ in range(1000)))
    assert [next(answers) for _ in range(10)] == list(range(10))
    assert next(read) <= 10 + workers.THREADS


def test_an_error_in_a_batch_ends_the_work_and_is_the_one_seen():
    done = []

    def work(network, number):
        if number == 3:
            raise ValueError("An image among 3 to 3 holds NaN")
        done.append(number)

    with pytest.raises(ValueError, match="holds NaN"):
        list(workers.in_order(work, None, ((number,) for number in range(1000))))
    assert len(done) < 10


# What the page on clusters says that Dask is to listen on, with this machine for the private address.
OPTIONS = re.search(r"\ndask scheduler (.*)", (ROOT / "docs/cluster.md").read_text())[1]
OPTIONS = re.sub(r"(?<=--host )\S+", "127.0.0.1", OPTIONS).split()


def _start(folder, name, *arguments):
    """A command of Dask as a process of its own, and the file that it writes its log to."""
    log = folder / f"{name}.log"
    with open(log, "w") as file:
        command = [sys.executable, "-m", "black_average_drop.artifact.allocator"] if name.startswith("worker") else []
        command += [sys.executable, "-m", "dask", *arguments, *OPTIONS]
        return subprocess.Popen(command, cwd=folder, stdout=file, stderr=file), log


@pytest.fixture(scope="module")
def scheduler_process(tmp_path_factory):
    """A scheduler, and its address, on 127.0.0.1."""
    process, log = _start(tmp_path_factory.mktemp("scheduler"), "scheduler", "scheduler", "--port", "0")
    for _ in range(240):
        if address := re.search(r"Scheduler at: +(tcp://127\.0\.0\.1:\d+)", log.read_text()):
            break
        assert process.poll() is None, log.read_text()
        time.sleep(0.25)
    yield process, address[1]
    process.kill()
    process.wait()


@pytest.fixture
def scheduler(scheduler_process):
    return scheduler_process[1]


@pytest.fixture
def two_workers(scheduler, tmp_path):
    """Two worker processes; no nanny starts a killed one again."""
    arguments = "worker", scheduler, "--nthreads", "1", "--no-nanny"
    started = [_start(tmp_path, f"worker-{number}", *arguments) for number in range(2)]
    yield started
    for process, _ in started:
        process.kill()
        process.wait()


class Batches:
    """A re-iterable of batches of five; at the second reading, before the given batch, `happens` is called."""

    def __init__(self, pixels, number, happens):
        self.pixels, self.number, self.happens, self.readings = pixels, number, happens, 0

    def __iter__(self):
        self.readings += 1
        for number, start in enumerate(range(0, len(self.pixels), 5)):
            if (self.readings, number) == (2, self.number):
                self.happens()
            yield self.pixels[start : start + 5]


def test_a_cluster_gives_the_rows_of_this_machine_though_a_worker_is_killed(scheduler, two_workers, small_model):
    networks.make_deterministic(0)
    network = networks.CamNetwork.from_model(small_model, lambda pixels: pixels * 0.5, "softmax")
    pixels = np.random.default_rng(0).integers(0, 256, (118, 32, 32, 3)).astype("uint8")
    methods = cams.METHODS | cams.chosen(["Score-CAM"])
    settings = {"methods": methods, "batch_size": 4, "controls": controls.IN_TABLE_1}
    settings["drawn"] = {"pen": np.random.default_rng(2).random((118, 8, 8))}
    here = evaluation.evaluate(network, pixels, **settings)

    def kill():
        two_workers[0][0].kill()

    batches = Batches(pixels, 12, kill)
    there = evaluation.evaluate(network, batches, scheduler=scheduler, **settings)
    assert batches.readings == 2 and two_workers[0][0].wait(10) == -9 and two_workers[1][0].poll() is None
    pd.testing.assert_frame_equal(there, here, check_exact=True)
    first_pass = evaluation.explain_all(network, pixels, batch_size=4)
    shares = np.random.default_rng(1).random((118, 32, 32))
    drops = [evaluation.blended_drops(network, pixels, shares, first_pass, 4, 9, where) for where in ("", scheduler)]
    np.testing.assert_array_equal(*drops)


def test_a_worker_with_other_code_is_refused(scheduler, two_workers, small_model, monkeypatch):
    network = networks.CamNetwork.from_model(small_model)
    monkeypatch.setattr(workers, "_environment", lambda: {"the code": "other"})
    with pytest.raises(RuntimeError, match="A Dask worker has the code .*, this machine other: rows would not be"):
        evaluation.explain_all(network, np.zeros((2, 32, 32, 3), "uint8"), scheduler=scheduler)


@pytest.mark.parametrize("file", ["masks.py", "datasets/folder/__init__.py", "datasets/new.py"])
def test_other_code_is_noticed_wherever_in_the_package_it_is(file, tmp_path):
    package = shutil.copytree(workers.PACKAGE, tmp_path / "package", ignore=shutil.ignore_patterns("__pycache__"))
    before = workers._code(package)
    assert before[:12] == workers._environment()["the code"]
    with open(package / file, "a") as module:
        module.write("\n# a comment\n")
    assert workers._code(package) != before


def test_workers_import_no_network():
    """A network unpacks itself: see `networks.Parcel`."""
    code = "import sys; from black_average_drop import workers; print('black_average_drop.networks' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_dask_as_the_readme_starts_it_listens_on_the_named_address_alone(scheduler_process, scheduler, tmp_path):
    worker, log = _start(tmp_path, "worker", "worker", scheduler, "--nthreads", "1")  # with the nanny, as there
    try:
        while "Registered to" not in log.read_text():
            assert worker.poll() is None, log.read_text()
            time.sleep(0.25)
        started = [psutil.Process(process.pid) for process in (scheduler_process[0], worker)]
        started += started[1].children(recursive=True)
        listening = [
            [one.laddr.ip for one in process.net_connections() if one.status == "LISTEN"] for process in started
        ]
        assert sum(map(len, listening)) >= 5 and {address for one in listening for address in one} == {"127.0.0.1"}
    finally:
        worker.terminate()  # its nanny ends the process that works
        worker.wait()


@glibc_only
def test_a_worker_keeps_its_memory_as_the_page_on_clusters_starts_it(scheduler, tmp_path):
    """Though its nanny, by Dask's default, has it give everything back."""
    assert "-m black_average_drop.artifact.allocator dask worker tcp" in (ROOT / "docs/cluster.md").read_text()

    def faulted(code):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(code, {})
        return int(out.getvalue()), os.environ["MALLOC_TRIM_THRESHOLD_"]

    worker, log = _start(tmp_path, "worker", "worker", scheduler, "--nthreads", "1")
    try:
        with distributed.Client(scheduler, set_as_default=False) as client:
            client.wait_for_workers(1, timeout=60)
            faults, trap = client.submit(faulted, FAULTS, pure=False).result(timeout=60)
        assert faults < 2 * PAGES and int(trap) < 2**20, log.read_text()
    finally:
        worker.terminate()
        worker.wait()


@pytest.mark.parametrize(
    "address", ["nonsense", "tcp://", "http://10.0.0.1:80", "tcp://10.0.0.1", "two words:1", "a:b"]
)
def test_what_is_no_address_is_said_before_dask_is_asked(address, monkeypatch):
    """Dask's client, once begun, leaves tracebacks of its own."""
    monkeypatch.setattr(distributed, "Client", lambda *_, **__: pytest.fail("Dask was asked"))
    with pytest.raises(RuntimeError, match=f"SCHEDULER is {address!r}: give the address of a Dask scheduler, such as"):
        workers.check_scheduler(address)


def test_a_scheduler_that_needs_certificates_is_said():
    with pytest.raises(RuntimeError, match="tls://127.0.0.1:9 needs TLS, of which Dask is told nothing here: set DASK"):
        workers.check_scheduler("tls://127.0.0.1:9")
    gc.collect()  # Dask can hang where a client that was refused is collected while another one starts


def test_a_scheduler_without_workers_is_said_at_once(scheduler, monkeypatch):
    monkeypatch.setattr(workers, "SECONDS_TO_CONNECT", 1)
    with pytest.raises(RuntimeError, match=f"at {scheduler} has no worker: start some"):
        workers.check_scheduler(scheduler)


def test_no_notebook_runs_where_no_scheduler_answers(monkeypatch):
    monkeypatch.setattr(workers, "SECONDS_TO_CONNECT", 1)
    monkeypatch.setattr(pipeline, "execute", lambda *_: pytest.fail("a notebook ran"))
    monkeypatch.setenv("SCHEDULER", "tcp://127.0.0.1:9")
    with pytest.raises(RuntimeError, match="No Dask scheduler answers at tcp://127.0.0.1:9: start one"):
        pipeline.run("smoke", ".")
