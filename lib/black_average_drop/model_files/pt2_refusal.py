"""What is said of a .pt2 archive that is not read."""

import zipfile

AGAIN = "export the model again with torch.export.save"
# What writes a file that is read, as somebody types it.
EXPORT = (
    "torch.export.save(torch.export.export(model.eval(), (torch.zeros(2, 3, 224, 224),), "
    'dynamic_shapes=({0: torch.export.Dim("batch")},)), "net.pt2")'
)


class Refusal(ValueError):
    """A sentence without its beginning, the name of the file."""


def why_not_read(path, problem):
    """The sentence that refuses an archive.

    Args:
        path: what the sentence calls the archive.
        problem: the exception that reading it ended in.
    """
    said = str(problem)
    if isinstance(problem, Refusal):
        said = f"{path} {said}"
    elif not said.startswith(f"{path} "):
        said = f"{path} cannot be read as a PyTorch model ({_reason(problem, said[:200])}): {AGAIN}."
    return "".join(one if one.isprintable() else "?" for one in said)


def _reason(problem, said):
    """What went wrong, as far as people can tell from it."""
    if isinstance(problem, KeyError):
        return f"it lacks {said}"
    if isinstance(problem, ValueError | zipfile.BadZipFile | OSError):
        return getattr(problem, "strerror", None) or said
    return f"its program is damaged, {type(problem).__name__}"
