"""Names that people give to folders of images: of splits, of classes, of patients and their studies, or of nothing."""

import re
from collections import Counter

SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
# Names that public collections of medical images give to folders of classes, as `folder_word` writes them.
USUAL_CLASSES = frozenset(
    "normal|abnormal|healthy|unhealthy|diseased|disease|no disease|pneumonia|no pneumonia|viral pneumonia|virus|viral|"
    "bacteria|bacterial|bacterial pneumonia|lung opacity|opacity|covid|covid 19|covid19|non covid|noncovid|sars cov 2|"
    "tuberculosis|tb|no finding|finding|positive|negative|benign|malignant|cancer|no cancer|cancerous|non cancerous|"
    "tumor|tumour|no tumor|notumor|no tumour|glioma|meningioma|pituitary|nodule|non nodule|mass|fractured|fracture|"
    "not fractured|pneumothorax|no pneumothorax|effusion|cardiomegaly|edema|atelectasis|cnv|dme|drusen".split("|")
)
WRAPPERS = frozenset("image|images|img|imgs|data|dataset|png|jpg|jpeg|dicom|dcm|tif|tiff|files|all|original".split("|"))
_MASKS = frozenset(("mask", "masks", "segmentation", "segmentations", "annotation", "annotations"))
LIKE_PATIENT = re.compile(r"(patient|pat|person|subject|subj|sub|case)[-_ ]?\d+|p\d{6,}", re.IGNORECASE)
LIKE_STUDY = re.compile(
    r"(study|exam|examination|visit|stu|st)[-_ ]?\d+\w*|s\d{6,}|(19|20)\d\d([-_.]?\d\d){2}\w*", re.IGNORECASE
)
LIKE_SERIES = re.compile(r"(series|serie|ser|se)[-_ ]?\d+\w*", re.IGNORECASE)
LIKE_PART = re.compile(r"(images?|batch|part|chunk|shard)[-_ ]?\d+", re.IGNORECASE)  # of a large download
LIKE_UID = re.compile(r"[0-2](\.\d+){4,}")


def folder_word(name):
    """A name without what people write in several ways: capitals, underscores, hyphens and blanks."""
    return " ".join(re.sub(r"[-_\s]+", " ", name).casefold().split())


def canonical_split(name):
    """The split that a folder's name stands for: train, validation or test, or the name itself in small letters."""
    return SPLITS.get(folder_word(name), folder_word(name))


def in_mask_folder(folders):
    """Whether each image lies in a folder of masks that is next to one of images, as some collections have them.

    Args:
        folders: as `tree.folders_of` gives them.

    Returns:
        (N,) of bool.
    """
    siblings = Counter((level, own[:level], folder_word(own[level])) for own in folders for level in range(len(own)))

    def is_mask(own):
        return any(
            folder_word(name) in _MASKS and any((level, own[:level], wrapper) in siblings for wrapper in WRAPPERS)
            for level, name in enumerate(own)
        )

    return [is_mask(own) for own in folders]
