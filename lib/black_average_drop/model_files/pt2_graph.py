"""The graph in a .pt2 archive: its calls in their order, each of values that are there before it."""

import re

from black_average_drop.model_files.pt2_program import Node, Reference
from black_average_drop.model_files.pt2_refusal import AGAIN, Refusal
from black_average_drop.model_files.pt2_values import checked_text, only_item, value
from black_average_drop.model_files.zip_checks import name_shown

_HIGHER = "torch.ops.higher_order."
# Calls of a graph within the graph that change no number -> how many arguments come before that graph.
_WRAPPING = {f"{_HIGHER}wrap_with_set_grad_enabled": 1, f"{_HIGHER}wrap_with_autocast": 4}
_TARGET = re.compile(r"torch\.ops\.aten\.[a-z_]\w*\.\w+|_operator\.\w+|math\.\w+|torch\.sym_\w+", re.ASCII)
_IN_PLACE = re.compile(r"torch\.ops\.aten\.\w*[a-z0-9]_\.\w+", re.ASCII)


def nodes(graph, given, stored):
    """The calls of a graph.

    Args:
        graph: as the file holds it.
        given: names of the values that are there before the first call.
        stored: those of them that are numbers of the file.

    Returns:
        The tuple of `Node`, and name in the graph -> name in the program of all values.

    Raises:
        ValueError: naming what is called and not read, and what a call changes that it must not.
    """
    names, made = {name: name for name in given}, []
    _add_calls(graph, names, made, "")
    for node in made:
        _check_unchanged(node, stored)
    if len({node.name for node in made}) < len(made):
        raise ValueError("two calls have one name")
    return tuple(made), names


def renamed(content, names):
    """A value with the names of the program in its references.

    Raises:
        ValueError: naming a value that is not there yet.
    """
    if isinstance(content, tuple):
        return tuple(renamed(one, names) for one in content)
    if not isinstance(content, Reference):
        return content
    if content.name not in names:
        raise ValueError(f"{name_shown(content.name)} is used before it is made")
    return Reference(names[content.name])


def _add_calls(graph, names, made, prefix):
    """Add the calls of a graph to those that are made, and their results to the names."""
    for node in graph["nodes"]:
        target = checked_text(node["target"])
        if target in _WRAPPING:
            _add_inner(node, target, names, made, prefix)
            continue
        _check_target(target)
        arguments = tuple(
            (checked_text(one["name"]), renamed(value(one["arg"]), names), one["kind"] == 2) for one in node["inputs"]
        )
        results = tuple(_result(one, names, prefix) for one in node["outputs"])
        name = prefix + checked_text(node.get("name") or f"call_{len(made)}")  # without a name before PyTorch 2.10
        made.append(Node(name, target, arguments, results, _module(node["metadata"])))


def _add_inner(node, target, names, made, prefix):
    """Add the calls of a graph within a graph, whose inputs and outputs are values of the outer one."""
    arguments = [one["arg"] for one in node["inputs"]]
    at = _WRAPPING[target]
    if at == 4 and value(arguments[2]) is not False:  # device, dtype, enabled, whether casts are kept
        raise Refusal(f"computes in mixed precision: take torch.autocast out of the model, and {AGAIN}.")
    kind, content = only_item(arguments[at])
    if kind != "as_graph":
        raise ValueError(f"{target} has no graph")
    graph, inner = content["graph"], {}
    for own, outer in zip(graph["inputs"], arguments[at + 1 :], strict=True):
        inner[_name(own)] = renamed(Reference(_name(outer)), names).name
    _add_calls(graph, inner, made, f"{prefix}{checked_text(content['name'])}.")
    for own, outer in zip(graph["outputs"], node["outputs"], strict=True):
        _define(_name(outer), renamed(Reference(_name(own)), inner).name, names)


def _define(name, of_program, names):
    """Give a value its name in the program."""
    if name in names:
        raise ValueError(f"two values are called {name_shown(name)}")
    names[name] = of_program
    return of_program


def _name(argument):
    """The name of an argument that is one value."""
    found = value(argument)
    if not isinstance(found, Reference):
        raise ValueError("a graph is given something that is no value")
    return found.name


def _result(argument, names, prefix):
    """The name of a value, a tuple of names, or None."""
    found = value(argument)
    if isinstance(found, tuple):
        return tuple(_define(one.name, prefix + one.name, names) for one in found)
    return None if found is None else _define(found.name, prefix + found.name, names)


def _check_target(target):
    """Refuse what is no operator of PyTorch itself."""
    if len(target) < 200 and _TARGET.fullmatch(target):
        return
    if target.startswith(_HIGHER):
        called = f"torch.{target.removeprefix(_HIGHER)}"
        raise Refusal(
            f"calls {name_shown(called)}, a program within its program, which is not read: write forward() without it, "
            f"and {AGAIN}."
        )
    raise Refusal(
        f"calls {name_shown(target)}, which is no operator of PyTorch itself: write forward() without it, and {AGAIN}."
    )


def _check_unchanged(node, stored):
    """Refuse a call as it is in training: one that changes what is stored, draws, or looks at a batch as a whole."""
    arguments = {name: content for name, content, _ in node.arguments}
    first = node.arguments[0][1] if node.arguments else None
    changed = isinstance(first, Reference) and first.name in stored and _IN_PLACE.fullmatch(node.target)
    if changed or arguments.get("train") is True or arguments.get("training") is True:
        if "running_mean" in arguments and arguments["running_mean"] is None:
            raise Refusal(
                f"normalises an image by all others of its batch ({name_shown(node.name)}): train the model with "
                f"track_running_stats=True, and {AGAIN}."
            )
        raise Refusal(in_training(node.name))


def in_training(name):
    """What is said of a model that was exported while it learns, by the name of what it changes or does then."""
    return f"answers as it does in training ({name_shown(name)}): {AGAIN} after model.eval()."


def _module(metadata):
    """The path of the innermost module, from "key,path,class;key,path,class"."""
    parts = checked_text(metadata.get("nn_module_stack", "")).rpartition(";")[2].split(",")
    return parts[1] if len(parts) > 1 and parts[1].isprintable() else ""
