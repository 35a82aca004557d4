"""What may be chosen when a model is read, and a sentence for anything else."""

ACTIVATIONS = ("relu", "softmax", "sigmoid")
PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")
SCALES = (
    "",
    "0..1",
    "-1..1",
    "-1024..1024",
    "imagenet",
)  # of pixels; the other preprocessings are names in keras.applications


def check_choice(name, value, choices):
    """Raise ValueError for a value of a parameter that is none of its choices, all of them texts."""
    if value not in choices:
        raise ValueError(f"{name} is {value!r}: choose one of {', '.join(choices)}.")


def check_precision(precision):
    """Raise ValueError for a text that is none of PRECISIONS."""
    check_choice("precision", precision, PRECISIONS)


def check_preprocessing(name):
    """Raise ValueError for a text that is none of SCALES and cannot be a name in keras.applications."""
    if name not in SCALES and not (name.isidentifier() and name[0].isupper()):
        raise ValueError(unknown_preprocessing(name))


def unknown_preprocessing(name):
    """What to say of a preprocessing that there is not."""
    known = ", ".join(repr(one) for one in SCALES)
    return f"preprocessing is {name!r}: choose {known} or a name in keras.applications."
