"""What is hostile in a .pt2 archive is a sentence, and nothing of it runs: files of each kind, nonsense, an audit."""

import copy
import json
import os
import pickle
import random
import subprocess
import sys

import pytest

from bad_cases import assert_says
from black_average_drop.model_files import pt2
from black_average_drop.model_files.pt2_weights import DTYPES
from hostile_pt2 import HOSTILE
from hostile_pt2_programs import PROGRAMS
from pt2_archives import (
    CONSTANTS,
    LEAF,
    MODEL,
    SAMPLE,
    WEIGHTS,
    branch,
    parts,
    with_call,
    with_member,
    write,
)

REFUSED = HOSTILE | PROGRAMS


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_hostile_is_refused_in_a_sentence(tmp_path, name):
    spoil, said = REFUSED[name]
    path = tmp_path / "a.pt2"
    spoil(path)
    with pytest.raises(ValueError) as caught:
        pt2.read(path)
    assert_says(str(caught.value), said.replace("{path}", str(path)))


class Canary:
    """Something that leaves a file behind when it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


CODE = "__import__('os').mkdir({mark!r})"


def poisoned(mark):
    """An archive that is read, with code wherever it may be, in pickles and in texts."""
    code = CODE.format(mark=str(mark))
    content = json.loads(parts()[MODEL])
    content["guards_code"] = [code]
    content["torch_version"] = code
    content["range_constraints"] = {code: {"min_val": 0, "max_val": None}}
    content["graph_module"]["metadata"] = {"guards": code}
    graph = content["graph_module"]["graph"]
    graph["tensor_values"]["x"]["sizes"][0]["as_expr"]["expr_str"] = code
    graph["sym_int_values"] = {"s": {"as_expr": {"expr_str": code}}}
    for node in graph["nodes"]:
        node["metadata"] = {key: code for key in ("stack_trace", "torch_fn", "from_node", "custom", "source_fn_stack")}
        node["metadata"]["nn_module_stack"] = f"{code};{code}"
    content["graph_module"]["module_call_graph"][0]["signature"]["in_spec"] = code
    tree = branch(code, LEAF, context=code)
    content["graph_module"]["module_call_graph"][0]["signature"]["out_spec"] = json.dumps([1, tree])
    hostile = pickle.dumps(Canary(mark))
    return parts() | {MODEL: json.dumps(content), SAMPLE: hostile, "extra/more.pt": hostile, ".data/version": hostile}


def test_code_in_an_archive_that_is_read_does_nothing(tmp_path):
    mark = tmp_path / "mark"
    write(tmp_path / "a.pt2", poisoned(mark))
    assert pt2.read(tmp_path / "a.pt2").inputs == {"x": (None, 1, 4, 4)}
    assert not mark.exists()
    for run in (lambda: pickle.loads(pickle.dumps(Canary(mark))), lambda: eval(CODE.format(mark=str(mark)))):
        run()  # as it would be if anything ran it
        mark.rmdir()


@pytest.mark.parametrize("name", ["data/weights/weight_0", "data/constants/tensor_0"])
@pytest.mark.parametrize("used", [True, False])
def test_a_pickle_in_place_of_weights_is_bytes_or_refused(tmp_path, name, used):
    mark, config = tmp_path / "mark", WEIGHTS if "weights" in name else CONSTANTS
    content = json.loads(parts()[config])
    next(iter(content["config"].values()))["use_pickle"] = used
    hostile = pickle.dumps(Canary(mark)).ljust(192, b"\0")
    write(tmp_path / "a.pt2", parts() | {name: hostile, config: json.dumps(content)})
    if used:
        with pytest.raises(ValueError, match="holds a pickled tensor"):
            pt2.read(tmp_path / "a.pt2")
    else:
        assert any(one.data.tobytes() == hostile for one in pt2.read(tmp_path / "a.pt2").stored.values())
    assert not mark.exists()


WATCHED = """
import sys
from black_average_drop.model_files import pt2
good, hostile = sys.argv[1:]
pt2.read(good)  # whatever Python imports to read a zip archive, it does here
seen = []
sys.addaudithook(lambda event, _: seen.append(event))
pt2.read(hostile)
print(sorted(set(seen)), [name for name in ("torch", "sympy", "keras", "tensorflow") if name in sys.modules])
"""


def test_reading_does_nothing_but_open_the_file(tmp_path):
    """By what Python itself says of code that is run, compiled, imported or unpickled."""
    write(tmp_path / "good.pt2", parts())
    write(tmp_path / "hostile.pt2", poisoned(tmp_path / "mark"))
    command = [sys.executable, "-c", WATCHED, str(tmp_path / "good.pt2"), str(tmp_path / "hostile.pt2")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "['open'] []\n"


def check_sound(program):
    """Every value is made once and before it is used, and every number is within its bytes."""
    known = {*program.inputs, *program.stored}
    assert len(known) == len(program.inputs) + len(program.stored)

    def references(value):
        if isinstance(value, tuple):
            return [name for one in value for name in references(one)]
        assert value is None or type(value) in (pt2.Reference, pt2.Constant, int, float, bool, str)
        return [value.name] if isinstance(value, pt2.Reference) else []

    for node in program.nodes:
        assert {name for argument in node.arguments for name in references(argument[1])} <= known
        made = [name for one in node.results for name in (one if isinstance(one, tuple) else [one]) if name is not None]
        assert len(set(made)) == len(made) and not known & set(made)
        known |= set(made)
    assert set(program.outputs.values()) <= known
    width = dict(DTYPES.values())
    for one in program.stored.values():
        last = one.offset + sum((side - 1) * stride for side, stride in zip(one.shape, one.strides, strict=True))
        assert 0 in one.shape or (last + 1) * width[one.dtype] <= one.data.size


def outcome(path):
    """A sound program, or one sentence."""
    try:
        check_sound(pt2.read(path))
    except ValueError as problem:
        said = str(problem)
        assert said.startswith(f"{path} ") and said.endswith(".") and said.isprintable() and len(said) < 700, said
        return False
    return True


def places(value):
    """Every list or object in a JSON value, with its keys."""
    for key, part in list(value.items()) if isinstance(value, dict) else list(enumerate(value)):
        yield value, key
        if isinstance(part, dict | list):
            yield from places(part)


NONSENSE = [
    *(None, True, 0, -1, 7, 2**31, 2**63, 10**400, 0.5, "", "x", "add", "\x1b[2J\n", "a" * 5000, [], {}, [[]], [0]),
    *({"as_int": 2}, {"as_tensor": {"name": "x"}}, {"as_name": "add"}, {"as_none": True}, [{"as_int": 2**62}]),
]


@pytest.mark.parametrize("seed", range(20))
def test_nonsense_in_json_is_a_sound_program_or_a_sentence(tmp_path, seed):
    draw, path = random.Random(seed), tmp_path / "a.pt2"
    for _ in range(30):
        name = draw.choice([MODEL, MODEL, MODEL, WEIGHTS, CONSTANTS])
        content = json.loads(parts()[name])
        for _ in range(draw.choice([1, 1, 2, 5])):
            holder, key = draw.choice(list(places(content)))
            if draw.random() < 0.2 and isinstance(holder, list):
                holder[key : key + 1] = draw.choice([[], [holder[key]] * 2, holder[key : key + 2][::-1]])
            elif draw.random() < 0.2 and isinstance(holder, dict):
                holder[draw.choice(["as_int", "name", "x", "as_graph"])] = holder.pop(key)
            else:
                holder[key] = copy.deepcopy(
                    draw.choice([*NONSENSE, draw.choice(list(places(json.loads(parts()[name]))))[0]])
                )
        with_member(name, json.dumps(content))(path)
        outcome(path)


@pytest.mark.parametrize("seed", range(20))
def test_other_bytes_are_a_sound_program_or_a_sentence(tmp_path, seed):
    """In the archive as it is, and in its JSON with the right checksum."""
    draw, path = random.Random(seed), tmp_path / "a.pt2"
    for _ in range(30):
        write(path, parts())
        if draw.random() < 0.5:
            content = bytearray(path.read_bytes())
            flip(content, draw)
            path.write_bytes(content[: draw.choice([None, draw.randrange(len(content))])])
        else:
            name = draw.choice(list(parts()))
            content = bytearray(parts()[name])
            flip(content, draw)
            with_member(name, bytes(content))(path)
        outcome(path)


def flip(content, draw):
    for _ in range(draw.choice([1, 1, 3, 20])):
        content[draw.randrange(len(content))] = draw.randrange(256)


def test_a_call_that_is_not_watched_would_be_seen():
    """The audit of `test_reading_does_nothing_but_open_the_file` sees what it is for."""
    code = "import sys; seen = []; sys.addaudithook(lambda event, _: seen.append(event)); eval('1'); print(seen)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "compile" in done.stdout and "exec" in done.stdout


def test_a_hostile_call_is_refused_wherever_it_stands(tmp_path):
    path = tmp_path / "a.pt2"
    for number in range(4):
        with_call(number, target="posix.system")(path)
        with pytest.raises(ValueError, match="calls posix.system, which is no operator of PyTorch itself"):
            pt2.read(path)
