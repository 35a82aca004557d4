"""The names of the outputs of a .pt2 archive, from the tree that its answer is."""


def names_of_answer(spec, fields, parsed):
    """The names of the leaves of an answer, in their order.

    Args:
        spec: the tree as text, [version, node] in JSON.
        fields: class -> names of the parts of a named tuple.
        parsed: reads JSON.

    Returns:
        A list: ["output"] for one leaf that has no name; the keys of a dict and the fields of a class; "output_0",
        "output_1" ... for the parts of a list; a dot between a name and what is within it.
    """
    leaves = list(_leaves(parsed(spec)[1], (), fields, parsed))
    if all(isinstance(leaf[0] if leaf else 0, int) for leaf in leaves):
        if len(leaves) == 1:
            return ["output"]
        leaves = [(f"output_{leaf[0]}", *leaf[1:]) for leaf in leaves]
    return [".".join(str(part) for part in leaf) for leaf in leaves]


def _leaves(node, path, fields, parsed):
    """The path to each leaf: the name of a part of a dict, the number of a part of a list."""
    if node["type"] is None:
        yield path
        return
    children = node["children_spec"]
    for key, child in zip(_keys(node, len(children), fields, parsed), children, strict=True):
        yield from _leaves(child, (*path, key), fields, parsed)


def _keys(node, count, fields, parsed):
    """The names of the parts of an answer: those of a dict, of a named tuple or of a class, or else numbers."""
    context = parsed(node["context"]) if isinstance(node["context"], str) else None
    if isinstance(context, str):
        context = fields.get(context, {}).get("field_names")
    inner = context[0] if isinstance(context, list) and context else None  # of a class: names with and without a value
    for names in (context, inner):
        if isinstance(names, list) and len(names) == count and all(isinstance(name, str) for name in names):
            return names
    return range(count)
