"""A small .pt2 archive, made without PyTorch as PyTorch 2.13 writes it, and changes of what it says."""

import json
import zipfile

import numpy as np

ROOT = "net"
MODEL = "models/model.json"
WEIGHTS, CONSTANTS = "data/weights/model_weights_config.json", "data/constants/model_constants_config.json"
SAMPLE = "data/sample_inputs/model.pt"
KERNEL = np.arange(48, dtype="float32").reshape(3, 16)
BIAS = np.array([0.5, -1.0, 2.0], "float32")
SHIFT = np.array([1, 2, 3], "int64")


def tensor(name):
    return {"as_tensor": {"name": name}}


def form(shape, strides=None, dtype=7, offset=0):
    """The metadata of a tensor, whose first size is symbolic if it is None."""
    strides = strides if strides is not None else np.cumprod([1, *reversed(shape[1:])])[::-1].tolist() if shape else []
    symbol = {"as_expr": {"expr_str": "Symbol('s77', positive=True, integer=True)", "hint": {"as_int": 2}}}
    return {
        "dtype": dtype,
        "sizes": [symbol if side is None else {"as_int": side} for side in shape],
        "requires_grad": False,
        "device": {"type": "cpu", "index": None},
        "strides": [{"as_int": stride} for stride in strides],
        "storage_offset": {"as_int": offset},
        "layout": 7,
    }


def call(target, result, *arguments, module="", **named):
    """A call of aten with arguments that are (name, {kind: content})."""
    given = [{"name": name, "arg": one, "kind": 1} for name, one in arguments]
    given += [{"name": name, "arg": one, "kind": 2} for name, one in named.items()]
    metadata = {"stack_trace": "File net.py", "nn_module_stack": f"L__self__,,net.Net;L__self__{module},{module},nn.M"}
    return {
        "target": f"torch.ops.aten.{target}",
        "inputs": given,
        "outputs": [tensor(result)],
        "metadata": metadata if module else {},
        "is_hop_single_tensor_return": None,
        "name": result,
    }


def program():
    """Sigmoids of a linear layer of the pixels and a constant: what models/model.json holds."""
    calls = [
        call("flatten.using_ints", "flatten", ("self", tensor("x")), ("start_dim", {"as_int": 1})),
        call(
            "linear.default",
            "linear",
            *(("input", tensor("flatten")), ("weight", tensor("p_fc_weight")), ("bias", tensor("p_fc_bias"))),
            module="fc",
        ),
        call("add.Tensor", "add", ("self", tensor("linear")), ("other", tensor("b_shift")), alpha={"as_float": 0.5}),
        call("sigmoid.default", "sigmoid", ("self", tensor("add"))),
    ]
    values = {"x": (None, 1, 4, 4), "flatten": (None, 16), "p_fc_weight": (3, 16), "p_fc_bias": (3,), "b_shift": (3,)}
    values |= {name: (None, 3) for name in ("linear", "add", "sigmoid")}
    specs = [
        {"parameter": {"arg": {"name": "p_fc_weight"}, "parameter_name": "fc.weight"}},
        {"parameter": {"arg": {"name": "p_fc_bias"}, "parameter_name": "fc.bias"}},
        {"buffer": {"arg": {"name": "b_shift"}, "buffer_name": "shift", "persistent": False}},
        {"user_input": {"arg": tensor("x")}},
    ]
    called = {"inputs": [], "outputs": [], "in_spec": "", "out_spec": spec(LEAF), "forward_arg_names": ["x"]}
    graph = {
        "inputs": [tensor(name) for name in ("p_fc_weight", "p_fc_bias", "b_shift", "x")],
        "outputs": [tensor("sigmoid")],
        "nodes": calls,
        "tensor_values": {name: form(shape) for name, shape in values.items()},
        "sym_int_values": {},
    }
    return {
        "graph_module": {
            "graph": graph,
            "signature": {"input_specs": specs, "output_specs": [{"user_output": {"arg": tensor("sigmoid")}}]},
            "module_call_graph": [{"fqn": "", "signature": called}, {"fqn": "fc", "signature": None}],
            "treespec_namedtuple_fields": {},
        },
        "range_constraints": {"s77": {"min_val": 0, "max_val": None}},
        "schema_version": {"major": 8, "minor": 20},
        "torch_version": "2.13.0+cpu",
        "guards_code": [],
    }


LEAF = {"type": None, "context": None, "children_spec": []}


def spec(tree):
    """A tree of outputs as the file holds it."""
    return json.dumps([1, tree])


def branch(kind, *children, context=None):
    return {"type": kind, "context": json.dumps(context), "children_spec": list(children)}


def payload(member, shape, **options):
    return {"path_name": member, "is_param": True, "use_pickle": False, "tensor_meta": form(shape, **options)}


def parts():
    """Name within the folder of the archive -> bytes."""
    weights = {"fc.weight": payload("weight_0", (3, 16)), "fc.bias": payload("weight_1", (3,))}
    return {
        "data/weights/weight_0": KERNEL.tobytes(),
        "data/weights/weight_1": BIAS.tobytes(),
        WEIGHTS: json.dumps({"config": weights}).encode(),
        "data/constants/tensor_0": SHIFT.tobytes(),
        CONSTANTS: json.dumps({"config": {"shift": payload("tensor_0", (3,), dtype=5)}}).encode(),
        MODEL: json.dumps(program()).encode(),
        SAMPLE: b"never read",
        "archive_format": b"pt2",
        "archive_version": b"0",
        ".data/version": b"6\n",
        "byteorder": b"little",
        ".data/serialization_id": b"1330637868253081092201077406038197755344",
    }


def write(path, members, compression=zipfile.ZIP_STORED, root=f"{ROOT}/"):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(root + name, content)


def with_member(name, content, compression=zipfile.ZIP_STORED):
    """An archive with one more file, or another one in its place."""
    return lambda path: write(path, parts() | {name: content}, compression)


def without(name):
    return lambda path: write(path, {key: value for key, value in parts().items() if key != name})


def changed(name, change):
    """An archive, the JSON of one of whose files is changed in place."""

    def spoil(path):
        content = json.loads(parts()[name])
        change(content)
        with_member(name, json.dumps(content))(path)

    return spoil


def with_graph(change):
    return changed(MODEL, lambda content: change(content["graph_module"]["graph"]))


def with_call(number, **replaced):
    return with_graph(lambda graph: graph["nodes"][number].update(replaced))


def with_argument(number, argument):
    """A call whose last argument is another."""
    return with_graph(lambda graph: graph["nodes"][number]["inputs"][-1].update(arg=argument))


def with_outputs(tree, *names):
    """An archive that gives these values as a tree."""

    def change(content):
        module = content["graph_module"]
        module["graph"]["outputs"] = [tensor(one) if isinstance(one, str) else one for one in names]
        module["signature"]["output_specs"] = [{"user_output": {"arg": one}} for one in module["graph"]["outputs"]]
        module["module_call_graph"][0]["signature"]["out_spec"] = spec(tree)

    return changed(MODEL, change)


def with_tensor(**replaced):
    """Weights, the first of which have other metadata."""
    return changed(WEIGHTS, lambda content: content["config"]["fc.weight"]["tensor_meta"].update(replaced))


def sizes(*numbers):
    return [{"as_int": number} for number in numbers]
