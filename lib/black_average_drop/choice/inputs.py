"""What a study read, as its record takes it: each thing with its checksum at the start and now."""

from pathlib import Path

from black_average_drop.datasets import decoded
from black_average_drop.datasets.lesions import lesion_files
from black_average_drop.datasets.maps import map_files
from black_average_drop.model_files import formats


def inputs_of(model, code, images_read, drawn, checksum_of_maps, found, lesions):
    """Name everything that a study was computed from.

    Args:
        model, code: paths, as the notebook has them; code may be "".
        images_read: a `user_images.UserImages`.
        drawn: name -> maps that others drew.
        checksum_of_maps: that of the maps when they were read.
        found: lesions as `known_lesions.find` gives them, or None.
        lesions: their path.

    Returns:
        name -> a path, or a pair of checksums, as `artifact.provenance.write_record` takes them.
    """
    inputs = {one.name: one for one in [*formats.files_of(model), *([Path(code)] if code else [])]}
    inputs["images"] = (images_read.contents, decoded.contents_checksum(images_read.named))
    if drawn:
        inputs["maps"] = (checksum_of_maps, map_files.maps_checksum(drawn))
    if found:
        inputs["lesions"] = (found.checksum, lesion_files.checksum_of_lesions(lesions))
    return inputs
