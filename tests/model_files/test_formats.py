"""Which kind of file a model is in, and which file of weights goes with an architecture, whatever the files hold."""

import pytest

from black_average_drop.model_files import formats
from pt2_archives import parts, write

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


@pytest.mark.parametrize("name", ["a.pt2", "a.PT2", "a.pt", "a.zip", "a.keras", "a"])
def test_an_archive_of_torch_export_is_known_whatever_its_name(tmp_path, name):
    write(tmp_path / name, parts())
    assert formats.kind(tmp_path / name) == formats.PT2
    assert formats.files_of(tmp_path / name) == [tmp_path / name]


@pytest.mark.parametrize(
    ("name", "members", "said"),
    [
        ("a.pt2", parts() | {"archive_format": b"other"}, "is no archive of torch.export, or a damaged one: export"),
        ("a.pt2", {"data.pkl": b""}, "is a pickled PyTorch file, which runs code when it is read: export"),
        ("a", {"data.pkl": b""}, "is a pickled PyTorch file, which runs code when it is read: export"),
        ("a.bin", {"data.pkl": b""}, "is a pickled PyTorch file, which runs code when it is read: export"),
        ("a", {"data.pkl": b"", "constants.pkl": b""}, "is a TorchScript file, which is a program: export"),
        ("a.pt2", {"serialized_exported_program.json": b""}, "was exported by PyTorch before 2.8"),
    ],
)
def test_archives_of_pytorch_that_are_not_read_are_told_apart(tmp_path, name, members, said):
    write(tmp_path / name, members)
    with pytest.raises(ValueError) as caught:
        formats.kind(tmp_path / name)
    assert str(caught.value).startswith(f"{tmp_path / name} {said}")


@pytest.mark.parametrize("name", ["a.pt", "a.pth", "a.bin", "a.ckpt", "a.pt2"])
def test_files_of_pytorch_that_are_no_archives_are_known_by_their_names(tmp_path, name):
    (tmp_path / name).write_bytes(b"\x80\x02\x8a")
    with pytest.raises(ValueError, match=r"torch\.export\.save\(torch\.export\.export\(model\.eval\(\), "):
        formats.kind(tmp_path / name)


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
