"""Lists and columns of findings as states: by hand, and against pandas."""

import numpy as np
import pandas as pd
import pytest

from black_average_drop.datasets.findings import findings_in, findings_table
from black_average_drop.datasets.tables.csv_files import read_csv_table

NONE = np.nan


@pytest.fixture
def read(tmp_path):
    """A function that reads the findings of a CSV, given as text."""

    def reading(text):
        path = tmp_path / "labels.csv"
        path.write_text(text)
        return findings_in(read_csv_table(path, ()), path)

    return reading


def test_a_label_with_a_bar_makes_all_labels_lists(read):
    findings = read("image,label\n1,Effusion| Edema \n2,No Finding\n3, \n4,Edema||Edema\n5,Mass|\n6,nan\n")
    assert findings.names == ("Edema", "Effusion", "Mass", "No Finding")
    expected = [[1, 1, 0, 0], [0, 0, 0, 1], [NONE] * 4, [1, 0, 0, 0], [0, 0, 1, 0], [NONE] * 4]
    np.testing.assert_array_equal(findings.states, np.float32(expected))
    assert findings.states.dtype == "float32"


def test_columns_of_states_are_findings_and_others_are_not(read):
    findings = read(
        "image,Age,Edema,patient,Mass,Priors,View,No Finding,\n"
        "1,57,1.0,1,NaN,0,PA,nan,1\n"
        "2,1,-1.0,1, 1 ,1,,NA,0\n"
        "3,0,0.0,0,-1,2,1,None,1\n"
        "4,1,None,0,0,1,PA,,0\n"
    )
    assert findings.names == ("Edema", "Mass")
    np.testing.assert_array_equal(findings.states, np.float32([[1, NONE], [-1, 1], [0, -1], [NONE, 0]]))


def test_one_column_is_enough(read):
    assert read("image,Edema\n1,True\n2,False\n3,\n").states.tolist()[:2] == [[1], [0]]
    findings = read("image,Pneumonia\n1,1\n2,0\n")
    assert findings.names == ("Pneumonia",) and findings.states.tolist() == [[1], [0]]
    findings = read("image,label,Pneumonia\n1, ,1\n2,nan,0\n")  # a label that says nothing
    assert findings.names == ("Pneumonia",) and findings.states.tolist() == [[1], [0]]


@pytest.mark.parametrize(
    "text",
    [
        "image\n1\n",
        "image,patient\n1,1\n2,0\n",
        "image,label\n1,1\n2,0\n",
        "image,label,Edema\n1,ill,1\n2,well,0\n",  # a label goes first
        "image,Edema,Mass\n1,,nan\n2,,\n",
        "image,label,Note\n1,ill,a|b\n2,well,\n",
        "image,Age,Sex,Note\n1,57,F,\n2,61,M,1\n3,48,F,see above\n",
    ],
)
def test_other_tables_have_no_findings(read, text):
    assert read(text) is None


def test_the_two_ways_to_write_findings_agree_with_pandas(generator):
    """Lists of a thousand images against `Series.str.get_dummies`, and its columns read again."""
    names = np.array(["Atelectasis", "Edema", "Effusion", "Mass", "Nodule", "No Finding"])
    lists = ["|".join(generator.permutation(names[:5])[: generator.integers(1, 4)]) for _ in range(1000)]
    table = pd.DataFrame({"image": np.arange(1000).astype(str), "label": ["No Finding", *lists[1:]]})
    expected = table["label"].str.get_dummies("|")
    of_lists = findings_in(table, "labels.csv")
    of_columns = findings_in(pd.concat([table[["image"]], expected.astype(str)], axis=1), "labels.csv")
    for findings in (of_lists, of_columns):
        assert findings.names == tuple(expected.columns)
        np.testing.assert_array_equal(findings.states, expected)


def test_written_columns_are_read_again(read, generator):
    text = "image," + ",".join("abcd") + "\n"
    text += "\n".join(",".join([str(row), *generator.choice(["1", "0", "-1", ""], 4)]) for row in range(50))
    findings = read(text)
    again = findings_in(pd.DataFrame({"image": np.arange(50).astype(str)} | findings_table(findings)), "labels.csv")
    assert again.names == findings.names == tuple("abcd")
    np.testing.assert_array_equal(again.states, findings.states)
