"""Which kind of file a model is in, and which file of weights goes with an architecture, whatever the files hold."""

import pytest

from black_average_drop.model_files import formats

HDF5 = b"\x89HDF\r\n\x1a\n"


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.keras", b"PK", formats.ARCHIVE),
        ("a.keras", HDF5 + b"0", formats.HDF5),
        ("a.h5", HDF5, formats.HDF5),
        ("a", HDF5, formats.HDF5),
        ("a.json", b"{}", formats.JSON),
        ("a.JSON", b"{}", formats.JSON),
        ("a.h5", b"PK", formats.ARCHIVE),
        ("a.keras", b"", formats.ARCHIVE),
    ],
)
def test_a_kind_of_file_is_known_by_its_bytes(tmp_path, name, content, kind):
    (tmp_path / name).write_bytes(content)
    assert formats.kind(tmp_path / name) == kind


@pytest.mark.parametrize(
    ("files", "taken"),
    [
        (["cnn.weights.h5", "cnn.h5", "model.weights.h5"], "cnn.weights.h5"),
        (["cnn.h5", "model.weights.h5", "other.h5"], "cnn.h5"),
        (["model.h5", "other.h5"], "model.h5"),
        (["best.hdf5"], "best.hdf5"),
        (["a.h5", "b.h5"], None),
        ([], None),
    ],
)
def test_weights_are_those_of_the_name_or_the_only_ones(tmp_path, files, taken):
    for name in (*files, "cnn.json", "notes.txt"):
        (tmp_path / name).touch()
    if taken:
        assert formats.weights_of(tmp_path / "cnn.json") == tmp_path / taken
        return
    with pytest.raises(ValueError, match="name the file of its weights cnn.weights.h5"):
        formats.weights_of(tmp_path / "cnn.json")


def test_a_model_in_two_files_is_recorded_as_two(tmp_path):
    (tmp_path / "net.json").write_text("{}")
    (tmp_path / "net.weights.h5").write_bytes(b"")
    (tmp_path / "whole.keras").write_bytes(b"")
    assert formats.files_of(tmp_path / "net.json") == [tmp_path / "net.json", tmp_path / "net.weights.h5"]
    assert formats.files_of(tmp_path / "whole.keras") == [tmp_path / "whole.keras"]
