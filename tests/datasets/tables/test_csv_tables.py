"""The character between the columns of a CSV is found, whatever else its cells hold."""

import pandas as pd
import pytest

from black_average_drop.datasets.tables.csv_files import read_csv_table

SEPARATORS = ",;\t"


@pytest.fixture
def read(tmp_path):
    """A function that reads a CSV, given as text or bytes, as a list of rows with the header first."""

    def reading(text, separators=SEPARATORS):
        path = tmp_path / "table.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        table = read_csv_table(path, (), separators)
        return [list(table.columns), *table.to_numpy().tolist()]

    return reading


@pytest.mark.parametrize("separator", SEPARATORS)
def test_cells_may_hold_any_separator_if_they_are_quoted(tmp_path, separator):
    """Written by pandas, which quotes them."""
    cells = [["a,b.png", "57,5"], ["c;d.png", "1;2"], ["e\tf.png", 'say "g"']]
    expected = pd.DataFrame(cells, columns=["image", "Size, Depth; Length"])
    expected.to_csv(tmp_path / "a.csv", sep=separator, index=False)
    pd.testing.assert_frame_equal(read_csv_table(tmp_path / "a.csv", (), SEPARATORS), expected, check_dtype=False)


def test_decimal_commas_and_commas_of_a_header_part_nothing(read):
    assert read("image;Age;Size[x,y]\na.png;57,5;1,2\nb.png;61,0;3,4\n")[1] == ["a.png", "57,5", "1,2"]
    assert read("image,Note;s\na.png,1\nb.png,2\n")[0] == ["image", "Note;s"]
    assert read("image,Note;s,t\na.png,1\nb.png,2\n")[0] == ["image", "Note;s", "t"]  # rows too short
    assert read("image,a;b\nx.png;1,2\ny.png;3,4\n")[1] == ["x.png;1", "2"]  # both fit: the first of them


def test_one_column_has_no_separator(read):
    assert read("image\na;b.png\nc\td.png\n") == [["image"], ["a;b.png"], ["c\td.png"]]


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "\ufeffsep=;"])
def test_excel_names_the_separator_in_a_first_line(read, first):
    assert read(f"{first}\r\nimage;label\r\na,b.png;ill\r\n") == [["image", "label"], ["a,b.png", "ill"]]
    assert read("sep=\t\nimage\tlabel\na\till\n") == [["image", "label"], ["a", "ill"]]


def test_only_a_comma_parts_columns_where_nothing_else_is_said(read):
    assert read("a;b\n1;2\n", ",") == [["a;b"], ["1;2"]]


def test_utf_16_is_said(read):
    for encoding in ("utf-16", "utf-16-be"):
        text = ("\ufeff" if encoding.endswith("be") else "") + "image\tlabel\na.png\till\n"
        with pytest.raises(ValueError, match="it is in UTF-16, which Excel calls Unicode text"):
            read(text.encode(encoding))
