"""Parameters of evaluation and training."""

import numpy as np

from bad_cases import Case, refused, table_of
from bad_networks import PIXELS, evaluated, network
from black_average_drop import cams, controls, evaluation, networks, training
from black_average_drop.datasets import phantoms


def evaluate(**changed):
    return lambda: evaluated(network(), **changed)


def fit(**changed):
    def train():
        data = phantoms.radiographs(4, size=64)
        model = networks.build("small_cnn", (64, 64), data.class_names, "softmax")
        training.fit(model, data, data, **{"epochs": 1, "batch_size": 2, "learning_rate": 1e-3} | changed)

    return train


def again(images=PIXELS, **changed):
    """Evaluated with a first pass that was made before."""
    cut_open = networks.CamNetwork.from_model(network())
    methods = cams.chosen(cams.PAPER_METHODS)
    maps = evaluation.explain_all(cut_open, PIXELS, methods)
    return evaluation.evaluate(cut_open, images, methods, first_pass=maps, **{"alpha": 0.5} | changed)


class Shuffled:
    """Every reading begins with another image."""

    start = 0

    def __iter__(self):
        self.start += 1
        return iter([np.roll(PIXELS, self.start, axis=0)])


def one_pixel_changed():
    changed = PIXELS.copy()
    changed[4, 3, 2, 1] += 1
    return changed


OTHERWISE = (
    "Image {} differs between the two readings: pass a source that gives the same images in the same order, without "
    "shuffling or augmenting."
)
ALPHA = "alpha is {}: it is the share of pixels to keep, between 0 and 1, both excluded."
BATCH = "batch_size is {}: at least 1 is expected."
CLASSES = "classes needs one class from 0 to 2 for each image: mend it."
PARAMETERS = [
    Case("alpha 0", evaluate(alpha=0), ALPHA.format(0)),
    Case("alpha 1", evaluate(alpha=1), ALPHA.format(1)),
    Case("alpha below 0", evaluate(alpha=-0.1), ALPHA.format(-0.1)),
    Case("alpha NaN", evaluate(alpha=np.nan), ALPHA.format("nan")),
    Case("batch 0", evaluate(batch_size=0), BATCH.format(0)),
    Case("batch below 0", evaluate(batch_size=-4), BATCH.format(-4)),
    Case("batch 0, maps given", lambda: again(batch_size=0), BATCH.format(0)),
    Case("batch 0 of a data set", lambda: phantoms.radiographs(2, size=64).batches(0), BATCH.format(0)),
    Case("batch below 0 of a data set", lambda: phantoms.radiographs(2, size=64).batches(-1), BATCH.format(-1)),
    Case("an unknown method", evaluate(names=["GradCAM"]), "There is no method 'GradCAM': choose from ..."),
    Case("no method", evaluate(names=[]), "No method is named: choose from ..."),
    Case("a method twice", evaluate(names=["CAM", "CAM"]), "The method 'CAM' is named twice: name it once."),
    Case("a class too large", evaluate(classes=[0, 1, 2, 3, 0, 0]), CLASSES),
    Case("a class below 0", evaluate(classes=[0, 1, 2, -1, 0, 0]), CLASSES),
    Case("a class and a half", evaluate(classes=[0, 1, 2, 1.5, 0, 0]), CLASSES),
    Case("a class in words", evaluate(classes=["ill"] * 6), CLASSES),
    Case("too few classes", evaluate(classes=[0] * 5), CLASSES),
    Case(
        "too many classes",
        evaluate(classes=[0] * 7),
        "classes has 7 entries for 6 images: one for each is expected.",
    ),
    Case("too few ids", evaluate(ids=["a"]), "ids has 1 entries for 6 images: one for each is expected."),
    Case("too few patients", evaluate(groups=["a"]), "groups has 1 entries for 6 images: one for each is expected."),
    Case(
        "an id given twice",
        evaluate(ids=list("abcadb")),
        "ids has 'a' twice for class ...: give each image an id of its own.",
    ),
    Case(
        "a control named like a method",
        evaluate(controls={"CAM": controls.all_ones}),
        "A control and a method are both named 'CAM': give the control another name.",
    ),
    Case("ties misspelt", evaluate(ties="excat"), 'ties is \'excat\': choose "strict" or "exact".'),
    Case(
        "images that are NaN",
        evaluate(images=np.full((2, 32, 32, 3), np.nan)),
        "An image among 0 to 1 holds NaN: check how it is read.",
    ),
    Case(
        "images from -1 to 1",
        evaluate(images=PIXELS / 127.5 - 1),
        "An image among 0 to 5 is not in pixels: pass 0 to 255.",
    ),
    Case(
        "images from 0 to 1",
        evaluate(images=PIXELS / 255),
        "Images 0 to 5 lie within 0 to 1: pass pixels, 0 to 255.",
    ),
    Case(
        "images that are masks",
        evaluate(images=PIXELS > 99),
        "Images 0 to 5 lie within 0 to 1: pass pixels, 0 to 255.",
    ),
    Case(
        "images of one channel",
        evaluate(images=PIXELS[..., :1]),
        "images (6, 32, 32, 1) do not fit the network: pixels (N, 32, 32, 3) are expected.",
    ),
    Case("no image", evaluate(images=PIXELS[:0]), "There is no image to evaluate: check the folder and the selection."),
    Case(
        "images that can be read once",
        lambda: evaluated(network(), images=iter([PIXELS])),
        "The second reading gave 0 images, the first 6: pass a re-iterable of batches.",
    ),
    Case("images in another order each time", evaluate(images=Shuffled()), OTHERWISE.format(0)),
    Case("one pixel changed between", lambda: again(images=one_pixel_changed()), OTHERWISE.format(4)),
    Case("maps of other images", lambda: again(images=PIXELS[::-1]), OTHERWISE.format(0)),
    Case(
        "an unknown preprocessing",
        lambda: networks.preprocessing("0-1"),
        "preprocessing is '0-1': choose '', '0..1', '-1..1', '-1024..1024', 'imagenet' or a name in "
        "keras.applications.",
    ),
    Case(
        "an unknown backbone",
        lambda: networks.build("MobileNetV9", (64, 64), ("a", "b")),
        "backbone is 'MobileNetV9': choose \"small_cnn\" or a name in keras.applications.",
    ),
    Case("an unknown recipe", lambda: training.recipe("ful"), "The recipe is 'ful': choose one of plain, full."),
    Case(
        "an id that is not there",
        lambda: phantoms.radiographs(2, size=64).named("chest"),
        "There is no image 'chest' in this data set: name one like 'radiograph-0-00000'.",
    ),
    Case("no epoch", fit(epochs=0), "epochs is 0: at least 1 is expected."),
    Case("epochs of the head below 0", fit(head_epochs=-1), "head_epochs is -1: at least 0 is expected."),
    Case("batch 0 in training", fit(batch_size=0), BATCH.format(0)),
    Case("learning rate 0", fit(learning_rate=0.0), "learning_rate is 0.0: more than 0 is expected."),
    Case("learning rate below 0", fit(learning_rate=-1e-3), "learning_rate is -0.001: more than 0 is expected."),
    Case("learning rate NaN", fit(learning_rate=np.nan), "learning_rate is nan: more than 0 is expected."),
]


@table_of(PARAMETERS)
def test_parameters(case):
    refused(case.make, case.outcome)
