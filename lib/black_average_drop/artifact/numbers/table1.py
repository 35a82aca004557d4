"""Numbers of Table 1, of its differences between methods, and of the claims."""

import pandas as pd

from black_average_drop.artifact.numbers.committed import lead_rows, parameters_with
from black_average_drop.statistics import means, patients
from black_average_drop.wording import with_interval


def counted_claims(results):
    """The verdict on each claim, and how many patients the least are that an interval needs."""
    table = pd.read_csv(results / "laptop/claims.csv").set_index("claim")
    return {
        **{f"verdict.{claim}": verdict for claim, verdict in table["verdict"].items()},
        "least patients": f"{patients.ENOUGH}",
        "carriers": f"{means.CARRIERS}",
    }


def below_table1(results):
    """What stands below Table 1: images, alpha, and what a black image scores."""
    texts = {}
    for data in ("general", "radiographs"):
        rows = lead_rows(results, "laptop", data).loc[["CAM", "Grad-CAM", "Grad-CAM++"]]
        cam, kept = rows.loc["CAM"], 100 * rows["kept_area"]
        ends = f"{kept.min():.1f}", f"{kept.max():.1f}"
        texts |= {
            f"{data}.images": f"{cam['n']}",
            f"{data}.patients": f"{cam['patients']}",
            f"{data}.alpha": f"{cam['alpha']:.3f}",
            f"{data}.kept": ends[0] if ends[0] == ends[1] else " to ".join(ends),
            f"{data}.black class": cam["black_class"],
            f"{data}.black score": f"{cam['black_score']:.3f}",
            f"{data}.left out": f"{cam['left_out']}",
            f"{data}.AD": f"{cam['AD']:.3f}",
        }
    tests = pd.read_csv(results / "laptop/test.csv")
    size = parameters_with(results, "laptop", "image_size")["image_size"]
    return texts | {"size": f"{size}", "tested": f"{tests.query('data == @data')['images'].iloc[0]}"}


def paired_differences(results):
    """Grad-CAM++ − CAM for each data set and metric, with a verdict, and with the spread of several trainings."""
    texts = {}
    spread = pd.read_csv(results / "laptop/table1_trainings.csv").query("method == 'Grad-CAM++' and minus == 'CAM'")
    for data in ("general", "radiographs"):
        rows = lead_rows(results, "laptop", data)
        row = rows.loc["Grad-CAM++"]
        for metric in ("AD", "BAD"):
            columns = tuple(f"{metric}_minus_CAM{end}" for end in ("", "_low", "_high"))
            printed = row[f"{metric}_paper"] - rows.loc["CAM", f"{metric}_paper"]
            texts[f"{data}.{metric}"] = with_interval(row, 4, "+", columns)
            texts[f"{data}.{metric}.verdict"] = _verdict(row[columns[1]], row[columns[2]])
            texts[f"{data}.{metric}.paper"] = f"{printed:+.4f}"
    for metric, row in spread.set_index("metric").iterrows():
        texts[f"{metric}.mean"] = f"{row['mean']:+.4f}"
        texts[f"{metric}.deviation"] = f"{row['deviation']:.4f}"
        texts[f"{metric}.range"] = f"{row['least']:+.4f} to {row['most']:+.4f}"
        texts["trainings"] = f"{row['trainings']}"
    return texts


def _verdict(low, high):
    """Which method has the smaller drop, from the interval of Grad-CAM++ − CAM."""
    return "Grad-CAM++ is ahead" if high < 0 else "CAM is ahead" if low > 0 else "undecided"
