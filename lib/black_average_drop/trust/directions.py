"""What each metric rewards: 1 where more is better, -1 where less is."""

DIRECTIONS = {
    "AD": -1,
    "Average Increase": 1,
    "Average Increase, ReLU scores": 1,
    "Average Gain": 1,
    "ADCC": 1,
    "ADCC, ReLU scores": 1,
    "BAD": -1,
    "BAD, image's mean": -1,
    "BAD, data set's mean": -1,
    "BAD, blurred": -1,
    "BAD, another normal image": -1,
    "BAD over alpha": -1,
    "insertion": 1,
    "deletion": -1,
    "ROAD, most relevant first": -1,
    "ROAD, least relevant first": 1,
    "ROAD, combined": 1,
    "ARCC": 1,
}
