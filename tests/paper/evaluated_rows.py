"""What tests of alpha and of the two objections compare with: rows of the paper's methods."""

from black_average_drop import cams

METHODS = {name: cams.METHODS[name] for name in cams.PAPER_METHODS}


def drops(rows, method, metric):
    """The drops (N,) of one method and metric."""
    return rows[(rows["method"] == method) & (rows["metric"] == metric)]["drop"].to_numpy()
