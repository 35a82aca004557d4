"""The process of a `ModelApart`: it runs the code of whoever made a model, and answers questions about the model.

Its arguments are two file descriptors, of the questions and of the answers.
"""

import importlib.util
import logging
import os
import queue
import re
import sys
import threading
import traceback
import zipfile
import zlib
from pathlib import Path

import keras
import numpy as np

from black_average_drop.model_files.archive_checks import CONFIG
from black_average_drop.model_files.zip_checks import MOST_TEXT
from black_average_drop.networks import first_layers
from black_average_drop.networks.applications import preprocessing as preprocessing_of
from black_average_drop.networks.archive import load
from black_average_drop.networks.backends import make_deterministic
from black_average_drop.networks.cam_network import CamNetwork
from black_average_drop.networks.channel import receive, send

MODULE = "code_of_the_model"  # what the code is called here, whatever its file is called
_FRAMEWORKS = ("keras", "tensorflow", "jax", "torch", "numpy", "builtins")
_LONGEST = 300  # characters of what went wrong


class Served:
    """A model with its code, and the networks that were asked for: what each question does."""

    def __init__(self):
        self.code = ""
        self._model, self._networks = None, []

    def load(self, question):
        """Run the code and load the model."""
        self.code = question["code"]
        register(run_code(self.code), question["model"])
        self._model, facts = load(question["model"])
        return {"name": self._model.name, "facts": facts.stored()}, []

    def network(self, question):
        """Read the model at its feature maps."""
        settings = _with_tuples(question["settings"])
        network = CamNetwork.from_model(self._model, preprocessing_of(question["preprocessing"]), **settings)
        self._networks.append(network)
        names = ("activation", "classes", "image_size", "layer", "notice")
        facts = {"number": len(self._networks) - 1} | {name: getattr(network, name) for name in names}
        return facts, [] if network.head_weights is None else [np.asarray(network.head_weights, "float32")]

    def trial(self, question, images):
        """Try a preprocessing."""
        settings = _with_tuples(question["settings"])
        trial = first_layers.trial(self._model, question["preprocessing"], images, **settings)
        if trial is None:
            return {"fits": False}, []
        facts = {name: getattr(trial, name) for name in ("activation", "rescales", "unlike")}
        return {"fits": True} | facts, [trial.logits]

    def explain(self, question, images):
        """Features, logits and scores."""
        return {}, self._networks[question["number"]].explain(images)

    def score(self, question, images):
        """Logits and scores."""
        return {}, self._networks[question["number"]].score(images)

    def differentiate(self, question, features, classes, images):
        """Gradients."""
        return {}, [self._networks[question["number"]].differentiate(features, classes, images)]

    def scores(self, question, logits):
        """The activation of logits."""
        return {}, [self._networks[question["number"]].scores(logits)]


def main():
    """Answer questions until there are none."""
    questions, answers = os.fdopen(int(sys.argv[1]), "rb"), os.fdopen(int(sys.argv[2]), "wb")
    waiting = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(questions, waiting), daemon=True).start()
    logging.getLogger("tensorflow").setLevel("ERROR")  # each network is traced once, of which TensorFlow warns
    make_deterministic(0)
    keras.config.disable_traceback_filtering()  # what goes wrong in a layer is then raised as it is
    served = Served()
    while True:
        question, arrays = waiting.get()
        try:
            answer, arrays = getattr(served, question["do"])(question, *arrays)
        except BaseException as problem:  # SystemExit, too: the code may raise anything
            answer, arrays = said_of(problem, served.code), []
        sys.stdout.flush()
        send(answers, answer, arrays)


def run_code(path):
    """Run a Python file as a module that other names do not reach, and give the module.

    It may import what is next to it. Nothing is written there.
    """
    sys.dont_write_bytecode = True
    sys.path.append(str(Path(path).resolve().parent))
    spec = importlib.util.spec_from_file_location(MODULE, path)
    sys.modules[MODULE] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def register(module, path):
    """Have Keras find the classes and functions of a module by the names that a model file has for them.

    What the module registers itself stays as it is.

    Args:
        module: of the code.
        path: of the model file.
    """
    known = keras.saving.get_custom_objects()
    own = {name: one for name, one in vars(module).items() if _is_own(one)}
    for name in [*own, *_registered_names(path)]:
        if (of_class := name.rpartition(">")[2]) in own:
            known.setdefault(name, own[of_class])


def said_of(problem, code):
    """What to answer where a question ended in an exception.

    Args:
        problem: the exception.
        code: the path of the code.

    Returns:
        {"refused": sentence} for a sentence of this package. {"failed": where and how} for anything else.
    """
    where = ""
    if isinstance(problem, SyntaxError) and problem.filename == code:
        where = f"in line {problem.lineno} "
    for one in _chain(problem):
        lines = [frame.lineno for frame in traceback.extract_tb(one.__traceback__) if frame.filename == code]
        if lines and not where:
            where = f"in line {lines[-1]} "
            problem = one
    text = str(problem)
    if not where and isinstance(problem, ValueError | FileNotFoundError) and "\n" not in text and code not in text:
        return {"refused": text}
    vars(problem).pop("__notes__", None)  # JAX adds one on itself
    said = [line.strip() for line in traceback.format_exception_only(problem) if line.strip()]
    last = [line.strip() for line in "".join(said[-1:]).splitlines() if line.strip()][-1]
    return {"failed": f"{where}({last[:_LONGEST]})"}


def _chain(problem):
    """An exception and those that it was raised from or while handling, first the one that came first."""
    chain = []
    while problem is not None and problem not in chain:
        chain.append(problem)
        problem = problem.__cause__ or problem.__context__
    return reversed(chain)


def _listen(questions, waiting):
    """Put questions into a queue; end the process, whatever it does, when nobody can ask any more."""
    try:
        while True:
            waiting.put(receive(questions))
    finally:
        os._exit(0)


def _is_own(one):
    """Whether something in a module is a class or function that no framework has."""
    named = callable(one) and hasattr(one, "__name__") and isinstance(getattr(one, "__module__", None), str)
    return named and one.__module__.partition(".")[0] not in _FRAMEWORKS


def _registered_names(path):
    """The names with a package, package>name, that a model file has for classes and functions."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(CONFIG) as config:
            text = config.read(MOST_TEXT).decode("utf-8", "replace")
    except (OSError, KeyError, ValueError, zipfile.BadZipFile, zlib.error, RuntimeError):
        return []  # what loads it says so
    return sorted(set(re.findall(r'"([^">]*>[^">]+)"', text)))


def _with_tuples(settings):
    """Settings with the tuples that JSON made lists."""
    return settings | {name: tuple(settings[name]) for name in ("image_size", "reshape") if settings.get(name)}


if __name__ == "__main__":
    main()
