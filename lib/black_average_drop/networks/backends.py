"""What differs between the backends of Keras: devices, reproducible kernels, compiled models, and gradients."""

import os
import threading

import keras
from keras import ops

from black_average_drop.hardware import devices

_JAX_DETERMINISTIC = "--xla_gpu_deterministic_ops=true"


def make_deterministic(seed):
    """Seed Python, NumPy and Keras, and have the backend choose reproducible kernels: same machine, same numbers.

    float32 is then float32: GPUs would otherwise multiply it with 10 binary digits (TF32). On JAX and PyTorch all of
    this holds only before the first computation of the process.

    Args:
        seed: of all generators of random numbers, from 0.
    """
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        tensorflow.config.experimental.enable_op_determinism()
        tensorflow.config.experimental.enable_tensor_float_32_execution(False)
    if keras.backend.backend() == "jax":
        import jax

        if _JAX_DETERMINISTIC not in os.environ.get("XLA_FLAGS", ""):
            os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {_JAX_DETERMINISTIC}"
        jax.config.update("jax_default_matmul_precision", "float32")
    if keras.backend.backend() == "torch":
        import torch

        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it cuBLAS is refused
        torch.use_deterministic_algorithms(True)
        make_torch_exact()


def make_torch_exact():
    """Have PyTorch compute in true float32 on a GPU, whatever the backend of Keras is."""
    import torch

    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False


def has_accelerator():
    """Whether the backend computes on a GPU or TPU."""
    return not devices()[0].startswith("cpu")


def compiled(part, shape):
    """A function from images to what a part of a model gives, with its weights as they are at the first call.

    Several threads may call it at a time. On TensorFlow the weights become constants of the graph. TensorFlow can then
    fold BatchNorm into the convolution before it.

    Args:
        part: a layer from a list of one tensor to a list of tensors.
        shape: of the images, (None, H, W, channels).
    """
    compiling, functions = threading.Lock(), []

    def run(images):
        with compiling:  # two threads may come first
            if not functions:
                functions.append(_frozen(part, shape))
        return functions[0](images)

    return run


def gradients(head, features, held, chosen):
    """The slope of some of a head's outputs at its feature maps, by automatic differentiation.

    Args:
        head: a layer from a list of feature maps, and whatever else it takes, to a list of logits.
        features: (N, h, w, K), an array or a tensor.
        held: what else the head takes, a list.
        chosen: (N, C), the weight of each logit in the output to differentiate; 1 for one logit, 0 for the others.

    Returns:
        (N, h, w, K), an array for an array and a tensor for a tensor.

    Raises:
        ValueError: on a backend other than TensorFlow, JAX and PyTorch.
    """
    if keras.backend.backend() not in _SLOPES:
        raise ValueError(
            "Gradients need another backend: set KERAS_BACKEND=tensorflow, KERAS_BACKEND=jax or KERAS_BACKEND=torch."
        )
    slopes = _SLOPES[keras.backend.backend()](head, features, held, chosen)
    return slopes if ops.is_tensor(features) else ops.convert_to_numpy(slopes)


def _tensorflow_slopes(head, features, held, chosen):
    """`gradients` of TensorFlow, a tensor."""
    import tensorflow

    watched = tensorflow.convert_to_tensor(features)
    with tensorflow.GradientTape() as tape:
        tape.watch(watched)
        explained = ops.sum(head([watched, *held], training=False)[0] * chosen)
    return tape.gradient(explained, watched)


def _jax_slopes(head, features, held, chosen):
    """`gradients` of JAX, a tensor."""
    import jax

    weights = _values(head)
    held = [ops.convert_to_tensor(one) for one in held]

    def explained(maps):
        (logits,), _ = head.stateless_call(*weights, [maps, *held], training=False)
        return ops.sum(logits * chosen)

    return jax.grad(explained)(ops.convert_to_tensor(features))


def _torch_slopes(head, features, held, chosen):
    """`gradients` of PyTorch, a tensor."""
    import torch

    weights = [[one.detach() for one in kind] for kind in _values(head)]  # nothing is kept to differentiate by them
    with torch.enable_grad():
        watched = ops.convert_to_tensor(features).detach().requires_grad_()
        held = [ops.convert_to_tensor(one) for one in held]
        (logits,), _ = head.stateless_call(*weights, [watched, *held], training=False)
        return torch.autograd.grad((logits * ops.convert_to_tensor(chosen)).sum(), watched)[0]


_SLOPES = {"tensorflow": _tensorflow_slopes, "jax": _jax_slopes, "torch": _torch_slopes}


def _frozen(part, shape):
    """A function from images to what a part of a model gives, with its weights as they are now."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow
        from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

        function = tensorflow.function(lambda pixels: part([pixels], training=False))
        signature = tensorflow.TensorSpec(shape, "float32")
        frozen = convert_variables_to_constants_v2(function.get_concrete_function(signature))
        # Called directly, it looks for names of arguments that it has lost, and formats all pixels for the error.
        return tensorflow.function(lambda pixels: frozen(pixels), input_signature=[signature])
    if keras.backend.backend() == "jax":
        import jax

        # Copies, since Keras gives the buffers of its variables away when it trains.
        weights = [[jax.numpy.array(one) for one in kind] for kind in _values(part)]
        outputs = jax.jit(lambda weights, images: part.stateless_call(*weights, [images], training=False)[0])
        return lambda images: outputs(weights, images)
    if keras.backend.backend() == "torch":
        import torch

        weights = [[one.detach().clone() for one in kind] for kind in _values(part)]

        def outputs(images):
            with torch.no_grad():
                return part.stateless_call(*weights, [ops.convert_to_tensor(images)], training=False)[0]

        return outputs
    return lambda images: [ops.convert_to_numpy(one) for one in part([images], training=False)]


def _values(layer):
    """The values of its variables, as `stateless_call` takes them of a Keras layer."""
    return [[one.value for one in kind] for kind in (layer.trainable_variables, layer.non_trainable_variables)]
