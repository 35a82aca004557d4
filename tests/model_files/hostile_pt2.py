"""What is hostile in a .pt2 archive, damaged or not read: name -> how an archive is spoilt, and its sentence."""

import json
import zipfile

import pytest

from hostile_archives import flagged, sharing
from pt2_archives import (
    CONSTANTS,
    LEAF,
    MODEL,
    ROOT,
    WEIGHTS,
    branch,
    call,
    changed,
    form,
    parts,
    sizes,
    tensor,
    with_argument,
    with_call,
    with_graph,
    with_member,
    with_outputs,
    with_tensor,
    without,
    write,
)

AGAIN = "export the model again with torch.export.save"
UNREAD = f"write forward() without it, and {AGAIN}."
PICKLED = "which runs code when it is read: make it a plain tensor, and "
OBJECT = (
    "{path} holds an object of another class than a tensor (net/data/constants/%s), whose code would run: take the "
    f"object out of the model, and {AGAIN}."
)
COMPILED = "{path} holds a compiled program (%s), which is not run: " + f"{AGAIN}, uncompiled."
TRAINING = "{path} answers as it does in training (%s): " + f"{AGAIN} after model.eval()."
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


def with_output_spec(spec):
    return changed(MODEL, lambda content: content["graph_module"]["signature"].update(output_specs=[spec]))


def with_input_spec(number, spec):
    """An archive that takes something else, or one thing more."""

    def change(content):
        module = content["graph_module"]
        module["signature"]["input_specs"][number : number + 1] = spec
        module["graph"]["inputs"][number : number + 1] = [
            one["user_input"]["arg"] for one in spec if "user_input" in one
        ]

    return changed(MODEL, change)


def another_image(graph_and_signature):
    module = graph_and_signature["graph_module"]
    module["graph"]["inputs"].append(tensor("age"))
    module["graph"]["tensor_values"]["age"] = form((None, 1))
    module["signature"]["input_specs"].append({"user_input": {"arg": tensor("age")}})


def added(*arguments, target="add_.Tensor", **named):
    """An archive with one call more, which nobody uses."""
    return with_graph(lambda graph: graph["nodes"].append(call(target, "more", *arguments, **named)))


def called(target):
    return with_call(0, target=target)


def inner(graph, target="cond", before=()):
    """A call of a graph within the graph, in place of the last call."""
    arguments = [*before, {"as_graph": {"name": "submod_1", "graph": graph}}, tensor("add")]
    named = [{"name": "", "arg": one, "kind": 1} for one in arguments]
    return with_call(3, target=f"torch.ops.higher_order.{target}", inputs=named)


INNER = {
    "inputs": [tensor("x")],
    "outputs": [tensor("y")],
    "nodes": [call("sigmoid.default", "y", ("self", tensor("x")))],
    "tensor_values": {},
}
NORM = {name: {"as_none": True} for name in ("weight", "bias", "running_mean", "running_var")}
AUTOCAST = ({"as_string": "cpu"}, {"as_scalar_type": 13}, {"as_bool": True}, {"as_bool": True})
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
    "an object as an argument": (
        with_argument(3, {"as_custom_obj": {"name": "obj", "class_fqn": "__torch__.torch.classes.mine.Mine"}}),
        f"{{path}} needs an object of another class than a tensor, whose code would run: take it out of the model, and "
        f"{AGAIN}.",
    ),
    "an object as an input": (
        with_input_spec(0, [{"custom_obj": {"arg": {"name": "p_fc_weight"}, "custom_obj_name": "o"}}]),
        damaged("..."),
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
    # What is called.
    "a condition": (
        inner(INNER),
        f"{{path}} calls torch.cond, a program within its program, which is not read: {UNREAD}",
    ),
    "mixed precision": (
        inner(INNER, "wrap_with_autocast", AUTOCAST),
        f"{{path}} computes in mixed precision: take torch.autocast out of the model, and {AGAIN}.",
    ),
    "a graph as an argument of an operator": (
        with_argument(3, {"as_graph": {"name": "g", "graph": INNER}}),
        f"{{path}} holds a program within its program, which is not read: {UNREAD}",
    ),
    "an operator as an argument": (
        with_argument(3, {"as_operator": "os.system"}),
        f"{{path}} gives an operator to an operator, which is not read: {UNREAD}",
    ),
    "a dict as an argument": (
        with_argument(3, {"as_string_to_argument": {"a": {"as_int": 1}}}),
        f"{{path}} gives a dict to an operator, which is not read: {UNREAD}",
    ),
    "complex numbers": (
        with_argument(3, {"as_complex": {"real": 1.0, "imag": 2.0}}),
        f"{{path}} computes with complex numbers, which are not read: write forward() without them, and {AGAIN}.",
    ),
    **{
        f"a call of {target[:30]!r}": (
            called(target),
            f"{{path}} calls {shown}, which is no operator of PyTorch itself: {UNREAD}",
        )
        for target, shown in (
            ("os.system", "os.system"),
            ("builtins.eval", "builtins.eval"),
            ("torch.load", "torch.load"),
            ("torch.hub.load", "torch.hub.load"),
            ("torch.ops.load_library", "torch.ops.load_library"),
            ("torch.ops.aten.relu", "torch.ops.aten.relu"),
            ("torch.ops.aten.relu.default.__class__", "torch.ops.aten.relu.default.__class__"),
            ("torch.ops.mine.op.default", "torch.ops.mine.op.default"),
            ("_operator.attrgetter.x", "_operator.attrgetter.x"),
            ("#mine:op", "#mine:op"),
            ("torch.ops.aten.relu.default\nx", r"'torch.ops.aten.relu.default\nx'"),
            ("torch.ops.aten." + "a" * 300 + ".default", "torch.ops.aten." + "a" * 82 + "..."),
        )
    },
    # As in training.
    "a buffer that changes": (
        with_output_spec({"buffer_mutation": {"arg": {"name": "add"}, "buffer_name": "shift"}}),
        TRAINING % "shift",
    ),
    "a parameter that changes": (
        with_output_spec({"parameter_mutation": {"arg": {"name": "add"}, "parameter_name": "fc.weight"}}),
        TRAINING % "fc.weight",
    ),
    "a buffer that is written to": (added(("self", tensor("b_shift")), ("other", {"as_int": 1})), TRAINING % "more"),
    "a dropout that drops": (
        added(("input", tensor("x")), ("p", {"as_float": 0.5}), ("train", {"as_bool": True}), target="dropout.default"),
        TRAINING % "more",
    ),
    "a normalisation that counts": (
        added(
            *(("input", tensor("x")), *(NORM | {"running_mean": tensor("b_shift")}).items()),
            target="batch_norm.default",
            training={"as_bool": True},
        ),
        TRAINING % "more",
    ),
    "a normalisation by the batch": (
        added(("input", tensor("x")), *NORM.items(), target="batch_norm.default", training={"as_bool": True}),
        "{path} normalises an image by all others of its batch (more): train the model with track_running_stats=True, "
        f"and {AGAIN}.",
    ),
    "images that change": (
        with_output_spec({"user_input_mutation": {"arg": {"name": "add"}, "user_input_name": "x"}}),
        f"{{path}} changes its images: begin forward() with images = images.clone(), and {AGAIN}.",
    ),
    "a loss": (
        with_output_spec({"loss_output": {"arg": {"name": "add"}}}),
        f"{{path}} gives more than its answer (loss_output): {AGAIN} after torch.export.export alone.",
    ),
    "a token": (
        with_output_spec({"token": {"arg": {"name": "add"}}}),
        f"{{path}} gives more than its answer (token): {AGAIN} after torch.export.export alone.",
    ),
    # Inputs and outputs.
    "two inputs": (
        changed(MODEL, another_image),
        "{path} takes 2 inputs (x, age), and gets one, the images: wrap the model in a module whose forward() takes "
        "images alone, and export that.",
    ),
    "no input": (
        with_input_spec(3, []),
        "{path} takes 0 inputs (none), and gets one, the images: ...",
    ),
    "an input that is stored": (
        with_input_spec(3, [{"user_input": {"arg": tensor("p_fc_weight")}}]),
        "{path} takes 1 inputs (p_fc_weight), ...",
    ),
    "an input of another name": (
        changed(MODEL, lambda content: content["graph_module"]["graph"]["inputs"].reverse()),
        damaged("its inputs have other names in its graph"),
    ),
    "images of bytes": (
        with_graph(lambda graph: graph["tensor_values"]["x"].update(dtype=1)),
        "{path} takes images as uint8, and gets them as float32: export the model again with such images.",
    ),
    "images of a negative size": (
        with_graph(lambda graph: graph["tensor_values"]["x"].update(sizes=sizes(1, 1, -4, 4))),
        damaged("a size is -4"),
    ),
    "a number as output": (
        with_outputs(branch("builtins.tuple", LEAF, LEAF), "sigmoid", {"as_int": 3}),
        f"{{path}} gives output_1, which is no tensor: let forward() give tensors alone, and {AGAIN}.",
    ),
    "a size as output": (
        with_outputs(branch("builtins.dict", LEAF, context=["size"]), {"as_sym_int": {"as_name": "add"}}),
        f"{{path}} gives size, which is no tensor: let forward() give tensors alone, and {AGAIN}.",
    ),
    "nothing as output": (with_outputs(LEAF, {"as_none": True}), damaged("it gives nothing")),
    "outputs of one name": (
        with_outputs(branch("builtins.dict", LEAF, LEAF, context=["a", "a"]), "add", "sigmoid"),
        damaged("an output is called a"),
    ),
    "more outputs than names": (with_outputs(LEAF, "add", "sigmoid"), damaged("zip() argument 2 is longer ...")),
    "an output that nobody makes": (
        with_outputs(LEAF, "p_fc_weight_2"),
        "{path} gives output, which is no tensor: ...",
    ),
    "names of classes that are no list": (
        with_member("extra/class_names.json", b'{"a": 1}'),
        "{path} has names of classes that are no list of texts (extra/class_names.json): write that file again.",
    ),
    "names of classes that are numbers": (
        with_member("extra/class_names.json", b"[1, 2]"),
        "{path} has names of classes that are no list of texts (extra/class_names.json): write that file again.",
    ),
    # Names.
    "a result of a name that is there": (
        with_call(1, outputs=[tensor("flatten")]),
        damaged("two values are called flatten"),
    ),
    "two calls of one name": (with_call(1, name="flatten"), damaged("two calls have one name")),
    "a value that is not there": (
        with_argument(3, tensor("nothing")),
        damaged("nothing is used before it is made"),
    ),
    "a value that is made later": (
        with_argument(0, tensor("sigmoid")),
        damaged("sigmoid is used before it is made"),
    ),
    "a value made of itself": (
        with_argument(1, tensor("linear")),
        damaged("linear is used before it is made"),
    ),
    "a value of the outer graph within": (
        inner(INNER | {"nodes": [call("sigmoid.default", "y", ("self", tensor("add")))]}, "wrap_with_set_grad_enabled"),
        damaged("..."),
    ),
    "weights of another name": (
        changed(WEIGHTS, lambda content: content["config"].update({"fc.kernel": content["config"].pop("fc.weight")})),
        damaged("it lacks the numbers of fc.weight"),
    ),
    "a stored value that is there twice": (
        changed(
            MODEL,
            lambda content: (
                content["graph_module"]["signature"]["input_specs"].append(
                    {"parameter": {"arg": {"name": "p_fc_bias"}, "parameter_name": "fc.bias"}}
                ),
                content["graph_module"]["graph"]["inputs"].append(tensor("p_fc_bias")),
            ),
        ),
        damaged("two values are called p_fc_bias"),
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
    "a symbolic size": (with_tensor(sizes=[{"as_expr": {"expr_str": "s0"}}, {"as_int": 16}]), damaged("KeyError: ...")),
    "numbers that are repeated without end": (
        with_tensor(sizes=sizes(2**40, 16), strides=sizes(0, 1)),
        EXPANDED % "fc.weight",
    ),
    "sparse weights": (with_tensor(layout=1), damaged("fc.weight is no dense tensor")),
    "fewer strides than sizes": (with_tensor(strides=sizes(1)), damaged("fc.weight is no dense tensor")),
    "numbers of no known kind": (with_tensor(dtype=99), damaged("KeyError: 99")),
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
        "{path} holds 21 MB of text (net/models/model.json): ...",
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
    "a program that is no JSON": (with_member(MODEL, b"\xff{"), damaged("UnicodeDecodeError: ...")),
    "a program that is a number": (with_member(MODEL, b"7"), damaged("TypeError: ...")),
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
    "no archive": (lambda path: path.write_bytes(b"no archive"), damaged("BadZipFile: File is not a zip file")),
    "half an archive": (
        lambda path: (write(path, parts()), path.write_bytes(path.read_bytes()[:3000])),
        damaged("BadZipFile: File is not a zip file"),
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
    damaged("BadZipFile: Bad CRC-32 for file 'net/data/weights/weight_0'"),
)
