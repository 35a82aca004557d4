"""Tables of labels with exactly the headers of their makers, against pandas and by hand."""

import pandas as pd
import pytest

from black_average_drop.datasets.tables.labels import read_label_table
from label_rows import rows_of, states_of


@pytest.fixture
def read(tmp_path):
    """A function that reads a table, given as text, for images that are there."""

    def reading(text, names=("a.png", "b.png", "c.png")):
        path = tmp_path / "labels.csv"
        path.write_text(text, encoding="utf-8")
        return read_label_table(path, names)

    return reading


def test_a_table_of_the_project_is_read_as_it_is(read):
    found = read("image,label,patient\nc.png,ill, p1\na.png,well ,p1\n./b.png,ill,p2\n")
    assert rows_of(found) == [["c.png", "ill", "p1"], ["a.png", "well", "p1"], ["b.png", "ill", "p2"]]
    assert found.findings is None and found.label_column == "label"
    assert found.notes == ("Patients are those of the column patient.",)
    assert rows_of(read("image\na.png\n")) == [["a.png", "", ""]] and read("image\na.png\n").label_column == ""
    lists = read("image,label\na.png,Edema|Mass\nb.png,\nc.png,Mass\n")
    assert states_of(lists) == {"Edema": [1, 9, 0], "Mass": [1, 9, 1]} and set(lists.table["label"]) == {""}
    assert lists.label_column == "label"


@pytest.mark.parametrize(
    "column", ["image", "IMAGE", "Image Index", "file_name", "File", "image_id", "ImageId", "Path"]
)
def test_images_are_named_in_a_column_of_any_usual_name(read, column):
    assert rows_of(read(f"{column},Label\na.png,ill\n")) == [["a.png", "ill", ""]]


def test_a_table_that_says_nothing_of_findings_is_told(read):
    """Shares and other words are no states, and nobody is left to wonder why no label counts."""
    said = "The table has no column of labels, and none of 1, 0, -1 and blanks alone: it says nothing of findings."
    assert said in read("image,Edema,patient\na.png,0.5,7\n").notes
    assert said not in read("image,Edema,Share\na.png,1,0.5\n").notes
    assert said not in read("image,patient,Sex\na.png,7,F\n").notes + read("image,label,Share\na.png,ill,0.5\n").notes
    assert "The finding is the column Edema." in read("image,Edema\na.png,1\n").notes


def test_a_path_goes_before_an_index_and_an_image_before_both(read):
    found = read("Image Index,path,Edema\n7,a.png,1\n8,b.png,0\n")
    assert rows_of(found) == [["a.png", "", ""], ["b.png", "", ""]] and states_of(found) == {"Edema": [1, 0]}
    assert "Images are named by the column path, not by Image Index." in found.notes
    found = read("image_id,filename,Image,label\n1,2,a.png,ill\n")
    assert rows_of(found) == [["a.png", "ill", ""]]
    assert found.notes[0] == "Images are named by the column Image, not by filename, image_id."


def test_the_same_labels_give_the_same_table_however_they_are_written(read, generator):
    """Separator, suffix, system and folders in front; the oracle is the table before it was written."""
    names = [f"study {number % 7}/series/{number:03}.png" for number in range(60)]
    expected = pd.DataFrame({"image": names, "label": generator.choice(["ill", "well", "a, b; c"], 60)})
    expected["patient"] = [f"p{number % 7}" for number in range(60)]
    spellings = {
        "as it is": names,
        "no suffix": [name.removesuffix(".png") for name in names],
        "another suffix": [name.replace(".png", ".DCM") for name in names],
        "bare": [name.rpartition("/")[2] for name in names],
        "end of the path": [name.partition("/")[2] for name in names],
        "of Windows": [".\\" + name.replace("/", "\\") for name in names],
        "of another computer": [f"C:\\Users\\me\\X-rays\\{name}".replace("/", "\\") for name in names],
        "more folders": [f"/data/train/{name}" for name in names],
    }
    for separator in ",;\t":
        for column, (given, written) in zip(["image", "Image Index", "File Name"] * 3, spellings.items(), strict=False):
            text = expected.assign(image=written).rename(columns={"image": column}).to_csv(sep=separator, index=False)
            for order in (names, names[::-1]):
                pd.testing.assert_frame_equal(read(text, order).table, expected, check_dtype=False, obj=given)


def test_the_longest_path_counts_and_an_equal_one_first(read):
    names = ["a.png", "p/a.png", "q/p/a.png"]
    for written, image in (("a.png", 0), ("a", 0), ("p/a.png", 1), ("r/p/a.png", 1), ("r/a.png", 0), ("q/p/a", 2)):
        assert rows_of(read(f"path\n{written}\n", names))[0][0] == names[image], written
    assert rows_of(read("path\na.png\n", ["a.jpg", "p/a.png"]))[0][0] == "p/a.png"
    assert rows_of(read("path\n1.2.840.10\n", ["x/1.2.840.11", "x/1.2.840.10"]))[0][0] == "x/1.2.840.10"


def test_folders_that_all_rows_share_are_left_out_if_no_row_fits(read):
    found = read("image,label\nC:\\old\\a.png,ill\nC:\\old\\b.png,well\n", ["new/a.png", "new/b.png"])
    assert rows_of(found) == [["new/a.png", "ill", ""], ["new/b.png", "well", ""]]
    assert found.notes[0] == "No path of the table fits as it is. Without the first folders of each, 2, paths fit."
    found = read(
        "Path\nsmall/train/p1/s1/v.jpg\nsmall/train/p2/s1/v.jpg\n", [f"full/train/p{i}/s1/v.jpg" for i in (2, 1)]
    )
    assert [name for name, *_ in rows_of(found)] == ["full/train/p1/s1/v.jpg", "full/train/p2/s1/v.jpg"]
    assert "Without the first folders of each, 1, paths fit." in found.notes[0]


# path in the table are not those of the images: left out." in found.notes


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("path\ntrain/a.png\ntrain/b.png\n", ["test/a.png", "test/b.png"]),  # another image of the same name
        ("path\nill/a.png\nwell/b.png\n", ["well/a.png", "ill/b.png"]),
        ("path\nill/a.png\nill/b.png\n", ["well/a.png", "well/b.png"]),
        ("path\nz.png\n", ["a.png"]),
    ],
)
def test_an_image_of_another_folder_is_another_one(read, text, names):
    with pytest.raises(ValueError, match=r"names '.*' in its column path, and none of its rows names an image"):
        read(text, names)


def test_rows_and_images_without_the_other_are_counted(read):
    text = "Image Index,label,Patient ID\na.png,ill,77\nz.png,well,78\ny.png,ill,79\n"
    found = read(text)
    assert rows_of(found) == [["a.png", "ill", "77"]]
    assert found.notes == (
        "The table has 3 rows. No image is there for 2 of them.",
        "The folder has 3 images. The table has no row for 2, left out.",
        "Patients are those of the column Patient ID.",
    )
    with pytest.raises(ValueError, match=r"names z.png, which is no image that is there: mend its column image"):
        read(text.replace("Image Index", "image"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,label\n", "has no column image, or no rows"),
        ("scan,label\na.png,ill\n", "has no column image, or no rows"),
        ("image,lable\na.png,ill\n", "has no column label, but lable"),
        ("image,patients\na.png,ill\n", "has no column patient, but patients"),
        ("images,label\na.png,ill\n", "has no column image, but images"),
        ("image,Label,label\na.png,ill,well\n", "has more than one column Label"),
        ("File,file\na.png,b.png\n", "has more than one column File"),
        ("image,label\na.png,ill\n./a.png,ill\n", r"has more than one row for a\.png"),
        ("Image Index,label\na,ill\na.png,ill\n", r"has more than one row for a\.png"),
        ("image,label\n,ill\n", "names nothing, which is no image"),
        ("image,label\n../z.png,ill\n", r"names \.\./z\.png, which is no image"),
        ("image,label\n/etc/hostname,ill\n", "names /etc/hostname, which is no image"),
        ("image\na\0.png\n", "which is no image that is there"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(read, text, message):
    with pytest.raises(ValueError, match=message):
        read(text)


def test_a_name_that_fits_two_images_is_refused_with_both(read):
    with pytest.raises(ValueError, match=r"names a, which fits p/a\.png and q/a\.png: write the whole path"):
        read("Image Index\na\n", ["p/a.png", "q/a.png"])
    assert rows_of(read("Image Index\np/a\n", ["p/a.png", "q/a.png"]))[0][0] == "p/a.png"
    with pytest.raises(ValueError, match=r"fits a\.jpg and a\.png"):
        read("Image Index\na\n", ["a.jpg", "a.png"])


def test_columns_of_a_person_are_never_findings(read):
    found = read("image,Sex,Follow-up #,Edema,Frontal/Lateral,Unnamed: 0,Mass\na,0,0,1,1,0,0\nb,1,1,0,0,1,-1\n")
    assert states_of(found) == {"Edema": [1, 0], "Mass": [0, -1]}
    assert "Findings are the columns Edema, Mass." in found.notes
    said = "Columns that are never findings, by their names: Sex, Follow-up #, Frontal/Lateral, Unnamed: 0."
    assert said in found.notes


def test_a_column_class_is_the_label_where_no_column_is_a_finding(read):
    found = read("filename,Class\na.png,ill\nb.png,well\n")
    assert list(found.table["label"]) == ["ill", "well"] and found.label_column == "Class"
    found = read("filename,class,Edema\na.png,ill,1\nb.png,well,0\n")
    assert states_of(found) == {"Edema": [1, 0]} and set(found.table["label"]) == {""} and found.label_column == ""
    assert states_of(read("filename,class\na.png,Edema|Mass\nb.png,Mass\n")) == {"Edema": [1, 0], "Mass": [1, 1]}


def test_notes_hold_no_names_of_files_or_patients(read):
    found = read("Image Index,Patient ID,Edema\nDOE_1.png,DOE,1\nz.png,ROE,0\n", ["DOE_1.png", "MOE.png"])
    assert len(found.notes) == 4 and not any(name in " ".join(found.notes) for name in ("DOE", "ROE", "MOE", "png"))
