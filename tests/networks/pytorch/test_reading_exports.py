"""What torch.export.save writes, read without PyTorch: its numbers, calls and outputs are those that PyTorch has."""

import collections
import json
import operator
import re
import warnings

import pytest
import torch
from torch import nn

from black_average_drop.model_files import formats, pt2
from black_average_drop.model_files.pt2_refusal import EXPORT

IMAGES = (torch.zeros(2, 3, 16, 16),)
ANY_NUMBER = ({0: torch.export.Dim("batch")},)


class Classifier(nn.Module):
    """Layers that store their numbers in every way."""

    def __init__(self):
        super().__init__()
        self.maps = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True))
        self.maps[0].to(memory_format=torch.channels_last)
        self.head = nn.Linear(4, 5)
        self.tied = nn.Linear(4, 5)
        self.tied.weight = self.head.weight
        self.register_buffer("shown", torch.arange(20.0).view(4, 5).t()[1:, ::2], persistent=False)
        self.register_buffer("repeated", torch.ones(1).expand(4))
        self.register_buffer("brief", torch.arange(4).to(torch.bfloat16))
        self.register_buffer("empty", torch.zeros(0, 4))
        self.register_buffer("number", torch.tensor(3))
        self.plain = torch.tensor([1.0, 2.0, 3.0, 4.0])

    def forward(self, images):
        maps = self.maps(images).mean((2, 3))
        maps = maps * self.repeated + self.brief.float() + self.plain
        maps = maps + self.empty.sum() + self.number + self.shown.sum()
        with torch.no_grad():
            shift = maps.amax() + torch.tensor([1.0, 2.0])[1]
        first, rest = torch.split(self.head(maps) + shift, [2, 3], 1)
        clamped = rest.masked_fill(rest < 0, float("-inf")).to(torch.float32)
        return {"logits": torch.cat([first, clamped], 1), "tied": (self.tied(maps), None)}


def exported(module, path, images=IMAGES, shapes=ANY_NUMBER, **files):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(module, images, dynamic_shapes=shapes)
        torch.export.save(program, path, **files)
    return program


def as_tensor(stored):
    """What is stored as PyTorch sees the same bytes."""
    kind = getattr(torch, stored.dtype)
    whole = torch.frombuffer(bytearray(stored.data.tobytes()), dtype=kind) if stored.data.size else torch.zeros(0)
    return torch.as_strided(whole.to(kind), stored.shape, stored.strides, stored.offset)


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("exports") / "net.pt2"
    program = exported(Classifier().eval(), path, extra_files={"class_names.json": json.dumps(list("abcde"))})
    return path, program


def test_numbers_are_those_of_pytorch(archive):
    path, program = archive
    signature = program.graph_signature
    names = signature.inputs_to_parameters | signature.inputs_to_buffers | signature.inputs_to_lifted_tensor_constants
    expected = {name: {**program.state_dict, **program.constants}[target] for name, target in names.items()}
    stored = pt2.read(path).stored
    assert set(stored) == set(expected) and len(stored) >= 16
    for name, tensor in expected.items():
        assert stored[name].dtype == str(tensor.dtype).removeprefix("torch.")
        assert stored[name].strides == tensor.stride()
        assert torch.equal(as_tensor(stored[name]), tensor.detach())
    assert stored["p_tied_weight"].data is stored["p_head_weight"].data


def calls(graph):
    """The calls of a graph of PyTorch, with those of a graph within it."""
    for node in graph.nodes:
        if isinstance(node.target, torch._ops.HigherOrderOperator):
            (inner,) = [one for one in node.args if isinstance(one, torch.fx.Node) and one.op == "get_attr"]
            yield from calls(getattr(graph.owning_module, inner.target).graph)
        elif node.op == "call_function" and node.target is not operator.getitem:
            yield node


def test_calls_are_those_of_pytorch(archive):
    path, program = archive
    read = pt2.read(path)
    expected = list(calls(program.graph))
    assert [one.target for one in read.nodes] == [f"torch.ops.{node.target}" for node in expected]
    for node, one in zip(expected, read.nodes, strict=True):
        stack = list((node.meta.get("nn_module_stack") or {"": ("", "")}).values())
        assert one.module == stack[-1][0]
        assert one.name.rpartition(".")[2] == node.name
        given = dict(zip([each.name for each in node.target._schema.arguments], node.args, strict=False))
        assert [name for name, _, by_name in one.arguments if not by_name] == list(given)
        assert {name for name, _, by_name in one.arguments if by_name} == set(node.kwargs)
        for name, value, by_name in one.arguments:
            check_same(value, (node.kwargs if by_name else given)[name])


def check_same(value, expected):
    """A value of the file is that of PyTorch, whose names within an inner graph have no path."""
    if isinstance(expected, torch.fx.Node):
        assert isinstance(value, pt2.Reference)
    elif isinstance(expected, list | tuple):
        assert len(value) == len(expected)
        for one, other in zip(value, expected, strict=True):
            check_same(one, other)
    elif isinstance(value, pt2.Constant):
        assert value.name == str(expected).removeprefix("torch.")
    else:
        assert value == expected and type(value) is type(expected)


def test_inputs_outputs_and_names_are_those_of_the_model(archive):
    program = pt2.read(archive[0])
    assert program.inputs == {"images": (None, 3, 16, 16)} and program.class_names == tuple("abcde")
    assert list(program.outputs) == ["logits", "tied.0"]
    assert program.torch_version == torch.__version__


class Answer(nn.Module):
    """A module that answers in a form of its own."""

    def __init__(self, form):
        super().__init__()
        self.head, self.form = nn.Linear(3 * 16 * 16, 2), form

    def forward(self, images):
        return self.form(self.head(images.flatten(1)))


@pytest.mark.parametrize(
    ("form", "names"),
    [
        (lambda scores: scores, ["output"]),
        (lambda scores: [scores], ["output"]),
        (lambda scores: (scores, scores + 1), ["output_0", "output_1"]),
        (lambda scores: {"b": scores, "a": scores}, ["b", "a"]),
        (lambda scores: collections.OrderedDict(b=scores, a=scores), ["b", "a"]),
    ],
)
def test_outputs_have_the_names_of_the_answer(tmp_path, form, names):
    exported(Answer(form), tmp_path / "net.pt2")
    assert list(pt2.read(tmp_path / "net.pt2").outputs) == names


class OwnTensor(torch.Tensor):
    """A tensor of another class, which PyTorch pickles."""


def of_own_tensor():
    model = Classifier().eval()
    model.head.weight = nn.Parameter(torch.zeros(5, 4).as_subclass(OwnTensor))
    return model


def of_plain_tensor():
    model = of_own_tensor()
    model.head.weight = nn.Parameter(model.head.weight.detach().as_subclass(torch.Tensor))
    return model


class Lower(nn.Module):
    """A module that computes in lower precision."""

    def forward(self, images):
        with torch.autocast("cpu", torch.bfloat16):
            return images.flatten(1) @ torch.ones(768, 2)


class Choosing(nn.Module):
    """A module that decides by its numbers."""

    def forward(self, images):
        return torch.cond(images.sum() > 0, lambda one: one.mean((2, 3)), lambda one: one.amax((2, 3)), (images,))


class Aged(nn.Module):
    """A module that takes a number next to its images."""

    def forward(self, images, age):
        return images.mean((2, 3)) + age


class Grown(nn.Module):
    """The same for people of one age."""

    def __init__(self):
        super().__init__()
        self.aged = Aged()

    def forward(self, images):
        return self.aged(images, torch.tensor(40.0))


AGED = (*IMAGES, torch.zeros(2, 1))
REFUSED = {
    "weights of another class": (of_own_tensor, IMAGES, "holds a pickled tensor (head.weight)", of_plain_tensor),
    "training": (Classifier, IMAGES, "answers as it does in training (add_)", lambda: Classifier().eval()),
    "dropout": (
        lambda: nn.Sequential(nn.Flatten(), nn.Dropout()),
        IMAGES,
        "answers as it does in training (dropout)",
        lambda: nn.Sequential(nn.Flatten(), nn.Dropout()).eval(),
    ),
    "lower precision": (Lower, IMAGES, "computes in mixed precision", None),
    "a decision": (Choosing, IMAGES, "calls torch.cond, a program within its program", None),
    "two inputs": (Aged, AGED, "takes 2 inputs (images, age), and gets one", Grown),
    "no weights": (
        lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten()).to("meta"),
        (IMAGES[0].to("meta"),),
        "lacks numbers of 0.weight",
        lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten()).cpu(),
    ),
    "a normalisation by the batch": (
        lambda: nn.Sequential(nn.BatchNorm2d(3, track_running_stats=False), nn.Flatten()).eval(),
        IMAGES,
        "normalises an image by all others of its batch (batch_norm)",
        lambda: nn.Sequential(nn.BatchNorm2d(3), nn.Flatten()).eval(),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_pytorch_writes_and_is_not_read_is_refused_and_the_remedy_works(tmp_path, name):
    make, images, said, remedy = REFUSED[name]
    path = tmp_path / "net.pt2"
    exported(make(), path, images, None)
    with pytest.raises(ValueError, match=re.escape(said)):
        pt2.read(path)
    if remedy:
        exported(remedy(), path, IMAGES, None)
        assert pt2.read(path).outputs


def test_the_line_that_is_advised_writes_what_is_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)
    )
    exec(EXPORT, {"torch": torch, "model": module})
    assert pt2.read("net.pt2").inputs == {"input": (None, 3, 224, 224)}


def test_pickled_files_of_pytorch_are_refused(tmp_path):
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten()).eval()
    torch.save(module, tmp_path / "whole.pt")
    torch.save(module.state_dict(), tmp_path / "state")
    torch.save(module.state_dict(), tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    for name in ("whole.pt", "state", "old.pth"):
        with pytest.raises(ValueError, match="is a pickled PyTorch file, which runs code when it is read: export"):
            formats.kind(tmp_path / name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.trace(module, IMAGES), tmp_path / "script.pt")
    with pytest.raises(ValueError, match="is a TorchScript file, which is a program: export"):
        formats.kind(tmp_path / "script.pt")
