"""The names of the outputs of a .pt2 archive, from the tree that its answer is."""

import json


def names_of_answer(spec, fields):
    """The names of the leaves of an answer, in their order.

    Args:
        spec: the tree as text, [version, node] in JSON.
        fields: class -> names of the parts of a named tuple.
    """
    tree = json.loads(spec)[1]
    leaves = list(_leaves(tree, (), fields))
    if all(isinstance(part, int) for leaf in leaves for part in leaf[:1]):
        if len(leaves) == 1:
            return ["output"]
        leaves = [(f"output_{leaf[0]}", *leaf[1:]) for leaf in leaves]
    return [".".join(str(part) for part in leaf) for leaf in leaves]


def _leaves(node, path, fields):
    """The path to each leaf: of a name for a part of a dict, of a number for a part of a list."""
    if node["type"] is None:
        yield path
        return
    children = node["children_spec"]
    for key, child in zip(_keys(node, len(children), fields), children, strict=True):
        yield from _leaves(child, (*path, key), fields)


def _keys(node, count, fields):
    context = json.loads(node["context"]) if isinstance(node["context"], str) else None
    if isinstance(context, str):
        context = fields.get(context, {}).get("field_names")
    for names in (context, context[0] if isinstance(context, list) and context else None):
        if isinstance(names, list) and len(names) == count and all(isinstance(name, str) for name in names):
            return names
    return range(count)
