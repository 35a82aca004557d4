"""What a .pt2 archive takes and gives: its images, the numbers of the file, its outputs."""

from black_average_drop.model_files.pt2_graph import in_training, renamed
from black_average_drop.model_files.pt2_outputs import names_of_answer
from black_average_drop.model_files.pt2_program import Reference
from black_average_drop.model_files.pt2_refusal import AGAIN, Refusal
from black_average_drop.model_files.pt2_values import checked_text, only_item, value
from black_average_drop.model_files.pt2_weights import DTYPES, checked_size
from black_average_drop.model_files.zip_checks import name_shown

_REAL = ("float16", "bfloat16", "float32", "float64")
_MUTATED = {"buffer_mutation": "buffer_name", "parameter_mutation": "parameter_name"}


def inputs_and_stored(module, weights, constants):
    """What a graph is given.

    Args:
        module: as the file holds it.
        weights, constants: name in the module -> `Stored`.

    Returns:
        Name -> shape of the image, with None for a size that is not fixed, and name -> `Stored` of everything else.

    Raises:
        ValueError: if there are several images, or something is given that is not in the file.
    """
    graph, inputs, stored = module["graph"], [], {}
    for spec, given in zip(module["signature"]["input_specs"], graph["inputs"], strict=True):
        kind, one = only_item(spec)
        if kind == "constant_input":  # a setting of forward() that the graph has taken in
            continue
        as_kind = "as_custom_obj" if kind == "custom_obj" else "as_tensor"
        argument = value(one["arg"] if kind == "user_input" else {as_kind: one["arg"]})
        if not isinstance(argument, Reference) or value(given) != argument:
            raise ValueError("its inputs have other names in its graph")
        if kind == "user_input":
            inputs.append(argument.name)
            continue
        source, key = {
            "parameter": (weights, "parameter_name"),
            "buffer": (weights if one.get("persistent") else constants, "buffer_name"),
            "tensor_constant": (constants, "tensor_constant_name"),
        }[kind]
        if argument.name in stored or argument.name in inputs:
            raise ValueError(f"two values are called {name_shown(argument.name)}")
        if one[key] not in source:
            raise ValueError(f"it lacks the numbers of {name_shown(checked_text(one[key]))}")
        stored[argument.name] = source[one[key]]
    if len(inputs) != 1 or inputs[0] in stored:
        listed = ", ".join(name_shown(name) for name in inputs[:5]) or "none"
        raise Refusal(
            f"takes {len(inputs)} inputs ({listed}), and gets one, the images: wrap the model in a module whose "
            "forward() takes images alone, and export that."
        )
    return {inputs[0]: _image_shape(graph, inputs[0])}, stored


def outputs(module, names, parsed):
    """What a graph gives.

    Args:
        module: as the file holds it.
        names: name in the graph -> name in the program of its values.
        parsed: reads JSON.

    Returns:
        Name of the output -> name of the value.

    Raises:
        ValueError: if the model changes itself while it answers, or gives something that is no tensor.
    """
    graph = module["graph"]
    specs = [only_item(spec) for spec in module["signature"]["output_specs"]]
    for kind, one in specs:
        if kind in _MUTATED:
            raise Refusal(in_training(checked_text(one[_MUTATED[kind]])))
        if kind == "user_input_mutation":
            raise Refusal(f"changes its images: begin forward() with images = images.clone(), and {AGAIN}.")
        if kind != "user_output":
            raise Refusal(f"gives more than its answer ({name_shown(kind)}): {AGAIN} after torch.export.export alone.")
    called = next(one["signature"] for one in module["module_call_graph"] if one["fqn"] == "")
    fields = module.get("treespec_namedtuple_fields", {})
    titles = names_of_answer(called["out_spec"], fields, parsed)
    given = {}
    for title, (_, _), argument in zip(titles, specs, graph["outputs"], strict=True):
        if (found := value(argument)) is None:
            continue
        if "as_tensor" not in argument or found.name not in graph["tensor_values"]:
            raise Refusal(
                f"gives {name_shown(title)}, which is no tensor: let forward() give tensors alone, and {AGAIN}."
            )
        if title in given or not title.isprintable():
            raise ValueError(f"an output is called {name_shown(title)}")
        given[title] = renamed(found, names).name
    if not given:
        raise ValueError("it gives nothing")
    return given


def _image_shape(graph, name):
    """The shape of the images, whose pixels must be real numbers."""
    meta = graph["tensor_values"][name]
    dtype, _ = DTYPES[meta["dtype"]]
    if dtype not in _REAL:
        raise Refusal(f"takes images as {dtype}, and gets them as float32: export the model again with such images.")
    sizes = [only_item(size) for size in meta["sizes"]]
    return tuple({"as_int": checked_size, "as_expr": lambda _: None}[kind](content) for kind, content in sizes)
