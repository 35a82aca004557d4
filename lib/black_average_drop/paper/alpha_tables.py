"""All tables of `04_alpha`, from its rows and those of Table 1."""

from black_average_drop.paper import alpha_study, objections, small_lesions
from black_average_drop.paper.alpha_rows import of_each_data, opacity_and_drops


def correlations(read, table1_rows, sampling):
    """How the drop goes with opacity and size, by `objections.correlations_of_classifiers`.

    Args:
        read: name -> rows of `alpha_rows`, of all trainings.
        table1_rows: of `rows_of_table1.read_table1_rows`.
        sampling: resamples and seed of a `patients.Resampling`.
    """
    drops = opacity_and_drops(table1_rows, read["subjects"], read["curves"])
    return objections.correlations_of_classifiers(drops, read["lesions"], sampling)


def all_tables(read, correlated, table1, sampling):
    """Every table, each of the first training of a data set but for correlations and lesions, which are of all.

    Args:
        read: name -> rows of `alpha_rows`, of all trainings.
        correlated: of `correlations`.
        table1: as in `alpha_study.intervals_table`.
        sampling: resamples and seed of a `patients.Resampling`.

    Returns:
        The name of a file, without its ending, -> a DataFrame.
    """
    first = {name: rows[rows["training"] == 0] for name, rows in read.items()}
    by_data = {
        "alpha_curve": (first["curves"], alpha_study.curve_band),
        "alpha_bad": (first["drops"], alpha_study.along_table),
        "alpha_choices": (first["readings"], alpha_study.readings_table),
        "alpha_preparations": (first["preparations"], alpha_study.preparations_table),
        "alpha_contrast": (first["contrast"], objections.contrast_table),
        "alpha_contrast_differences": (first["contrast"], objections.contrast_differences),
    }
    tables = {name: of_each_data(rows, tabulate, sampling) for name, (rows, tabulate) in by_data.items()}
    curves, drops, subjects = first["curves"], first["drops"], read["subjects"]
    tables["alpha_anew"] = alpha_study.intervals_table(curves, drops, subjects, table1, sampling)
    tables["alpha_correlation"] = objections.correlation_table(correlated)
    tables["alpha_small_lesions"] = small_lesions.touched_table(small_lesions.smallest(read["lesions"]), sampling)
    return tables
