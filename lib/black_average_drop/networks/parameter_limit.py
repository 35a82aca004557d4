"""No more parameters than a model file stores, whatever its configuration declares."""

import math
import threading
from contextlib import contextmanager

import keras

SPARE = 10_000  # parameters that a file need not hold: states of random generators
TOO_MANY = "it declares more parameters than it stores"
_ONE_AT_A_TIME = threading.Lock()


@contextmanager
def at_most(parameters):
    """A context in which Keras makes that many parameters on this thread. One thread may be in it at a time.

    Raises:
        ValueError: for one parameter more, before it takes memory.
    """
    make, thread, made = keras.Variable.__init__, threading.get_ident(), 0

    def counted(self, initializer, shape=None, *rest, **named):
        nonlocal made
        if threading.get_ident() == thread and shape is not None:
            made += math.prod(shape)
            check()
        make(self, initializer, shape, *rest, **named)

    def check():
        if made > parameters + SPARE:
            raise ValueError(TOO_MANY)

    with _ONE_AT_A_TIME:
        keras.Variable.__init__ = counted
        try:
            yield
        finally:
            keras.Variable.__init__ = make
    check()  # Keras passes over some errors
