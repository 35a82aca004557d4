"""Every sentence of every case says what is wrong, and then what to do."""

import re

import pytest

from test_bad_boxes import ANNOTATIONS
from test_bad_commands import COMMANDS
from test_bad_folders import FOLDERS
from test_bad_images import IMAGES
from test_bad_labels import TABLES
from test_bad_lesions import LESIONS
from test_bad_maps import MAPS
from test_bad_model_files import FILES
from test_bad_models import MODELS
from test_bad_parameters import PARAMETERS

CASES = [*IMAGES, *TABLES, *FOLDERS, *ANNOTATIONS, *MAPS, *LESIONS, *MODELS, *FILES, *PARAMETERS, *COMMANDS]
REMEDY = re.compile(
    r"^(\.\.\.|(check|choose|convert|copy|cut|export|fetch|give|leave|load|make|mend|name|pass|put|remove|rename|replace|run"
    r"|save|see|train|write)\b)|\b(expected|one for each|there is one|it should hold|it is the share)\b"
)


def test_there_are_many_cases_and_each_has_its_name():
    names = [case.given for case in CASES]
    assert len(names) == len(set(names)) and len(names) >= 60


@pytest.mark.parametrize("sentence", sorted({case.outcome for case in CASES if isinstance(case.outcome, str)}))
def test_every_sentence_names_the_culprit_and_then_the_remedy(sentence):
    plain = re.sub(r"\{[^{}]+: [^{}]+\}", "{}", sentence)  # the colon of a mapping is none of the sentence
    culprit, _, remedy = plain.rpartition(": ")
    assert culprit and not culprit.startswith("..."), sentence
    assert REMEDY.search(remedy), sentence
