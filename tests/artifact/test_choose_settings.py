"""Settings of make choose that can be written in several ways: what the notebook gets of each."""

import pytest

from black_average_drop.artifact import choose, choose_check, choose_settings


class Ran(Exception):
    """The notebook would have run."""


@pytest.fixture
def given(monkeypatch, tmp_path):
    """A function from a text as in SET to the parameters that the notebook gets; no notebook runs."""
    (tmp_path / "images").mkdir()
    (tmp_path / "model.keras").touch()
    monkeypatch.setattr(choose, "ROOT", tmp_path)
    parameters = {}

    def execute(notebook, those, build, folder):
        parameters.update(those)
        raise Ran

    monkeypatch.setattr(choose, "execute", execute)
    monkeypatch.setattr(choose_check, "check", lambda model, images, given: None)  # that file holds no model

    def of(text):
        parameters.clear()
        with pytest.raises(Ran):
            choose.choose(tmp_path / "model.keras", tmp_path / "images", [text])
        return parameters

    return of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[224,320]", [224, 320]),
        ("[224, 320]", [224, 320]),
        ("(224,320)", [224, 320]),
        ("( 224, 320 )", [224, 320]),
        ("224", [224, 224]),
        ("[]", []),
    ],
)
def test_each_way_to_write_an_image_size_and_what_stands_next_to_it(given, text, expected):
    parameters = given(f"seed=3 image_size={text} activation=softmax")
    assert parameters["image_size"] == expected
    assert parameters["seed"] == 3 and parameters["activation"] == "softmax"
    assert "image_size" not in given("seed=3")


@pytest.mark.parametrize(("value", "expected"), [((224, 320), [224, 320]), ([224, 320], [224, 320]), (96, [96, 96])])
def test_in_the_notebook_itself_a_size_is_written_as_python_has_it(value, expected):
    assert choose_settings.height_and_width(value) == expected


def test_layer_output_and_held_reach_the_notebook(given):
    text = "held={age: 60, sex: [1, 0.5]} layer=top activation output=heart failure image_size=(64, 96)"
    parameters = given(text)
    assert parameters["held"] == {"age": 60, "sex": [1, 0.5]}
    assert parameters["layer"] == "top activation" and parameters["output"] == "heart failure"
    assert parameters["image_size"] == [64, 96]
    assert given("held={}")["held"] == {}
