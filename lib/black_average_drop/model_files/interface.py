"""One image in, one answer out: what a model takes and gives, by the names and shapes of its inputs and outputs."""

import json

CHANNELS = (1, 3)


def image_input(model, shapes, held=None):
    """Say which input of a model takes the image.

    Args:
        model: the name of the model.
        shapes: name -> shape of each input, the batch first, with None for what is not fixed.
        held: name -> value of the inputs that do not change, or None.

    Returns:
        The name of the one input that has no value.

    Raises:
        ValueError: if several inputs have no value, or none, or a value is given to what is no input.
    """
    held = held or {}
    for name in held:
        if name not in shapes:
            raise ValueError(f"held names {name!r}, which is no input of model {model}: choose from {_names(shapes)}.")
    free = [name for name in shapes if name not in held]
    if not free:
        raise ValueError(f"held names every input of model {model}: leave out the one that takes the image.")
    if len(free) > 1:
        image = next((name for name in free if _is_image(shapes[name])), free[0])
        example = json.dumps(held | {name: 0 for name in free if name != image}, default=str, ensure_ascii=False)
        raise ValueError(
            f"Model {model} has {len(free)} inputs without a value ({_names(free)}): give a value to each that is not "
            f"the image, such as held={example}."
        )
    return free[0]


def check_image_shape(model, shape, image_size=None):
    """Check the input that takes the image.

    Args:
        model: the name of the model.
        shape: (N, H, W, K), with None for what is not fixed.
        image_size: (H, W) as somebody chose it, or None.

    Raises:
        ValueError: if the input takes no images of one or three channels, channels last; if it takes images of any size
            and none is chosen; if it takes images of another size than the chosen one.
    """
    shape = tuple(shape)
    if len(shape) == 4 and shape[1] in CHANNELS and shape[3] not in CHANNELS:
        raise ValueError(f"Model {model} keeps channels first: build it with channels last.")
    if not _is_image(shape):
        raise ValueError(f"Model {model} takes {shape}: images (N, H, W, 3) or (N, H, W, 1) are expected.")
    if image_size is None:
        if None in shape[1:3]:
            raise ValueError(f"Model {model} takes images of any size: pass image_size=(height, width).")
    elif any(side not in (None, chosen) for side, chosen in zip(shape[1:3], image_size, strict=True)):
        sizes = (" x ".join("any" if side is None else str(side) for side in size) for size in (shape[1:3], image_size))
        raise ValueError("Model {} takes images of {} pixels, not {}: leave image_size out.".format(model, *sizes))


def check_image_channels_first(model, shape, image_size=None):
    """As `check_image_shape`, for a shape (N, K, H, W) as PyTorch has it."""
    shape = tuple(shape)
    if len(shape) != 4 or shape[1] not in CHANNELS:
        raise ValueError(f"Model {model} takes {shape}: images (N, 3, H, W) or (N, 1, H, W) are expected.")
    check_image_shape(model, (shape[0], *shape[2:], shape[1]), image_size)


def chosen_output(model, names, output=None):
    """Say which output of a model is explained.

    Args:
        model: the name of the model.
        names: of its outputs.
        output: the name that somebody chose, or None.

    Returns:
        The name.

    Raises:
        ValueError: if there are several and none is chosen, or the chosen one is not there.
    """
    if output is not None and output not in names:
        raise ValueError(f"Model {model} has no output {output!r}: choose from {_names(names)}.")
    if output is None and len(names) > 1:
        raise ValueError(
            f'Model {model} has {len(names)} outputs ({_names(names)}): choose one, such as output="{names[0]}".'
        )
    return output or names[0]


def _is_image(shape):
    """Whether a shape is (N, H, W, 1) or (N, H, W, 3)."""
    return len(shape) == 4 and shape[3] in CHANNELS


def _names(names):
    """Names as a list in a sentence."""
    return ", ".join(names)
