"""The paper's own numbers, which are printed next to ours."""

# Table 1: (AD, BAD, Incorrect % of AD, Incorrect % of BAD).
TABLE1 = {
    ("general", "CAM"): (0.1197, 0.1223, 5.0, 8.0),
    ("general", "Grad-CAM"): (0.1197, 0.1223, 5.0, 8.0),
    ("general", "Grad-CAM++"): (0.1094, 0.0932, 7.0, 6.0),
    ("radiographs", "CAM"): (0.7400, 0.7548, 100.0, 99.4),
    ("radiographs", "Grad-CAM"): (0.7400, 0.7548, 100.0, 99.4),
    ("radiographs", "Grad-CAM++"): (0.7416, 0.7416, 100.0, 99.4),
}
DATA = tuple(dict.fromkeys(data for data, _ in TABLE1))
METHODS = tuple(dict.fromkeys(method for _, method in TABLE1))
