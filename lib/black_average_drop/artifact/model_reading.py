"""Read a model as the notebook your_data does, in a process of its own, and print the sentence that refuses it.

Parameters of the notebook come as JSON on standard input. The last line of standard output is {"refused": sentence},
where the sentence is "" if nothing is refused.
"""

import json
import sys

from black_average_drop import cams, networks


def refusal(parameters):
    """Say why a model cannot be read with the parameters of your_data.

    Args:
        parameters: name -> value, all of the notebook.

    Returns:
        The sentence, or "".
    """
    size = parameters["image_size"]
    given = {name: parameters.get(name) or None for name in ("activation", "layer", "output", "held")}
    given = {name: value for name, value in given.items() if value}
    try:
        cams.chosen(parameters["methods"] or cams.METHODS)
        given["preprocessing"] = networks.preprocessing(parameters["preprocessing"])
        model, _ = networks.load(parameters["model"])
        image_size = (size, size) if size else None
        networks.CamNetwork.from_model(model, image_size=image_size, precision=parameters["precision"], **given)
    except (ValueError, FileNotFoundError) as problem:
        return str(problem)
    return ""


if __name__ == "__main__":
    print(f"\n{json.dumps({'refused': refusal(json.load(sys.stdin))})}")
