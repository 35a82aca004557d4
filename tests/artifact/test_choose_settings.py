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

    def of(text, **code):
        parameters.clear()
        with pytest.raises(Ran):
            choose.choose(tmp_path / "model.keras", tmp_path / "images", [text], **code)
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


@pytest.mark.parametrize(
    ("text", "expected"), [("[7,14]", [7, 14]), ("(7, 14)", [7, 14]), ("14", [14, 14]), ("[]", [])]
)
def test_each_way_to_write_rows_and_columns_of_tokens(given, text, expected):
    assert given(f"reshape={text} image_size=96")["reshape"] == expected
    assert choose_settings.rows_and_columns((7, 14)) == [7, 14]


def test_layer_output_and_held_reach_the_notebook(given):
    text = "held={age: 60, sex: [1, 0.5]} layer=top activation output=heart failure image_size=(64, 96)"
    parameters = given(text)
    assert parameters["held"] == {"age": 60, "sex": [1, 0.5]}
    assert parameters["layer"] == "top activation" and parameters["output"] == "heart failure"
    assert parameters["image_size"] == [64, 96]
    assert given("held={}")["held"] == {}


def test_code_that_is_trusted_reaches_the_notebook_by_its_path_and_makes_another_study(given, tmp_path, monkeypatch):
    (tmp_path / "layers.py").touch()
    monkeypatch.chdir(tmp_path)
    assert given("seed=3", code="layers.py", trust="yes")["code"] == str(tmp_path / "layers.py")
    assert "code" not in given("seed=3")
    folders = {path.name for path in (tmp_path / "build/choose").iterdir() if path.is_dir()}
    assert len(folders) == 2


def test_maps_reach_the_notebook_by_their_path_and_make_another_study(given, tmp_path, monkeypatch):
    for name in ("maps", "other"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    assert given("seed=3", maps="maps")["maps"] == str(tmp_path / "maps")
    assert given("seed=3", maps="other/../maps")["maps"] == str(tmp_path / "maps")
    assert given("seed=3", maps="other")["maps"] == str(tmp_path / "other")
    assert "maps" not in given("seed=3", maps="")
    folders = {path.name for path in (tmp_path / "build/choose").iterdir() if path.is_dir()}
    assert len(folders) == 3


def test_code_does_not_go_to_a_cluster(given, tmp_path, monkeypatch):
    """Nothing is asked of the cluster, which is not there."""
    (tmp_path / "layers.py").touch()
    monkeypatch.setenv("SCHEDULER", "tcp://127.0.0.1:1")
    with pytest.raises(ValueError, match=r"/layers.py runs on this machine alone: leave SCHEDULER empty\.$"):
        given("", code=str(tmp_path / "layers.py"), trust="yes")
