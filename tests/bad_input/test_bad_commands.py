"""Commands: python -m black_average_drop.artifact ..., with an exit code of 1 and nothing written."""

import os
import sys

import pytest

from bad_cases import Case, assert_says, table_of
from bad_images import content, files
from black_average_drop.artifact import __main__ as command_line
from black_average_drop.artifact import choose as choose_command
from black_average_drop.artifact import pipeline, profiles


def profile(text, *arguments):
    """`run` with a profile of that text, or with the smoke profile where 01_train has that text."""

    def command(root):
        path = root / "notebooks/profiles/smoke.yaml"
        sections = path.read_text() if text.startswith("  ") else ""
        path.write_text(sections.replace("01_train:\n", f"01_train:\n{text}\n") if sections else text)
        return ["run", "--profile", "smoke", *arguments]

    return command


def choose(*settings, model="a.keras", images="images", code="", trust="", maps=""):
    def command(root):
        content("a.keras", b"a model")(root)
        files("images/a.png")(root)
        arguments = [part for setting in settings for part in ("--set", setting)]
        arguments += ["--code", code and str(root / code), "--trust", trust, "--maps", maps and str(root / maps)]
        return ["choose", "--model", model and str(root / model), "--data", images and str(root / images), *arguments]

    return command


IN_PROFILE = "smoke.yaml: 01_train"
IN_SET = "--set: your_data"
PLACES = "reshape is {}: give the rows and columns of the patches, such as reshape=[14,14], or one number for both."
SIZE = "image_size is {}: give height and width in pixels, such as image_size=[224,320], or one number for both."
HELD = (
    "held is {}: give each further input of the model a number, with a blank behind the colon, such as "
    "held={{age: 60}}."
)
COMMANDS = [
    Case(
        "a typo in a profile key",
        profile("  radiograph_epoch: 3"),
        f"{IN_PROFILE} has no parameter 'radiograph_epoch': choose from ...",
    ),
    Case(
        "1e-4 as text",
        profile("  general_learning_rate: 1e-4"),
        f"{IN_PROFILE}: general_learning_rate is '1e-4', a str: a float is expected (write 1.0e-4, not 1e-4).",
    ),
    Case(
        "yes for a number",
        profile("  training_seeds: yes"),
        f"{IN_PROFILE}: training_seeds is True, a bool: a int is expected (write 1.0e-4, not 1e-4).",
    ),
    Case(
        "nothing for a number",
        profile("  training_seeds:"),
        f"{IN_PROFILE}: training_seeds is None, a NoneType: a int is expected (write 1.0e-4, not 1e-4).",
    ),
    Case("no training", profile("  training_seeds: 0"), f"{IN_PROFILE}: training_seeds is 0: at least 1 is expected."),
    Case(
        "a count below 0",
        profile("  radiograph_head_epochs: -5"),
        f"{IN_PROFILE}: radiograph_head_epochs is -5: at least 0 is expected.",
    ),
    Case(
        "a learning rate that is NaN",
        profile("  general_learning_rate: .nan"),
        f"{IN_PROFILE}: general_learning_rate is nan: at least 0 is expected.",
    ),
    Case(
        "an unknown source",
        profile("  general_source: imagnet"),
        f"{IN_PROFILE}: general_source is 'imagnet': choose one of ...",
    ),
    Case(
        "a profile without sections",
        profile("01_train: {}"),
        "smoke.yaml: section '02_figure1' is missing or unknown: there is one for each notebook.",
    ),
    Case("a profile that is no YAML", profile("01_train: ["), "smoke.yaml is no valid YAML: ..."),
    Case("YAML that would run code", profile("!!python/object/apply:os.getcwd []"), "smoke.yaml is no valid YAML: ..."),
    Case("an unknown profile", profile("", "--profile", "smok"), "There is no profile 'smok': choose PROFILE=..."),
    *(
        Case(
            f"the path of a profile, {path}",
            lambda root, path=path: ["run", "--profile", path],
            f"There is no profile '{path}': choose PROFILE=...",
        )
        for path in ("./smoke", "../profiles/smoke")
    ),
    Case(
        "data that is not there",
        lambda root: ["run", "--profile", "laptop", "--data", str(root)],
        "{root}/ILSVRC2012 is missing: pass DATA=, the folder that ILSVRC2012 is in, or fetch it: ...",
    ),
    Case(
        "no model given", choose(model=""), "MODEL is not given: name your model and images, MODEL=model.keras for one."
    ),
    Case(
        "a model that is not there",
        choose(model="b.keras"),
        "{root}/b.keras is missing: name your model and images, MODEL=model.keras for one.",
    ),
    Case(
        "images that are not there",
        choose(images="no images"),
        "{root}/no images is missing: name your model and images, DATA=folder for one.",
    ),
    Case(
        "images in a folder named in Shift JIS",
        choose(images=os.fsdecode("胸部".encode("cp932"))),
        r"The name of {root}/\x8b\xb9\x95\x94 is not UTF-8: rename the file or its folder.",
    ),
    Case(
        "a model named in Shift JIS",
        choose(model=os.fsdecode("胸部".encode("cp932"))),
        r"The name of {root}/\x8b\xb9\x95\x94 is not UTF-8: rename the file or its folder.",
    ),
    *(
        Case(
            f"code, and trust that is {trust!r}",
            choose(code="a.keras", trust=trust),
            "CODE={root}/a.keras runs as a program with your rights: give TRUST=yes, which says that you trust its "
            "author.",
        )
        for trust in ("", "no", "YES", "yes ", "1")
    ),
    *(
        Case(
            f"trust that is {trust!r} in no code",
            choose(trust=trust),
            f"TRUST={trust} is about code of your own: name that too, CODE=layers.py TRUST=yes.",
        )
        for trust in ("yes", "no")
    ),
    Case(
        "code that is not there",
        choose(code="layers.py", trust="yes"),
        "CODE={root}/layers.py is missing: name the Python file with the layers of your model.",
    ),
    *(
        Case(
            f"code that is {code!r}",
            choose(code=code, trust="yes"),
            f"CODE={{root}}/{code} is no Python file: name one that ends in .py, such as CODE=layers.py.",
        )
        for code in ("images", "a.keras", "images/a.png")
    ),
    *(
        Case(
            f"code as a setting, {setting}",
            choose(setting),
            "SET holds code, which is given by itself: give CODE=layers.py TRUST=yes.",
        )
        for setting in ("code=layers.py", "seed=3 code=''", "code=[layers.py]")
    ),
    Case(
        "maps that are not there",
        choose(maps="no maps"),
        "MAPS={root}/no maps is missing: name the folder that your maps are in.",
    ),
    Case(
        "maps that are a file",
        choose(maps="images/a.png"),
        "MAPS={root}/images/a.png is no folder: name the folder that your maps are in.",
    ),
    Case(
        "maps that are the images",
        choose(maps="images/../images"),
        "MAPS={root}/images/../images is the folder of the images: put your maps into another one, and name that.",
    ),
    *(
        Case(
            f"maps as a setting, {setting}",
            choose(setting),
            "SET holds maps, which is given by itself: give MAPS=folder.",
        )
        for setting in ("maps=folder", "seed=3 maps=''")
    ),
    Case("an unknown setting", choose("alhpa=0.3"), f"{IN_SET} has no parameter 'alhpa': choose from ..."),
    Case("a place as a setting", choose("results=/"), f"{IN_SET} has no parameter 'results': choose from ..."),
    Case(
        "a setting without a value",
        choose("alpha"),
        f"{IN_SET}: alpha is None, a NoneType: a float is expected (write 1.0e-4, not 1e-4).",
    ),
    Case("a setting that is no YAML", choose("methods=["), "methods=[: write name=value, such as most_images=100."),
    Case(
        "names that YAML reads as something else",
        choose("class_names=[no, yes]"),
        f'{IN_SET}: class_names holds False: put each name in quotes, such as "no".',
    ),
    Case(
        "a second setting that is wrong",
        choose("class_names=[No Finding,Pneumonia] alhpa=0.3"),
        f"{IN_SET} has no parameter 'alhpa': choose from ...",
    ),
    Case(
        "alpha 1 as a setting", choose("alpha=1"), f"{IN_SET}: alpha is 1: below 1 is expected, or 0 to have it chosen."
    ),
    Case("alpha below 0 as a setting", choose("alpha=-0.2"), f"{IN_SET}: alpha is -0.2: at least 0 is expected."),
    Case("three numbers as a size", choose("image_size=[224,320,3]"), SIZE.format("[224, 320, 3]")),
    Case("one number in a list as a size", choose("image_size=[224]"), SIZE.format("[224]")),
    Case("three numbers in parentheses", choose("image_size=(224,320,3)"), SIZE.format("'(224,320,3)'")),
    Case("a text as a size", choose("image_size=large"), SIZE.format("'large'")),
    Case("numbers with an x as a size", choose("image_size=224x320"), SIZE.format("'224x320'")),
    Case("a size of 0", choose("image_size=0"), SIZE.format("0")),
    Case("a height of 0", choose("image_size=[0, 5]"), SIZE.format("[0, 5]")),
    Case("a height of 0 in parentheses", choose("image_size=(0, 5)"), SIZE.format("'(0, 5)'")),
    Case("a height of 0 as text", choose("image_size=0 x 5"), SIZE.format("'0 x 5'")),
    Case("a size below 0", choose("image_size=-224"), SIZE.format("-224")),
    Case("a width below 0", choose("image_size=[224,-320]"), SIZE.format("[224, -320]")),
    Case("half a pixel", choose("image_size=[224.5,320]"), SIZE.format("[224.5, 320]")),
    Case("yes as a size", choose("image_size=yes"), SIZE.format("True")),
    Case("no size", choose("image_size="), SIZE.format("None")),
    Case("three numbers as rows and columns", choose("reshape=[4,4,2]"), PLACES.format("[4, 4, 2]")),
    Case("a text as rows and columns", choose("reshape=square"), PLACES.format("'square'")),
    Case("no rows", choose("reshape=[0,14]"), PLACES.format("[0, 14]")),
    Case("a held input without a blank", choose("held={age:60}"), HELD.format("{'age:60': None}")),
    Case("a held input in words", choose("held={age: old}"), HELD.format("{'age': 'old'}")),
    Case("a held input among words", choose("held={age: [60, old]}"), HELD.format("{'age': [60, 'old']}")),
    Case("a held input without a name", choose("held=60"), HELD.format("60")),
    Case("a name that YAML reads as something else", choose("held={no: 60}"), HELD.format("{False: 60}")),
    Case(
        "a layer by its number",
        choose("layer=3"),
        f"{IN_SET}: layer is 3, a int: a str is expected (write 1.0e-4, not 1e-4).",
    ),
    Case(
        "a finding without brackets",
        choose("findings=Pleural Effusion"),
        f"{IN_SET}: findings is 'Pleural Effusion', a str: a list is expected (write findings=[Pleural Effusion]).",
    ),
    Case(
        "a threshold of a name that YAML reads as something else",
        choose("thresholds={no: 0.3}"),
        "thresholds is {False: 0.3}: give outputs of the model a number from 0 to 1, with a blank behind the colon, "
        "such as thresholds={Edema: 0.3}.",
    ),
    Case("batch 0 as a setting", choose("batch_size=0"), f"{IN_SET}: batch_size is 0: at least 1 is expected."),
    Case("no resample", choose("resamples=0"), f"{IN_SET}: resamples is 0: at least 1 is expected."),
    Case("a seed below 0", choose("seed=-1"), f"{IN_SET}: seed is -1: at least 0 is expected."),
    Case(
        "an unknown activation",
        choose("activation=tanh"),
        "activation is 'tanh': choose one of relu, softmax, sigmoid.",
    ),
    Case(
        "an unknown preprocessing as a setting",
        choose("preprocessing=tanh"),
        "preprocessing is 'tanh': choose '', '0..1', '-1..1', '-1024..1024', 'imagenet' or a name in "
        "keras.applications.",
    ),
    Case(
        "an unknown precision",
        choose("precision=float16"),
        "precision is 'float16': choose one of float32, mixed_float16, mixed_bfloat16.",
    ),
    Case(
        "an unknown window",
        choose("window=bone"),
        "window is 'bone': choose one of full, minmax, percentile, or [centre, width] with a width above 0.",
    ),
    Case(
        "an unknown colour map",
        choose("colour_map=hot2"),
        "colour_map is 'hot2': choose \"heat\" or a name in Matplotlib.",
    ),
    Case(
        "a model that is text",
        choose("colour_map=jet precision=mixed_float16 activation=relu preprocessing=ResNet50 window=minmax"),
        "{root}/a.keras cannot be loaded as a Keras model (it is no archive): save it again.",
    ),
    Case("no image to draw", choose("most_images=0"), f"{IN_SET}: most_images is 0: at least 1 is expected."),
]


@table_of(COMMANDS)
def test_commands(case, tmp_path, monkeypatch, capsys, copy_project):
    copy_project(tmp_path, "notebooks/profiles")
    for module in (pipeline, profiles, choose_command):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    for module in (profiles, command_line):
        monkeypatch.setattr(module, "PROFILES", tmp_path / "notebooks/profiles")
    monkeypatch.setattr(sys, "argv", ["pipeline", *case.make(tmp_path)])
    there = sorted(tmp_path.rglob("*"))
    with pytest.raises(SystemExit) as stopped:
        command_line.main()
    assert_says(stopped.value.code, case.outcome, tmp_path)  # text as the exit code: said on stderr, and 1
    assert capsys.readouterr() == ("", "") and sorted(tmp_path.rglob("*")) == there
