"""Names in Markdown."""


def as_code(name):
    """A class's name as code in Markdown, where none of its signs means anything."""
    return "`{}`".format(" ".join(name.replace("`", "'").split()))
