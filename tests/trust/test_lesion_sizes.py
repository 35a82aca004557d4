"""Size classes of lesions by hand."""

import pandas as pd

from black_average_drop.trust import lesion_sizes


def test_size_classes_are_thirds_within_each_finding_that_is_not_rare():
    sizes = [*range(1, 10), *range(900, 0, -100), 5, 70, 2000]
    findings = ["nodule"] * 9 + ["effusion"] * 9 + ["mass", "hernia", "mass"]
    thirds = ["small"] * 3 + ["medium"] * 3 + ["large"] * 3
    expected = thirds + thirds[::-1] + ["small", "medium", "large"]
    assert list(lesion_sizes.size_classes(sizes, findings)) == expected


def test_a_lesion_has_one_size_class_in_all_its_rows():
    """Lesions are thirds of all folds together, and the second lesion of an image is another lesion."""
    rows = [("a", 0, 1.0), ("a", 1, 3.0), ("b", 0, 2.0)]
    touched = pd.DataFrame(rows, columns=["id", "lesion", "size"]).assign(finding="mass")
    touched = pd.concat([touched.assign(area=area) for area in (0.1, 0.2)], ignore_index=True)
    classes = lesion_sizes.with_size_classes(touched)
    assert (
        list(classes["size_class"]) == ["small", "large", "medium"] * 2
        and list(classes["area"]) == [0.1] * 3 + [0.2] * 3
    )
