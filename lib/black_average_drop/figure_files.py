"""How any figure becomes files. It draws no map, so that charts of numbers are saved without Keras."""

import matplotlib

from black_average_drop.files import replacing


def save_figure(figure, path, dots=150):
    """Write a figure as path.png and path.pdf, without dates, so that equal figures are equal files.

    Args:
        figure: A matplotlib Figure.
        path: The two files without their endings.
        dots: Pixels an inch of the PNG. A figure that is made smaller in print needs fewer of them.

    Returns:
        The paths that were written, a list.
    """
    written = []
    for suffix, metadata in ((".png", {}), (".pdf", {"CreationDate": None})):
        target = path.with_name(path.name + suffix)
        with replacing(target) as partial, matplotlib.rc_context({"pdf.fonttype": 42}):
            figure.savefig(partial, dpi=dots, format=suffix[1:], metadata=metadata)
        written.append(target)
    return written
