"""The calls of a graph, and those that lead from some of its values to others, whatever framework makes them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(eq=False)
class Call:
    """A layer or an operation at work: a layer that is used twice makes two calls."""

    operation: Any
    takes: list[Any]  # values of the graph, each with the `call` that makes it
    arguments: Callable  # from the values of `takes` to what the operation is called with: (args, kwargs)
    gives: list[Any] = field(default_factory=list)


def between(sources, targets):
    """The calls that lead from some symbols to others, each after those whose results it takes.

    Args:
        sources: symbols that are known.
        targets: symbols to compute.

    Returns:
        The calls, and the inputs of the model that are needed and not known.
    """
    done, calls, missing, waiting = set(sources), [], [], list(targets)
    while waiting:
        one = waiting.pop()
        if isinstance(one, Call):
            calls.append(one)
            done.update(one.gives)
        elif one not in done:
            if one.call is None:
                missing.append(one)
                done.add(one)
            else:
                waiting += [one.call, *one.call.takes]
    return calls, missing
