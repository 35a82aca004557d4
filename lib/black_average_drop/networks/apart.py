"""A Keras model with layers of somebody's own code, which runs in a process of its own and never in this one.

That process, `apart_process`, loads the model and gives features, scores and gradients. It has the rights of this one:
give it code of somebody you trust. What it answers is read as text and numbers (`channel`).
"""

import os
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import keras
import numpy as np

from black_average_drop import files
from black_average_drop.model_files import formats
from black_average_drop.model_files.settings import ACTIVATIONS
from black_average_drop.networks.channel import receive, send
from black_average_drop.networks.facts import Facts
from black_average_drop.networks.first_layers import Trial

PROCESS = "black_average_drop.networks.apart_process"
SECONDS_TO_END = 2  # then a process whose channel is closed is killed


class ModelApart:
    """A Keras model and its code, in a process of its own.

    Attributes:
        name: of the model.
        facts: its `Facts`.
        code: the path of the code.

    Raises:
        FileNotFoundError, ValueError: the model file is refused, as by `load`.
        RuntimeError: the code failed, or ended its process.
    """

    def __init__(self, path, code):
        self.code = Path(code)
        read = [*formats.files_of(path), self.code]
        self._asking = threading.Lock()
        process, self._questions, self._answers = _started()
        self._process = process
        self._end = weakref.finalize(self, _end, process, self._questions, self._answers)
        for one in read:
            files.remember(one)
        answer, _ = self.ask({"do": "load", "model": str(path), "code": str(self.code)})
        for one in read:  # as it is now, should it have changed on the way
            files.remember(one)
        self.name = str(answer.get("name"))
        self.facts = self._read(lambda: Facts.of_stored(dict(answer["facts"])))

    def network(self, preprocessing="", **settings):
        """This model read at its feature maps.

        Args:
            preprocessing: the name of one.
            **settings: for `CamNetwork.from_model`, all of JSON values.

        Returns:
            A `NetworkApart`.

        Raises:
            ValueError: as `CamNetwork.from_model`.
        """
        answer, arrays = self.ask({"do": "network", "preprocessing": preprocessing, "settings": settings})
        return self._read(lambda: NetworkApart(self, answer, arrays))

    def trial(self, name, images, **settings):
        """This model under a preprocessing: a `Trial`, or None, see `first_layers.trial`."""
        question = {"do": "trial", "preprocessing": name, "settings": settings}
        answer, arrays = self.ask(question, np.asarray(images))
        if not answer.get("fits"):
            return None
        (logits,) = self.checked(arrays, [(len(images), None)])
        return self._read(lambda: Trial(logits, *_facts_of_trial(answer)))

    def ask(self, question, *arrays):
        """Ask the process: its answer, a dict, and its arrays."""
        with self._asking:
            if not self._end.alive:
                raise RuntimeError(f"The process of {self.code} has ended: read the model again.")
            try:
                send(self._questions, question, arrays)
                answer, arrays = receive(self._answers)
            except (OSError, EOFError) as problem:
                raise RuntimeError(self._ended()) from problem
            except ValueError as problem:
                raise RuntimeError(self._strange()) from problem
            except BaseException:  # an interrupt: half of an answer may wait to be read
                self._end()
                raise
        if "refused" in answer:
            raise ValueError(str(answer["refused"]))
        if "failed" in answer:
            raise RuntimeError(f"{self.code} failed {answer['failed']}: mend that code.")
        return answer, arrays

    def checked(self, arrays, shapes):
        """Arrays of an answer, float32, each of its shape, in which None is any number."""
        ranks = len(arrays) == len(shapes) and all(
            one.ndim == len(shape) and one.dtype == np.float32 for one, shape in zip(arrays, shapes, strict=True)
        )
        if not ranks or any(
            side not in (None, length)
            for one, shape in zip(arrays, shapes, strict=True)
            for side, length in zip(shape, one.shape, strict=True)
        ):
            raise RuntimeError(self._strange())
        return arrays

    def _read(self, reading):
        """What `reading` makes of an answer; an answer that it cannot read is a strange one."""
        try:
            return reading()
        except (ValueError, KeyError, TypeError) as problem:
            raise RuntimeError(self._strange()) from problem

    def _strange(self):
        """The process is ended after an answer that is none; what to say of that."""
        self._end()
        return f"{self.code} wrote to the channel that only its process may use: let it print, or write to files."

    def _ended(self):
        """What to say of a process that is gone."""
        try:
            number = self._process.wait(SECONDS_TO_END)
            how = f"exit code {number}" if number >= 0 else f"signal {-number}; 9 may mean that memory ran out"
        except subprocess.TimeoutExpired:
            how = "it closed the channel"
        self._end()
        return f"{self.code} ended the process that it runs in ({how}): mend that code, and begin again."


class NetworkApart:
    """A `Network` whose work is done by the process of a `ModelApart`."""

    def __init__(self, model, facts, arrays):
        self._model = model
        self._number = int(facts["number"])
        self.activation, self.classes = facts["activation"], facts["classes"]
        self.image_size = tuple(facts["image_size"])
        self.layer, self.notice = str(facts["layer"]), str(facts["notice"])
        numbers = (self.classes, *self.image_size)
        if self.activation not in ACTIVATIONS or len(numbers) != 3 or not all(type(one) is int for one in numbers):
            raise ValueError("no facts of a network")
        self.head_weights = model.checked(arrays, [(None, self.classes)])[0] if arrays else None

    def placed(self, images):
        """Pixels (N, H, W, 3) as float32, a NumPy array: masks are made here, not where the network is."""
        return np.asarray(images, "float32")

    def explain(self, images):
        """Features (N, h, w, K), logits (N, C) and scores (N, C)."""
        features, logits, scores = self._asked("explain", images)
        count = len(images)
        self._model.checked([features, logits, scores], [(count,) + (None,) * 3, *self._per_class(count, 2)])
        return _as_given(features, images), logits, scores

    def score(self, images):
        """Logits (N, C) and scores (N, C)."""
        return tuple(self._model.checked(self._asked("score", images), self._per_class(len(images), 2)))

    def differentiate(self, features, classes, images):
        """Gradients dS_c/dA (N, h, w, K), see `Network`."""
        arrays = self._asked("differentiate", features, classes, images)
        return _as_given(self._model.checked(arrays, [tuple(features.shape)])[0], features)

    def scores(self, logits):
        """The activation applied to logits (N, C)."""
        return self._model.checked(self._asked("scores", logits), self._per_class(len(logits), 1))[0]

    def packed(self):
        """No other machine gets this network.

        Raises:
            ValueError: always.
        """
        raise ValueError(
            f"A network with code of its own ({self._model.code}) runs on this machine alone: leave SCHEDULER empty."
        )

    def _per_class(self, count, times):
        """Shapes (N, C)."""
        return [(count, self.classes)] * times

    def _asked(self, what, *arrays):
        """The arrays of the answer to a question about arrays."""
        question = {"do": what, "number": self._number}
        return self._model.ask(question, *(np.asarray(one) for one in arrays))[1]


def _started():
    """The process, a stream for questions to it, and one of its answers."""
    theirs, questions = os.pipe()
    answers, ours = os.pipe()
    places = [str(files.PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    sharing = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}  # a GPU, with this one
    environment = sharing | os.environ
    environment |= {"PYTHONPATH": os.pathsep.join(places), "KERAS_BACKEND": keras.backend.backend()}
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", PROCESS, str(theirs), str(ours)],
            env=environment,
            pass_fds=(theirs, ours),
            stdin=subprocess.DEVNULL,
            stdout=2,  # what the code prints is no answer
            start_new_session=True,  # an interrupt at the keyboard is not for it: it ends when the channel closes
        )
    except OSError:
        os.close(questions)
        os.close(answers)
        raise
    finally:
        os.close(theirs)
        os.close(ours)
    return process, os.fdopen(questions, "wb"), os.fdopen(answers, "rb")


def _end(process, *streams):
    """Close the channel, which ends the process; one that does not heed this is killed."""
    for stream in streams:
        try:
            stream.close()
        except OSError:
            pass
    try:
        process.wait(SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _facts_of_trial(answer):
    """The activation, whether the model rescales, and how unlike its training the images are."""
    if answer["activation"] not in ACTIVATIONS:
        raise ValueError("no facts of a trial")
    return answer["activation"], bool(answer["rescales"]), float(answer["unlike"])


def _as_given(array, given):
    """An array, as a tensor where a tensor was given."""
    return keras.ops.convert_to_tensor(array) if keras.ops.is_tensor(given) else array
