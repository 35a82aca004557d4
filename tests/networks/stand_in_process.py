"""In the place of the process of a `ModelApart`: it does what the variable STAND_IN says, without Keras."""

import json
import os
import sys
import time

LOADED = {"name": "stand in", "facts": {}}
FACTS = {"number": 0, "activation": "softmax", "classes": 3, "image_size": [8, 8], "layer": "last", "notice": ""}


def write(data):
    while data:
        data = data[os.write(int(sys.argv[2]), data) :]


def answer(message, *arrays):
    """arrays: of (dtype, shape, bytes)."""
    text = json.dumps({"message": message, "arrays": [[kind, shape] for kind, shape, _ in arrays]}).encode()
    write(len(text).to_bytes(8, "big") + text + b"".join(data for _, _, data in arrays))


if __name__ == "__main__":
    exec(os.environ["STAND_IN"])
    while os.read(int(sys.argv[1]), 65536):
        time.sleep(0.01)
