"""What docs/your-model.md tells a user of PyTorch to type."""

import os

import torch

from black_average_drop.files import ROOT
from small_networks import ResNet, drawn

PAGE = (ROOT / "docs/your-model.md").read_text(encoding="utf-8").split("## A model of PyTorch")[1].split("\n## ")[0]


def test_the_lines_work_when_pasted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    export, in_python = (block.split("```")[0] for block in PAGE.split("```python\n")[1:])
    assert (export + in_python).count("\n") <= 10
    given = {"model": drawn(ResNet)}
    exec(export + in_python, given)
    from black_average_drop import networks

    assert os.path.getsize("net.pt2") and torch.is_tensor(given["example"])
    model, _ = networks.open_model("net.pt2")
    network = networks.network_of(model, "imagenet", activation="sigmoid")
    assert network.layer == given["network"].layer and network.graph.batch is None
