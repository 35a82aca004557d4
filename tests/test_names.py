"""One name, one thing: a public function or class of the package shares its name with no other one."""

import ast
from collections import defaultdict

from black_average_drop.files import PACKAGE

# What every module of a kind has under the same name.
SHARED = {
    "load",  # every source of images, and `networks`
    "main",  # every module that is a command
    "read",  # every kind of file that is read
}


def public_names(path):
    """The public functions and classes that a module defines."""
    nodes = ast.parse(path.read_text(encoding="utf-8")).body
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return [node.name for node in nodes if isinstance(node, kinds) and not node.name.startswith("_")]


def test_no_two_public_functions_have_the_same_name():
    modules = defaultdict(list)
    for path in sorted(PACKAGE.rglob("*.py")):
        for name in public_names(path):
            modules[name].append(path.relative_to(PACKAGE).as_posix())
    assert len(modules) > 200  # the package was read
    twice = {name: ", ".join(places) for name, places in modules.items() if len(places) > 1 and name not in SHARED}
    assert not twice, f"give each of these a name of its own: {twice}"
