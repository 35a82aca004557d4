"""The check of what a notebook's names stand for can fail, and lets pass what is one kind of thing."""

import pytest

from bindings import rebound


@pytest.mark.parametrize(
    "source",
    [
        "rows = []\nrows = pd.DataFrame(rows)",
        "model, facts = load(path)\nmodel = build()",
        "part = {}\nfor part in parts:\n    pass",
        "for name in names:\n    part = table[name]\n    part = dict(part)",
        "build = 'here'\nbuild = Path(build)",
        "if real:\n    images = read()\nimages = draw()",
        "with open(path) as file:\n    pass\nfile = path.name",
        "low, high = interval(a)\nhigh, low = interval(b)",
    ],
)
def test_a_name_of_two_kinds_is_named(source):
    assert rebound(source)


@pytest.mark.parametrize(
    "source",
    [
        "table = read()\ntable = table[table['a'] > 0]\ntable = table.assign(b=1)\ntable |= other",
        "low, high = interval(a)\nlow, high = statistics.interval(b)",
        "if real:\n    images = read()\nelse:\n    images = draw()",
        "if one:\n    a = 1\nelif two:\n    a = read()\nelse:\n    a = []",
        "rows = []\nrows = [row for row in rows if row]",
        "for row in rows:\n    pass\nfor row in others:\n    pass",
        "names = [part for part in parts]\npart = 3",
    ],
)
def test_one_kind_passes(source):
    assert rebound(source) == {}


def test_the_lines_are_those_of_the_bindings():
    assert rebound("a = 1\nb = 2\nfor a in b:\n    pass\n") == {"a": [1, 3]}
