"""What is hostile in a .pt2 archive or damaged, but for its program: name -> how one is spoilt, and its sentence."""

import json
import zipfile

import pytest

from hostile_archives import flagged, sharing
from pt2_archives import (
    CONSTANTS,
    MODEL,
    ROOT,
    WEIGHTS,
    changed,
    parts,
    sizes,
    with_member,
    with_outputs,
    with_tensor,
    without,
    write,
)

AGAIN = "export the model again with torch.export.save"
PICKLED = "which runs code when it is read: make it a plain tensor, and "
OBJECT = (
    "{path} holds an object of another class than a tensor (net/data/constants/%s), whose code would run: take the "
    f"object out of the model, and {AGAIN}."
)
COMPILED = "{path} holds a compiled program (%s), which is not run: " + f"{AGAIN}, uncompiled."
EXPANDED = "{path} stores ... that declare ... (%s): save the model again, without compression."
LACKING = "{path} lacks numbers of fc.weight: export the model again with all weights loaded, after model.cpu()."


def damaged(reason):
    return f"{{path}} cannot be read as a PyTorch model ({reason}): {AGAIN}."


def pickled(name):
    return changed(name, lambda content: next(iter(content["config"].values())).update(use_pickle=True))


def twice(path):
    write(path, parts())
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr(f"{ROOT}/{MODEL}", b"{}")


def shared_bytes(path):
    with_member("data/weights/weight_0", bytes(10_000))(path)
    sharing(path, f"{ROOT}/data/weights/weight_0")


def encrypted(path):
    write(path, parts())
    flagged(path)


def outside(name):
    def spoil(path):
        write(path, parts())
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(name, b"")

    return spoil


DEEP = json.dumps(json.loads('{"a":' * 150 + "1" + "}" * 150)).encode()

HOSTILE = {
    # What runs code when PyTorch reads it.
    "a pickled weight": (pickled(WEIGHTS), f"{{path}} holds a pickled tensor (fc.weight), {PICKLED}{AGAIN}."),
    "a pickled constant": (pickled(CONSTANTS), f"{{path}} holds a pickled tensor (shift), {PICKLED}{AGAIN}."),
    "pickled weights of PyTorch 2.8": (
        with_member("data/weights/model.pt", b"\x80\x02."),
        "{path} holds pickled weights (net/data/weights/model.pt), which run code when they are read: "
        f"{AGAIN} of PyTorch 2.9 or later.",
    ),
    "pickled constants of PyTorch 2.8": (
        with_member("data/constants/model.pt", b"\x80\x02."),
        "{path} holds pickled weights (net/data/constants/model.pt), which run code when they are read: "
        f"{AGAIN} of PyTorch 2.9 or later.",
    ),
    "an object of a custom class": (
        with_member("data/constants/custom_obj_0", b"\x80\x02."),
        OBJECT % "custom_obj_0",
    ),
    "an opaque object": (
        with_member("data/constants/opaque_obj_0", b"\x80\x02."),
        OBJECT % "opaque_obj_0",
    ),
    "a compiled library": (
        with_member("data/aotinductor/model/net.so", b"\x7fELF"),
        "{path} holds a compiled program (net/data/aotinductor/model/net.so), which is not run: "
        + f"{AGAIN}, uncompiled.",
    ),
    "a program of ExecuTorch": (
        with_member("data/executorch/net.pte", b""),
        COMPILED % "net/data/executorch/net.pte",
    ),
    "a library among the weights": (
        with_member("data/weights/weight_2.so", b"\x7fELF"),
        COMPILED % "net/data/weights/weight_2.so",
    ),
    "another file": (
        with_member("code/net.py", b""),
        "{path} holds what is no part of a model (net/code/net.py): " + f"{AGAIN}.",
    ),
    # Bytes of weights.
    "too few bytes": (with_member("data/weights/weight_0", bytes(191)), LACKING),
    "no bytes": (with_member("data/weights/weight_0", b""), LACKING),
    "a larger shape": (with_tensor(sizes=sizes(4, 16)), LACKING),
    "larger strides": (with_tensor(strides=sizes(17, 1)), LACKING),
    "an offset": (with_tensor(storage_offset={"as_int": 1}), LACKING),
    "a wider dtype": (with_tensor(dtype=8), LACKING),
    "an offset that overflows": (with_tensor(storage_offset={"as_int": 2**63 - 1}), LACKING),
    "a size that overflows": (with_tensor(sizes=sizes(2**62, 16), strides=sizes(4, 2**62)), LACKING),
    "an offset beyond all numbers": (with_tensor(storage_offset={"as_int": 2**64}), damaged(f"a size is {2**64}")),
    "a negative size": (with_tensor(sizes=sizes(-3, 16)), damaged("a size is -3")),
    "a negative stride": (with_tensor(strides=sizes(-16, 1)), damaged("a size is -16")),
    "a negative offset": (with_tensor(storage_offset={"as_int": -1}), damaged("a size is -1")),
    "a size that is true": (with_tensor(sizes=[{"as_int": True}, {"as_int": 16}]), damaged("a size is True")),
    "a symbolic size": (
        with_tensor(sizes=[{"as_expr": {"expr_str": "s0"}}, {"as_int": 16}]),
        damaged("it lacks 'as_int'"),
    ),
    "numbers that are repeated without end": (
        with_tensor(sizes=sizes(2**40, 16), strides=sizes(0, 1)),
        EXPANDED % "fc.weight",
    ),
    "sparse weights": (with_tensor(layout=1), damaged("fc.weight is no dense tensor")),
    "fewer strides than sizes": (with_tensor(strides=sizes(1)), damaged("fc.weight is no dense tensor")),
    "numbers of no known kind": (with_tensor(dtype=99), damaged("it lacks 99")),
    "weights of another folder": (
        changed(WEIGHTS, lambda content: content["config"]["fc.weight"].update(path_name="../../../secret")),
        damaged("it lacks data/weights/../../../secret"),
    ),
    "weights that are the program": (
        changed(WEIGHTS, lambda content: content["config"]["fc.weight"].update(path_name="../../models/model.json")),
        damaged("it lacks data/weights/../../models/model.json"),
    ),
    "compressed weights": (
        with_member("data/weights/weight_0", bytes(192), zipfile.ZIP_DEFLATED),
        "{path} holds compressed weights (net/data/weights/weight_0): " + f"{AGAIN}.",
    ),
    # The archive.
    "a bomb": (
        with_member("data/weights/weight_9", bytes(10_000_000), zipfile.ZIP_DEFLATED),
        EXPANDED % "net/data/weights/weight_9",
    ),
    "files that share bytes": (shared_bytes, EXPANDED % "all files in it"),
    "thousands of files": (
        lambda path: write(path, parts() | {f"extra/{number}": b"" for number in range(20_001)}),
        "{path} holds too many files, or two of one name: save the model again.",
    ),
    "two files of one name": (twice, "{path} holds too many files, or two of one name: save the model again."),
    "an encrypted file": (
        encrypted,
        "{path} is encrypted (net/data/weights/weight_0): save the model again, without a password.",
    ),
    "LZMA": (
        with_member("extra/a", b"a", zipfile.ZIP_LZMA),
        "{path} is compressed in a rare way (net/data/weights/weight_0): save the model again.",
    ),
    "an absolute name": (
        outside("/etc/cron.d/net"),
        f"{{path}} holds a file outside of its folder (/etc/cron.d/net): {AGAIN}.",
    ),
    "a name that leads out": (
        outside("net/extra/../../../net"),
        f"{{path}} holds a file outside of its folder (net/extra/../../../net): {AGAIN}.",
    ),
    "a program of zeros": (
        with_member(MODEL, bytes(20_000_000)),
        "{path} holds 20 MB of text (net/models/model.json): ...",
    ),
    "deep lists": (
        with_member(MODEL, b"[" * 100_000),
        "{path} nests too deep (models/model.json): save the model again, with fewer models within models.",
    ),
    "deep objects": (
        with_member(MODEL, DEEP),
        "{path} nests too deep (models/model.json): save the model again, with fewer models within models.",
    ),
    "deep outputs": (
        with_outputs(json.loads('{"a":' * 150 + "1" + "}" * 150), "sigmoid"),
        "{path} nests too deep (...): save the model again, with fewer models within models.",
    ),
    "a program that is no JSON": (with_member(MODEL, b"\xff{"), damaged("'utf-8' codec ...")),
    "a program that is a number": (with_member(MODEL, b"7"), damaged("its program is damaged, TypeError")),
    "a number without end": (with_member(MODEL, b"9" * 5000), damaged("Exceeds the limit (4300 digits) ...")),
    "two models": (
        with_member("models/other.json", b"{}"),
        "{path} holds 2 models (model, other), and one is read: save each model in a file of its own.",
    ),
    "no model": (
        without(MODEL),
        "{path} holds 0 models (none), and one is read: save each model in a file of its own.",
    ),
    "no list of weights": (without(WEIGHTS), damaged(f"it lacks {WEIGHTS}")),
    "another version of archives": (
        with_member("archive_version", b"1"),
        f"{{path}} is of a kind that is not read (archive_version is not 0): {AGAIN} of PyTorch 2.13.",
    ),
    "another format of archives": (
        with_member("archive_format", b"pt3"),
        f"{{path}} is of a kind that is not read (archive_format is not pt2): {AGAIN} of PyTorch 2.13.",
    ),
    "no format": (without("archive_format"), f"{{path}} is no archive of torch.export: {AGAIN}."),
    "the other order of bytes": (
        with_member("byteorder", b"big"),
        f"{{path}} is of a kind that is not read (byteorder is not little): {AGAIN} on a processor that is "
        "little-endian.",
    ),
    "another schema": (
        changed(MODEL, lambda content: content.update(schema_version={"major": 9, "minor": 0})),
        f"{{path}} is written in schema 9, and 8 is read: {AGAIN} of PyTorch 2.13.",
    ),
    "no archive": (lambda path: path.write_bytes(b"no archive"), damaged("File is not a zip file")),
    "half an archive": (
        lambda path: (write(path, parts()), path.write_bytes(path.read_bytes()[:3000])),
        damaged("File is not a zip file"),
    ),
}


def unlike_its_checksum(path):
    """One byte of the weights is another."""
    write(path, parts())
    content = bytearray(path.read_bytes())
    content[content.index(b"weight_0") + 20] ^= 1
    path.write_bytes(content)


HOSTILE["weights that are not those of the checksum"] = (
    unlike_its_checksum,
    damaged("Bad CRC-32 for file 'net/data/weights/weight_0'"),
)
