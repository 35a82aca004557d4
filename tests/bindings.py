"""Names that a notebook binds to things of different kinds, as far as its text alone can tell."""

import ast
from itertools import combinations


def rebound(source):
    """The names that the top level of a script binds to different kinds of thing, with the lines of their bindings.

    A name has one kind: what it is assigned comes each time from the same call, or from the same kind of literal. The
    arms of one `if` are one binding. Something made of the name itself, by one of its methods, by a part of it, or by
    an operator, keeps the kind. The variable of a loop, or what `with` opens, is assigned nowhere else.

    Args:
        source: the text of a Python script; functions and comprehensions have names of their own.

    Returns:
        A dict from each such name to the lines, counted from 1, in which it is bound.
    """
    bindings = {}
    for name, kind, line, path in _bindings(ast.parse(source).body, ()):
        bindings.setdefault(name, []).append((kind, line, path))
    return {name: [line for _, line, _ in own] for name, own in bindings.items() if not _is_one_kind(own)}


def _is_one_kind(bindings):
    """Whether bindings of one name, (kind, line, path), are of one kind, or in different arms of one `if`."""
    pairs = combinations([(kind, path) for kind, _, path in bindings if kind != "itself"], 2)
    return all(one == other or _are_arms_of_one_if(path, other_path) for (one, path), (other, other_path) in pairs)


def _are_arms_of_one_if(path, other):
    """Whether two paths, of (line of an `if`, arm), part at one of them."""
    return any(dict(other).get(line, arm) != arm for line, arm in path)


def _bindings(body, path):
    """(name, kind, line, path through the `if` statements around it) of every binding in statements."""
    for statement in body:
        if isinstance(statement, ast.Assign):
            for target in statement.targets:
                yield from _targets(target, statement.value, path)
        elif isinstance(statement, ast.For):
            for name in _names(statement.target):
                yield name.id, "the variable of a loop", name.lineno, path
            yield from _bindings([*statement.body, *statement.orelse], path)
        elif isinstance(statement, ast.If):
            for arm, part in enumerate((statement.body, statement.orelse)):
                yield from _bindings(part, (*path, (statement.lineno, arm)))
        elif isinstance(statement, ast.With):
            for item in statement.items:
                for name in _names(item.optional_vars) if item.optional_vars else ():
                    yield name.id, "what `with` opens", name.lineno, path
            yield from _bindings(statement.body, path)


def _targets(target, value, path):
    """The bindings of an assignment; targets side by side take values side by side, or places in one value."""
    if isinstance(target, ast.Name):
        yield target.id, _kind(target.id, value), target.lineno, path
    elif isinstance(target, ast.Tuple):
        for place, one in enumerate(target.elts):
            if isinstance(value, ast.Tuple):
                yield from _targets(one, value.elts[place], path)
            elif isinstance(one, ast.Name):
                yield one.id, f"{_kind('', value)}, place {place}", one.lineno, path


def _kind(name, value):
    """What an expression gives, in words: the call, the literal, or "itself" where it is made of the name."""
    if _root(value) == name and not isinstance(value, ast.Name):
        return "itself"
    if isinstance(value, ast.Call):
        called = value.func
        return f"call of {called.attr if isinstance(called, ast.Attribute) else ast.unparse(called)}"
    if isinstance(value, ast.IfExp | ast.BoolOp | ast.BinOp | ast.Subscript | ast.Attribute | ast.Name):
        return ast.unparse(value)
    kinds = {ast.ListComp: "List", ast.DictComp: "Dict", ast.SetComp: "Set", ast.JoinedStr: "str"}
    return kinds.get(type(value), type(value.value if isinstance(value, ast.Constant) else value).__name__)


def _root(value):
    """The name that an expression begins with: of its methods, parts and operators; None if it begins otherwise."""
    while True:
        if isinstance(value, ast.Name):
            return value.id
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
            value = value.func.value
        elif isinstance(value, ast.Attribute | ast.Subscript):
            value = value.value
        elif isinstance(value, ast.BinOp):
            value = value.left
        elif isinstance(value, ast.UnaryOp):
            value = value.operand
        else:
            return None


def _names(target):
    return [node for node in ast.walk(target) if isinstance(node, ast.Name)]
