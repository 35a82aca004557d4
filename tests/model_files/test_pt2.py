"""A .pt2 archive read without PyTorch: what it says, and a sentence for all that is hostile, damaged or not read."""

import io
import json
import zipfile

import numpy as np
import pytest

from black_average_drop.model_files import pt2
from hostile_pt2_programs import INNER, inner
from pt2_archives import (
    BIAS,
    KERNEL,
    LEAF,
    MODEL,
    SHIFT,
    WEIGHTS,
    branch,
    changed,
    parts,
    sizes,
    tensor,
    with_argument,
    with_graph,
    with_member,
    with_outputs,
    with_tensor,
    write,
)

R, C = pt2.Reference, pt2.Constant


@pytest.fixture
def path(tmp_path):
    write(tmp_path / "a.pt2", parts())
    return tmp_path / "a.pt2"


def elements(stored):
    """The numbers of what is stored, as NumPy sees the same bytes."""
    whole = stored.data.view(stored.dtype)[stored.offset :]
    strides = [stride * whole.itemsize for stride in stored.strides]
    return np.lib.stride_tricks.as_strided(whole, stored.shape, strides)


def test_an_archive_is_read(path):
    program = pt2.read(path)
    assert program.torch_version == "2.13.0+cpu" and program.class_names == ()
    assert program.inputs == {"x": (None, 1, 4, 4)} and program.outputs == {"output": "sigmoid"}
    assert {name: elements(one).tolist() for name, one in program.stored.items()} == {
        "p_fc_weight": KERNEL.tolist(),
        "p_fc_bias": BIAS.tolist(),
        "b_shift": SHIFT.tolist(),
    }
    assert [(one.name, one.target.removeprefix("torch.ops.aten."), one.module) for one in program.nodes] == [
        ("flatten", "flatten.using_ints", ""),
        ("linear", "linear.default", "fc"),
        ("add", "add.Tensor", ""),
        ("sigmoid", "sigmoid.default", ""),
    ]
    assert program.nodes[2].arguments == (
        ("self", R("linear"), False),
        ("other", R("b_shift"), False),
        ("alpha", 0.5, True),
    )
    assert [one.results for one in program.nodes] == [("flatten",), ("linear",), ("add",), ("sigmoid",)]


def test_an_archive_in_memory_is_read_and_called_by_a_name(path):
    assert pt2.read(io.BytesIO(path.read_bytes())).nodes == pt2.read(path).nodes
    with pytest.raises(ValueError, match=r"^Net cannot be read as a PyTorch model \("):
        pt2.read(io.BytesIO(b""), "Net")


def test_without_weights_all_else_is_the_same(path):
    whole, program = pt2.read(path), pt2.read_without_weights(path)
    assert (program.nodes, program.inputs, program.outputs) == (whole.nodes, whole.inputs, whole.outputs)
    assert {name: one.shape for name, one in program.stored.items()} == {
        "p_fc_weight": (3, 16),
        "p_fc_bias": (3,),
        "b_shift": (3,),
    }
    assert not any(one.data.size for one in program.stored.values())


ARGUMENTS = [
    ({"as_none": True}, None),
    ({"as_tensor": {"name": "x"}}, R("x")),
    ({"as_tensors": [{"name": "x"}, {"name": "b_shift"}]}, (R("x"), R("b_shift"))),
    ({"as_tensors": []}, ()),
    ({"as_nested_tensors": [[{"name": "x"}], []]}, ((R("x"),), ())),
    ({"as_optional_tensor": {"as_tensor": {"name": "x"}}}, R("x")),
    ({"as_optional_tensors": [{"as_none": True}, {"as_tensor": {"name": "x"}}]}, (None, R("x"))),
    ({"as_int": -3}, -3),
    ({"as_ints": [1, 2]}, (1, 2)),
    ({"as_int_lists": [[1], [2, 3]]}, ((1,), (2, 3))),
    ({"as_float": 0.25}, 0.25),
    ({"as_float": "Infinity"}, float("inf")),
    ({"as_float": "-Infinity"}, float("-inf")),
    ({"as_floats": [0.5, 2.0]}, (0.5, 2.0)),
    ({"as_float_lists": [[0.5]]}, ((0.5,),)),
    ({"as_bool": False}, False),
    ({"as_bools": [True, False]}, (True, False)),
    ({"as_string": "none"}, "none"),
    ({"as_strings": ["a", "b"]}, ("a", "b")),
    ({"as_sym_int": {"as_name": "flatten"}}, R("flatten")),
    ({"as_sym_ints": [{"as_name": "flatten"}, {"as_int": -1}]}, (R("flatten"), -1)),
    ({"as_sym_float": {"as_float": 0.5}}, 0.5),
    ({"as_sym_floats": [{"as_name": "flatten"}]}, (R("flatten"),)),
    ({"as_sym_bool": {"as_bool": True}}, True),
    ({"as_sym_bools": [{"as_name": "flatten"}]}, (R("flatten"),)),
    ({"as_scalar_type": 7}, C("dtype", "float32")),
    ({"as_scalar_type": 13}, C("dtype", "bfloat16")),
    ({"as_layout": 7}, C("layout", "strided")),
    ({"as_memory_format": 2}, C("memory_format", "channels_last")),
    ({"as_device": {"type": "cpu", "index": None}}, C("device", "cpu")),
    ({"as_device": {"type": "cuda", "index": 1}}, C("device", "cuda:1")),
]


@pytest.mark.parametrize(("argument", "expected"), ARGUMENTS)
def test_arguments_of_every_kind_are_read(path, argument, expected):
    with_argument(3, argument)(path)
    got = pt2.read(path).nodes[3].arguments[-1][1]
    assert got == expected and type(got) is type(expected)


WRONG = [
    {"as_int": True},
    {"as_int": 1.0},
    {"as_int": "1"},
    {"as_int": 2**63},
    {"as_float": "0.5"},
    {"as_float": True},
    {"as_float": None},
    {"as_bool": 1},
    {"as_string": 1},
    {"as_ints": "12"},
    {"as_ints": {"0": 1}},
    {"as_scalar_type": 99},
    {"as_scalar_type": True},
    {"as_device": {"type": "__import__('os')", "index": None}},
    {"as_sym_int": {"as_expr": {"expr_str": "s0"}}},
    {"as_tensor": {"name": ["x"]}},
    {"as_tensor": "x"},
    {"as_new_kind": 1},
    {"as_int": 1, "as_float": 1.0},
    {},
    [],
    None,
    "as_int",
]


@pytest.mark.parametrize("argument", WRONG)
def test_arguments_that_are_not_of_their_kind_are_refused(path, argument):
    with_argument(3, argument)(path)
    with pytest.raises(ValueError, match="cannot be read as a PyTorch model"):
        pt2.read(path)


def test_results_are_names_lists_of_names_and_none(path):
    outputs = [tensor("a"), {"as_tensors": [{"name": "b"}, {"name": "c"}]}, {"as_none": True}, {"as_sym_int": {}}]
    outputs[3]["as_sym_int"] = {"as_name": "d"}
    with_graph(lambda graph: graph["nodes"].append(graph["nodes"][0] | {"outputs": outputs, "name": "more"}))(path)
    assert pt2.read(path).nodes[-1].results == ("a", ("b", "c"), None, "d")


def test_calls_need_no_names_as_before_pytorch_2_10(path):
    with_graph(lambda graph: [node.pop("name") for node in graph["nodes"]])(path)
    assert [one.name for one in pt2.read(path).nodes] == ["call_0", "call_1", "call_2", "call_3"]


ANSWERS = [
    (LEAF, ["add"], {"output": "add"}),
    (branch("builtins.tuple", LEAF), ["add"], {"output": "add"}),
    (branch("builtins.list", LEAF, LEAF), ["add", "add"], {"output_0": "add", "output_1": "add"}),
    (branch("builtins.dict", LEAF, context=["logits"]), ["add"], {"logits": "add"}),
    (
        branch("builtins.dict", LEAF, branch("builtins.tuple", LEAF, LEAF), context=["logits", "parts"]),
        ["add", "linear", {"as_none": True}],
        {"logits": "add", "parts.0": "linear"},
    ),
    (
        branch("builtins.tuple", LEAF, branch("builtins.dict", LEAF, context=["deep"])),
        ["add", "linear"],
        {"output_0": "add", "output_1.deep": "linear"},
    ),
    (branch("collections.OrderedDict", LEAF, LEAF, context=["b", "a"]), ["add", "linear"], {"b": "add", "a": "linear"}),
    (branch("a.ImageClassifierOutput", LEAF, context=["logits"]), ["add"], {"logits": "add"}),
    (branch("net.Answer", LEAF, context=[["logits"], ["loss"]]), ["add"], {"logits": "add"}),
    (branch("net.Pair", LEAF, LEAF, context="net.Pair"), ["add", "linear"], {"first": "add", "second": "linear"}),
    (branch("net.Other", LEAF, LEAF, context={"a": 1}), ["add", "linear"], {"output_0": "add", "output_1": "linear"}),
]


@pytest.mark.parametrize(("tree", "names", "expected"), ANSWERS)
def test_outputs_are_called_as_in_the_answer(path, tree, names, expected):
    with_outputs(tree, *names)(path)
    with_fields = json.loads(read_member(path, MODEL))
    with_fields["graph_module"]["treespec_namedtuple_fields"] = {"net.Pair": {"field_names": ["first", "second"]}}
    with_member(MODEL, json.dumps(with_fields))(path)
    assert pt2.read(path).outputs == expected


def read_member(path, name):
    with zipfile.ZipFile(path) as archive:
        return archive.read(f"net/{name}")


def test_names_of_classes_are_those_next_to_the_model(path):
    with_member("extra/class_names.json", json.dumps(["none", "Pneumonie ü"]))(path)
    assert pt2.read(path).class_names == ("none", "Pneumonie ü")


def test_a_setting_of_forward_is_no_input(path):
    """As torch.export writes `forward(x, flag=True)`."""

    def change(content):
        content["graph_module"]["signature"]["input_specs"].append(
            {"constant_input": {"name": "flag", "value": {"as_bool": True}}}
        )
        content["graph_module"]["graph"]["inputs"].append({"as_bool": True})

    changed(MODEL, change)(path)
    assert list(pt2.read(path).inputs) == ["x"]


WRAPPED = {
    "wrap_with_set_grad_enabled": [{"as_bool": False}],
    "wrap_with_autocast": [{"as_string": "cpu"}, {"as_none": True}, {"as_bool": False}, {"as_bool": True}],
}


@pytest.mark.parametrize("target", WRAPPED)
def test_a_graph_within_the_graph_that_changes_no_number_is_taken_in(path, target):
    inner(INNER, target, WRAPPED[target])(path)
    program = pt2.read(path)
    assert program.nodes[3] == pt2.Node(
        "submod_1.y", "torch.ops.aten.sigmoid.default", (("self", R("add"), False),), ("submod_1.y",), ""
    )
    assert program.outputs == {"output": "submod_1.y"}


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"sizes": sizes(16, 3), "strides": sizes(1, 16)}, KERNEL.T),
        ({"sizes": sizes(2, 16), "storage_offset": {"as_int": 16}}, KERNEL[1:]),
        ({"sizes": sizes(3, 5), "strides": sizes(16, 0), "storage_offset": {"as_int": 2}}, KERNEL[:, [2] * 5]),
        ({"sizes": [], "strides": [], "storage_offset": {"as_int": 47}}, KERNEL[2, 15]),
        ({"sizes": sizes(0, 16), "strides": sizes(16, 1)}, KERNEL[:0]),
        ({"sizes": sizes(3, 32), "strides": sizes(32, 1), "dtype": 6}, KERNEL.view("float16")),
    ],
)
def test_numbers_are_where_strides_and_offset_say(path, form, expected):
    with_tensor(**form)(path)
    stored = pt2.read(path).stored["p_fc_weight"]
    np.testing.assert_array_equal(elements(stored), expected)


def test_tied_weights_share_their_bytes(path):
    change = changed(WEIGHTS, lambda content: content["config"]["fc.bias"].update(path_name="weight_0"))
    change(path)
    stored = pt2.read(path).stored
    assert stored["p_fc_bias"].data is stored["p_fc_weight"].data
