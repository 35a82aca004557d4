"""A .pt2 archive, as torch.export.save writes it, read without PyTorch: JSON and bytes, nothing that runs."""

import json
import zipfile

from black_average_drop.model_files.pt2_graph import nodes, value
from black_average_drop.model_files.pt2_outputs import names_of_answer
from black_average_drop.model_files.pt2_program import Constant, Node, Program, Reference, Stored
from black_average_drop.model_files.pt2_weights import payloads

__all__ = ["Constant", "Node", "Program", "Reference", "Stored", "read"]


def read(path):
    """The program in a .pt2 archive.

    Args:
        path: of the file, or an open binary file.

    Returns:
        A `Program`.
    """
    with zipfile.ZipFile(path) as archive:
        root = archive.namelist()[0].partition("/")[0]
        content = json.loads(archive.read(f"{root}/models/model.json"))
        weights, constants = (_of_folder(archive, root, folder) for folder in ("weights", "constants"))
        classes = f"{root}/extra/class_names.json"
        class_names = tuple(json.loads(archive.read(classes))) if classes in archive.namelist() else ()
    module = content["graph_module"]
    graph, signature = module["graph"], module["signature"]
    inputs, stored = {}, {}
    for spec in signature["input_specs"]:
        ((kind, one),) = spec.items()
        if kind == "user_input":
            name = value(one["arg"]).name
            inputs[name] = tuple(size.get("as_int") for size in graph["tensor_values"][name]["sizes"])
        elif kind == "parameter":
            stored[one["arg"]["name"]] = weights[one["parameter_name"]]
        elif kind == "buffer":
            source = weights if one["persistent"] else constants
            stored[one["arg"]["name"]] = source[one["buffer_name"]]
        elif kind == "tensor_constant":
            stored[one["arg"]["name"]] = constants[one["tensor_constant_name"]]
    top = next(one for one in module["module_call_graph"] if one["fqn"] == "")
    names = names_of_answer(top["signature"]["out_spec"], module.get("treespec_namedtuple_fields", {}))
    outputs = {
        name: value(one).name for name, one in zip(names, graph["outputs"], strict=True) if value(one) is not None
    }
    return Program(content["torch_version"], inputs, stored, nodes(graph), outputs, class_names)


def _of_folder(archive, root, folder):
    """Name in the module -> `Stored` of the weights or of the constants."""
    config = archive.read(f"{root}/data/{folder}/model_{folder}_config.json")
    return payloads(archive, root, f"data/{folder}", json.loads(config))
