"""Numbers of other libraries: how many were compared, and how many draw a map that is not its paper's."""

import pandas as pd

OFF = "The paper."  # how a row begins whose map is not that of the paper; a test holds it against the numbers


def other_libraries(results):
    """How many libraries were compared, how many of them have Grad-CAM++, and in how many it is not its paper's."""
    table = pd.read_csv(results / "peers/maps.csv")
    table["library"] = table["library"].str.split().str[0]  # without its version
    of_method = table[table["method"] == "Grad-CAM++"]
    off = of_method.loc[of_method["sentence"].str.startswith(OFF), "library"]
    counted = {"compared": table["library"], "with Grad-CAM++": of_method["library"], "off the paper": off}
    return {name: f"{libraries.nunique()}" for name, libraries in counted.items()}
