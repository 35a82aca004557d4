"""Programs in .pt2 archives that are hostile, damaged or not read: name -> how one is spoilt, and its sentence."""

from hostile_pt2 import AGAIN, damaged
from pt2_archives import (
    LEAF,
    MODEL,
    WEIGHTS,
    branch,
    call,
    changed,
    form,
    sizes,
    tensor,
    with_argument,
    with_call,
    with_graph,
    with_member,
    with_outputs,
)

UNREAD = f"write forward() without it, and {AGAIN}."
TRAINING = "{path} answers as it does in training (%s): " + f"{AGAIN} after model.eval()."


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

PROGRAMS = {
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
    "an object as an argument": (
        with_argument(3, {"as_custom_obj": {"name": "obj", "class_fqn": "__torch__.torch.classes.mine.Mine"}}),
        f"{{path}} needs an object of another class than a tensor, whose code would run: take it out of the model, and "
        f"{AGAIN}.",
    ),
    "an object as an input": (
        with_input_spec(0, [{"custom_obj": {"arg": {"name": "p_fc_weight"}, "custom_obj_name": "o"}}]),
        "{path} needs an object of another class than a tensor, whose code would run: take it out of the model, ...",
    ),
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
    "names of classes that move the cursor": (
        with_member("extra/class_names.json", b'["\\u001b[2J"]'),
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
}
