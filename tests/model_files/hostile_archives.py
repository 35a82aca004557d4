"""Model files that declare more than they store, nest without end or hold programs, each with its sentence."""

import io
import json
import struct
import zipfile

import h5py
import numpy as np
import pytest

from black_average_drop.networks import parameter_limit

CONFIG, WEIGHTS, FACTS = "config.json", "model.weights.h5", "black_average_drop.json"
SIX_GB = 1_500_000_000  # float32


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(path, parts, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def with_member(name, content, compression=zipfile.ZIP_STORED):
    return lambda path: write(path, members(path) | {name: content}, compression)


def without(name):
    return lambda path: write(path, {key: value for key, value in members(path).items() if key != name})


def with_config(change):
    """The configuration, changed in place."""

    def spoil(path):
        config = json.loads(members(path)[CONFIG])
        change(config)
        with_member(CONFIG, json.dumps(config))(path)

    return spoil


def with_weights(change):
    """The file of weights, changed in place."""

    def spoil(path):
        content = io.BytesIO(members(path)[WEIGHTS])
        with h5py.File(content, "r+") as file:
            change(file)
        with_member(WEIGHTS, content.getvalue())(path)

    return spoil


def layer(config, number, **changed):
    config["config"]["layers"][number]["config"].update(changed)


def in_place_of_a_layer(**described):
    return with_config(lambda config: config["config"]["layers"].__setitem__(2, described))


def program(name, **settings):
    return in_place_of_a_layer(module="keras.layers", class_name=name, config={"name": "p"} | settings)


def nested(depth):
    def nest(config):
        inner = config["config"]["layers"][2]
        for number in range(depth):
            inner = {"module": "keras", "class_name": "Sequential", "config": {"name": f"s{number}", "layers": [inner]}}
        config["config"]["layers"][2] = inner

    return with_config(nest)


def flagged(path):
    """Marked as encrypted, in the central directory, where a zip archive is read from."""
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\x01\x02")
    content[at + 8] |= 1
    path.write_bytes(content)


def sharing(path, member=WEIGHTS):
    """Many members that are one and the same bytes, as in a bomb that is not nested."""
    content = path.read_bytes()
    end = content.rindex(b"PK\x05\x06")
    first = content.index(b"PK\x01\x02")
    entry = content[first:end]
    names = [f"assets/{number:04}".encode() for number in range(900)]
    with zipfile.ZipFile(path) as archive:
        shared = archive.getinfo(member)
    extra = b"".join(
        struct.pack(
            "<4s4B4HL2L5H2L",
            *(b"PK\x01\x02", 20, 3, 20, 0, 0, 0, 0, 0, shared.CRC, shared.compress_size, shared.file_size),
            *(len(name), 0, 0, 0, 0, 0, shared.header_offset),
        )
        + name
        for name in names
    )
    count = struct.unpack("<H", content[end + 10 : end + 12])[0] + len(names)
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(entry) + len(extra), first, 0)
    path.write_bytes(content[:first] + entry + extra + tail)


def twice(path):
    parts = members(path)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr(CONFIG, parts[CONFIG])


def replaced(name, **described):
    """A dataset of other make under the name of one of the weights."""

    def change(file):
        del file[name]
        file.create_dataset(name, **described)

    return with_weights(change)


KERNEL = "layers/dense/vars/0"


def a_link_to(link):
    def change(file):
        del file[KERNEL]
        file[KERNEL] = link

    return with_weights(change)


def of_another_file(path):
    """Weights that stand in a file next to it."""
    secret = path.with_name("secret")
    secret.write_bytes(bytes(72))
    replaced(KERNEL, shape=(6, 3), dtype="float32", external=[(str(secret), 0, 72)])(path)


def deep_groups(file):
    group = file
    for _ in range(5000):
        group = group.create_group("g")


LINK = "{path} holds a link in place of weights (0): save the model again."
EXPANDED = r"{path} stores [\d.]+ \w+ that declare [\d.]+ \w+ ({what}): save the model again, without compression."
HOSTILE = {
    "a configuration of zeros": (with_member(CONFIG, bytes(20_000_000)), "{path} holds 20 MB of text ({what})", CONFIG),
    "a compressed configuration of zeros": (
        with_member(CONFIG, bytes(10_000_000), zipfile.ZIP_DEFLATED),
        EXPANDED,
        CONFIG,
    ),
    "facts without bound": (with_member(FACTS, b'{"a": "' + b"a" * 20_000_000 + b'"}'), "{path} holds 20 MB", FACTS),
    "facts that are a list": (with_member(FACTS, b"[1]"), "{path} holds no object of JSON ({what})", FACTS),
    "names of classes that are a number": (
        with_member(FACTS, b'{"class_names": 5}'),
        "{path} cannot be loaded as a Keras model (its class_names is '5'): save it again.",
        FACTS,
    ),
    "an image size of three sides": (
        with_member(FACTS, b'{"image_size": [8, 8, 8]}'),
        "{path} cannot be loaded as a Keras model (its image_size is '(8, 8, 8)'): save it again.",
        FACTS,
    ),
    "facts that are no JSON": (with_member(FACTS, b"\xff{"), "{path} cannot be loaded as a Keras model (", FACTS),
    "another file of zeros": (
        with_member("assets/zeros", bytes(10_000_000), zipfile.ZIP_DEFLATED),
        EXPANDED,
        "assets/zeros",
    ),
    "weights of zeros": (with_member(WEIGHTS, bytes(10_000_000), zipfile.ZIP_DEFLATED), EXPANDED, WEIGHTS),
    "files that share bytes": (sharing, EXPANDED, "all files in it"),
    "thousands of files": (
        lambda path: write(path, members(path) | {f"assets/{number}": b"" for number in range(1001)}),
        "{path} holds too many files, or two of one name: save the model again.",
        "",
    ),
    "two configurations": (twice, "{path} holds too many files, or two of one name: save the model again.", ""),
    "an encrypted file": (
        flagged,
        "{path} is encrypted (metadata.json): save the model again, without a password.",
        "",
    ),
    "LZMA": (
        with_member("a", b"a", zipfile.ZIP_LZMA),
        "{path} is compressed in a rare way (metadata.json): save the model again.",
        "",
    ),
    "no weights": (
        without(WEIGHTS),
        '{path} holds no {what}: save the model again with model.save("model.keras").',
        WEIGHTS,
    ),
    "no configuration": (
        without(CONFIG),
        '{path} holds no {what}: save the model again with model.save("model.keras").',
        CONFIG,
    ),
    "null": (with_member(CONFIG, b"null"), "{path} holds no object of JSON ({what}): save the model again.", CONFIG),
    "deep lists": (with_member(CONFIG, b"[" * 100_000), "{path} nests too deep ({what})", CONFIG),
    "deep objects": (with_member(CONFIG, b'{"a":' * 150 + b"1" + b"}" * 150), "{path} nests too deep ({what})", CONFIG),
    "deep models": (nested(60), "{path} nests too deep ({what})", CONFIG),
    "deep weights": (with_weights(deep_groups), "{path} nests too deep ({what}): save the model again.", WEIGHTS),
    "a dataset of nothing": (
        replaced(KERNEL, shape=(SIX_GB,), dtype="float32", chunks=(100,)),
        EXPANDED,
        KERNEL,
    ),
    "a dataset that is not there": (replaced(KERNEL, shape=(SIX_GB,), dtype="float32"), EXPANDED, KERNEL),
    "a dataset of one chunk": (
        replaced(KERNEL, data=np.zeros((6, 3), "float32"), maxshape=(None, 3), chunks=(10**7, 3), compression=9),
        EXPANDED,
        KERNEL,
    ),
    "many datasets of little": (
        with_weights(lambda file: [file.create_dataset(f"z{i}", (200_000,), "float32") for i in range(300)]),
        EXPANDED,
        "all weights",
    ),
    "a soft link": (a_link_to(h5py.SoftLink("/layers/dense/vars/1")), LINK, ""),
    "an external link": (a_link_to(h5py.ExternalLink("/etc/hostname", "/")), LINK, ""),
    "weights of another file": (
        of_another_file,
        "{path} holds weights that are no numbers of its own (0): save it again.",
        "",
    ),
    "weights of text": (
        replaced(KERNEL, data=["a"] * 18),
        "{path} holds weights that are no numbers of its own (0): save it again.",
        "",
    ),
    "weights that are no HDF5": (with_member(WEIGHTS, b"no weights"), "{path} cannot be loaded as a Keras model (", ""),
    "an array of long text": (
        with_config(
            lambda config: layer(
                config, 1, scale={"class_name": "__numpy__", "config": {"value": ["a"], "dtype": "S2000000000"}}
            )
        ),
        "{path} holds an array that is none of numbers ({what}): save the model again.",
        CONFIG,
    ),
}
for name in ("Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"):
    said = f"{{path}} holds a {name} layer, code of whoever saved it, which is not run: put layers of Keras's own in "
    HOSTILE[f"a layer {name}"] = (program(name), f"{said}its place and save the model again.", "")
HOSTILE["a Python function"] = (
    with_config(lambda config: layer(config, 4, activation={"class_name": "__lambda__", "config": {"value": ["4w"]}})),
    "{path} holds a Python function, code of whoever saved it",
    "",
)
# What Keras refuses, or what is seen once it builds.
BUILT = {
    "a huge layer": (with_config(lambda config: layer(config, 4, units=10**12)), parameter_limit.TOO_MANY),
    "a huge convolution": (with_config(lambda config: layer(config, 2, filters=10**12)), parameter_limit.TOO_MANY),
    "a large kernel": (
        with_config(lambda config: layer(config, 2, kernel_size=[10**5, 10**5])),
        parameter_limit.TOO_MANY,
    ),
    "a huge layer within a layer": (
        in_place_of_a_layer(
            module="keras.layers",
            class_name="TimeDistributed",
            config={
                "name": "t",
                "layer": {"module": "keras.layers", "class_name": "Dense", "config": {"units": 10**12, "name": "d"}},
            },
        ),
        parameter_limit.TOO_MANY,
    ),
    "one number too large": (with_config(lambda config: layer(config, 4, units=10**400)), ""),
    "units that are text": (with_config(lambda config: layer(config, 4, units="many")), ""),
    "layers that are none": (with_config(lambda config: config["config"].update(layers=[None, 3])), ""),
    "no layers": (with_config(lambda config: config["config"].update(layers=[])), ""),
    "a module that is none": (with_config(lambda config: config.update(module=7)), ""),
    "one output more than weights": (with_config(lambda config: layer(config, 4, units=4)), ""),
}
