"""Whose the images are: a table, a pattern, PatientID or folders, and what is said where these are doubtful."""

import pytest

from black_average_drop.datasets import folder
from black_average_drop.datasets.dicom.headers import IMAGE, Header
from black_average_drop.datasets.folder.patients import HEADER, LEVEL, NOBODY, PATTERN, TABLE, find_patients
from dicom_files import write_dicom
from pictures import RAMP, SIZE, write_grey


def found(ids=(), units=(), role="", of_table=(), pattern="", files=()):
    """What is found of images whose PatientID is given, None for those that are not DICOM."""
    count = max(map(len, (ids, units, of_table, files)))
    files = list(files) or [f"{number}.dcm" for number in range(count)]
    headers = {
        file: Header(patient=one, frames=1, has_pixels=True, burned_in=False, kind=IMAGE)
        for file, one in zip(files, ids, strict=False)
        if one is not None
    }
    return find_patients(of_table or [""] * count, files, headers, units or [""] * count, role, pattern, "t.csv")


def test_a_table_comes_first_then_a_pattern_then_headers_then_folders():
    ids, units = ["1", "2"], ["x", "y"]
    everything = {"ids": ids, "units": units, "role": "patient", "pattern": r"(\d)"}
    assert found(**everything, of_table=["a", "b"]).source == TABLE
    assert found(**everything).names == ["0", "1"] and found(**everything).source == PATTERN
    everything.pop("pattern")
    assert found(**everything).names == ids and found(**everything).source == HEADER
    everything.pop("ids")
    assert found(**everything).names == units and found(**everything).source == LEVEL
    assert found(files=["a", "b"]).names == ["", ""] and found(files=["a", "b"]).source == NOBODY


def test_a_blank_cell_is_filled_by_the_header_alone():
    assert found(["1", "2"], of_table=["a", ""]).names == ["a", "2"]
    with pytest.raises(ValueError, match="^t.csv: some images have a patient and some have none"):
        found(["1", ""], ["x", "y"], "patient", of_table=["a", ""])


@pytest.mark.parametrize(
    ("ids", "doubt"),
    [
        (["7"] * 4, "All 4 images have the same PatientID"),
        (["ANON", "ANON", "8", "9"], "2 of 4 images have a placeholder for a PatientID"),
        (["0", "0", "0", "9"], "3 of 4 images have a placeholder for a PatientID"),
        (["anonymized", "Anonymized"] * 2, ""),  # each is another ID, and one of them of half
        (["1", "", "2", "3"], "1 of 4 images has no PatientID"),
        (["1", None, "2", "3"], "1 of 4 images has no PatientID"),
    ],
)
def test_folders_count_where_patient_ids_cannot(ids, doubt):
    units = ["w", "x", "y", "z"]
    by_folders = found(ids, units, "patient")
    assert by_folders.names == units and by_folders.source == LEVEL
    if doubt:
        assert by_folders.notes[0] == f"{doubt}, so it does not count."
    alone = found(ids)
    assert alone.source == HEADER and alone.names == [one or "" for one in ids]
    if doubt:
        assert alone.notes[1].startswith(f"{doubt}: ")
    one_folder = found(ids, ["w"] * 4, "patient")  # tells nobody apart
    assert one_folder.source == HEADER


def test_real_ids_stay_where_half_of_the_images_are_of_one_patient():
    """Folders may be something else, and two patients too many would make intervals too narrow."""
    of_all = found(["7", "7", "7", "8"], ["w", "x", "y", "z"], "patient")
    assert of_all.names == ["7", "7", "7", "8"] and of_all.source == HEADER
    assert "3 of 4 images have one PatientID: see whether it stands for one patient." in of_all.notes
    assert found(["7", "7", "8"]).notes == ["Patients are those of PatientID in the DICOM files."]


def test_it_is_said_where_ids_and_folders_disagree():
    agree = found(["1", "1", "2", "3"], ["x", "x", "y", "z"], "patient")
    assert not any("disagree" in note for note in agree.notes)
    apart = found(["1", "1", "2", "3"], ["x", "y", "y", "z"], "patient")
    assert apart.names == ["1", "1", "2", "3"]
    assert apart.notes[-1] == "PatientID and the folders of patients disagree on 3 of 4 images: PatientID counts."


def test_no_sentence_holds_an_id():
    for ids in (["ITO7"] * 4, ["ITO7", "ITO7", "ITO7", "SATO8"], ["ITO7", "", "SATO8", "MORI"], ["ANON"] * 4):
        for units in ([], ["Ito", "Ito", "Sato", "Mori"]):
            said = " ".join(found(ids, units, "patient" if units else "").notes)
            assert not any(name.casefold() in said.casefold() for name in ("ito", "sato", "mori"))


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        (r"(person\d+", "patients is x, which is no regular expression (...): write one with a group"),
        (r"person\d+", "patients is x, which has no group: put parentheses around the part that names the patient"),
        (r"(person\d)", "patients is x, which finds a patient in 1 of 3 images, not in man1_b.png: mend it"),
        (r"(nobody)", "patients is x, which finds a patient in 0 of 3 images, not in man1_b.png: mend it"),
        (r"_(b?)", "patients is x, which finds a patient in 1 of 3 images, not in man2_c.png: mend it"),
    ],
)
def test_a_pattern_that_does_not_fit_is_refused(tmp_path, pattern, said):
    for name in ("person1_a.png", "man1_b.png", "man2_c.png"):
        write_grey(tmp_path / name)
    with pytest.raises(ValueError) as problem:
        folder.load(tmp_path, SIZE, patients=pattern)
    before, _, after = said.replace("is x,", f'is "{pattern}",').partition("...")
    assert str(problem.value).startswith(before) and after in str(problem.value)
    assert list(folder.load(tmp_path, SIZE, patients=r"(person\d+|man\d+)_").groups) == ["man1", "man2", "person1"]


def test_the_same_id_in_all_files_is_refused_until_folders_or_a_pattern_say_more(tmp_path):
    """Each remedy of the refusal works."""
    for name in ("x/a_1.dcm", "y/b_1.dcm"):
        (tmp_path / name).parent.mkdir()
        write_dicom(tmp_path / name, RAMP, PatientID="ANON")
    with pytest.raises(ValueError, match="^All images are of one patient"):
        folder.check_patients(folder.load(tmp_path, SIZE).groups)  # x and y are taken for classes
    for remedy in ({"layout": "patient"}, {"patients": "([ab])_"}):
        groups = folder.load(tmp_path, SIZE, **remedy).groups
        folder.check_patients(groups)
        assert len(set(groups)) == 2
    (tmp_path / "labels.csv").write_text("image,patient\nx/a_1.dcm,p\ny/b_1.dcm,q\n")
    folder.check_patients(folder.load(tmp_path, SIZE).groups)


def test_damaged_files_do_not_speak_against_patient_ids(tmp_path):
    """They are no images, so that nobody misses their PatientID."""
    for number in range(4):
        place = tmp_path / f"patient{number % 2}"
        place.mkdir(exist_ok=True)
        write_dicom(place / f"{number}.dcm", RAMP, PatientID=f"{number}")
    (tmp_path / "patient0" / "text.dcm").write_text("no DICOM")
    (tmp_path / "patient1" / "raw.IMA").write_text("no DICOM")
    cut = (tmp_path / "patient1" / "1.dcm").read_bytes()[:300]
    (tmp_path / "patient1" / "cut").write_bytes(cut)
    listing = folder.listed(tmp_path)
    assert listing.patients_from == HEADER and len(listing.table) == 7
    assert sorted(filter(None, listing.table["patient"])) == ["0", "1", "2", "3"]
    assert not any("no PatientID" in note for note in listing.notes)
