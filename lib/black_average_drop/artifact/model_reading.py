"""Read a model as the notebook your_data does, in a process of its own, and print the sentence that refuses it.

Parameters of the notebook come as JSON on standard input. The last line of standard output is {"refused": sentence},
where the sentence is "" if nothing is refused.
"""

import json
import sys

from black_average_drop import cams, networks
from black_average_drop.artifact import choose_settings


def refusal(parameters):
    """Say why a model cannot be read with the parameters of your_data.

    Args:
        parameters: name -> value, all of the notebook.

    Returns:
        The sentence, or "".
    """
    given = choose_settings.of_model(parameters)
    expected = (ValueError, FileNotFoundError, *([RuntimeError] if parameters["code"] else []))  # the code fails
    try:
        cams.chosen(parameters["methods"] or cams.METHODS)
        networks.preprocessing(parameters["preprocessing"])
        model, _ = networks.open_model(parameters["model"], parameters["code"])
        networks.network_of(model, parameters["preprocessing"], **given)
    except expected as problem:
        return str(problem)
    return ""


if __name__ == "__main__":
    print(f"\n{json.dumps({'refused': refusal(json.load(sys.stdin))})}")
