"""What the backend of Keras computes on."""


def devices():
    """The names of what the backend computes on, such as ["cpu:0"] or ["gpu:0", "gpu:1"]."""
    import keras  # here, since it takes seconds, and modules that only write down devices need none of it

    if keras.backend.backend() in ("tensorflow", "jax"):
        return keras.distribution.list_devices()
    if keras.backend.backend() == "torch":  # one device, which Keras lists nowhere
        device = keras.ops.zeros(()).device
        return [f"{device.type}:{device.index or 0}"]
    return ["cpu:0"]
