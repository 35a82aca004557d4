"""A zip archive and the JSON in it, examined before anything of it is used: how much it expands, how deep it nests."""

import json
import zipfile

MOST_EXPANDED = 100  # bytes for each byte that is stored
ALWAYS_ALLOWED = 2**20  # bytes that may come of any number: zeros compress well
MOST_TEXT = 16 * 2**20  # bytes of JSON; that of the largest network in keras.applications takes 2 MB
MOST_MEMBERS = 1000
MOST_NESTED = 100  # lists and objects, or groups of weights, within each other


def check_zip_members(archive, size, path, texts=(), most=MOST_MEMBERS):
    """Check that members are few, have one name each, can be read, and expand to little more than the archive's size.

    Args:
        archive: an open `ZipFile`.
        size: of the archive, in bytes.
        path: what messages call the archive.
        texts: names of the members that are JSON.
        most: how many members there may be.

    Raises:
        ValueError: naming what is wrong.
    """
    members = archive.infolist()
    if len(members) > most or len({member.filename for member in members}) < len(members):
        raise ValueError(f"{path} holds too many files, or two of one name: save the model again.")
    for member in members:
        name = name_shown(member.filename)
        if member.flag_bits & 1:
            raise ValueError(f"{path} is encrypted ({name}): save the model again, without a password.")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{path} is compressed in a rare way ({name}): save the model again.")
        if member.filename in texts:
            check_text(member.file_size, name, path)
        check_expansion(member.file_size, member.compress_size, name, path)
    check_expansion(sum(member.file_size for member in members), size, "all files in it", path)


def check_text(size, name, path):
    """Check that a text of JSON, of so many bytes, is no longer than any network needs."""
    if size > MOST_TEXT:
        raise ValueError(f"{path} holds {_bytes(size)} of text ({name}): save it again.")


def check_expansion(declared, stored, what, path):
    """Check that what is declared, in bytes, is little more than what is stored."""
    if declared > MOST_EXPANDED * stored + ALWAYS_ALLOWED:
        raise ValueError(
            f"{path} stores {_bytes(stored)} that declare {_bytes(declared)} ({what}): save the model again, without "
            "compression."
        )


def json_value(text, name, path):
    """What a text holds as JSON.

    Args:
        text: str or bytes.
        name: what messages call the text.
        path: what messages call the file.

    Raises:
        ValueError: naming a text that is longer than MOST_TEXT or nested deeper than MOST_NESTED; as `json.loads` for
            one that is no JSON.
    """
    check_text(len(text), name, path)
    too_deep = f"{path} nests too deep ({name}): save the model again, with fewer models within models."
    try:
        content = json.loads(text)
    except RecursionError:
        raise ValueError(too_deep) from None
    level = nested_values([content])
    for _ in range(MOST_NESTED):
        level = [one for value in level for one in nested_values(value)]
    if level:
        raise ValueError(too_deep)
    return content


def nested_values(value):
    """The lists and objects in a list or an object."""
    return [one for one in (value.values() if isinstance(value, dict) else value) if isinstance(one, dict | list)]


def name_shown(text):
    """A name of a file's own as a sentence shows it: short, and without what moves the cursor."""
    text = text if len(text) <= 100 else f"{text[:97]}..."
    return text if text.isprintable() else ascii(text)


def _bytes(count):
    """A number of bytes for a reader."""
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"
