"""Any folder of images: one sub-folder a class, class-name/*.png|jpg|..., each image a patient of its own."""

from black_average_drop.datasets import from_files, image_files, require_folder, visible_folders


def load(root, size=(224, 224), crop=1.0):
    """Every image below root's class folders; ids are class-name/file-name, classes are in order of name.

    size (H, W). Folders without images are skipped. Raises FileNotFoundError for a missing root and ValueError where
    no folder holds an image.
    """
    root = require_folder(root, "one folder of images for each class")
    files = {folder.name: image_files(folder) for folder in visible_folders(root)}
    class_names = [name for name, paths in files.items() if paths]
    if not class_names:
        raise ValueError(f"{root} holds no images: put them into one sub-folder for each class.")
    paths = [path for name in class_names for path in files[name]]
    ids = [f"{path.parent.name}/{path.name}" for path in paths]
    labels = [class_names.index(path.parent.name) for path in paths]
    return from_files(paths, ids, labels, ids, class_names, size, crop)
