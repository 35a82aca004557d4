"""Training on every device of this machine, where TensorFlow mirrors a model on several of them."""

import contextlib
import functools

import keras


def on_all(kind="GPU"):
    """A scope to build a model in, so that training uses every device of a kind in this machine.

    On TensorFlow it is a `tf.distribute.MirroredStrategy` where there are several devices, otherwise nothing. The batch
    size must then be a multiple of their number. What is left over of an epoch is left out, other images each time.

    Args:
        kind: of the devices, as TensorFlow names it: "GPU" or "CPU".
    """
    strategy = _strategy(kind) if keras.backend.backend() == "tensorflow" else None
    return strategy.scope() if strategy else contextlib.nullcontext()


def count_devices(model):
    """How many devices the model is mirrored on."""
    return getattr(getattr(model, "distribute_strategy", None), "num_replicas_in_sync", 1)


def scope_of(model):
    """The scope that the model was built in: an optimizer made outside of it updates no mirrored variable rightly."""
    return model.distribute_strategy.scope() if count_devices(model) > 1 else contextlib.nullcontext()


@functools.cache
def _strategy(kind):
    """One for the process: a second one would number its exchanges between devices like the first."""
    import tensorflow

    devices = [device.name for device in tensorflow.config.list_logical_devices(kind)]
    return tensorflow.distribute.MirroredStrategy(devices) if len(devices) > 1 else None
