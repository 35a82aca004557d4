# %% [markdown]
# # 2. Figure 1: what the three methods draw
#
# The paper's Figure 1 puts CAM, Grad-CAM and Grad-CAM++ side by side for a general photo and for radiographs. Here the
# same figure is drawn from the classifiers of `01_train`, every map on one scale. The opacity of the colour follows the
# map: where the map is 0, the image is bare. A white line encloses the pixels that Black Average Drop keeps. A dashed
# line encloses the lesion or the object, where it is known.

# %% tags=["parameters"]
profile = "demo"
data_root = "../data"
build = "../build/demo"
results = "../paper_figures/demo"
general_image = ""  # an id; empty: the first test image, if possible one that is classified right
general_title = ""  # what to call its class; empty: the class name
colour_map = "heat"  # "jet" has the paper's look, but no order in greyscale or for colour-blind readers
radiograph_rows = 2  # the first test images with the finding, those classified right before the others
boxed_source = ""  # "chestxray14", "rsna" or "chexlocalize" adds a radiograph whose lesion a radiologist marked

# %% [markdown]
# Everything that computes is in the package; a notebook names what to compute.

# %%
import datetime
from pathlib import Path

import numpy as np
from IPython.display import display
from matplotlib_inline.backend_inline import set_matplotlib_formats

from black_average_drop import cams, evaluation, figure_files, figures, masks, training, wording
from black_average_drop.artifact import provenance
from black_average_drop.datasets.checksums import dataset_checksum
from black_average_drop.datasets.sources import SOURCES

set_matplotlib_formats("png")  # figures made without pyplot are shown too
started = datetime.datetime.now()
build_folder, results_folder = Path(build), Path(results)

# %% [markdown]
# ## The images
#
# The general image is chosen by a rule or by its id, never by the look of its maps.

# %%
classifier = training.load_classifier(build_folder / "general.keras", data_root, activation="relu")
general_network, size = classifier.network, classifier.network.image_size
photos = classifier.dataset
candidates = classifier.image(general_image) if general_image else photos.subset(slice(0, 32))
right = general_network.score(candidates.images())[0].argmax(axis=1) == candidates.labels
general = candidates.subset(np.argsort(~right, kind="stable")[:1])
print(f"General image: {general.ids[0]}, {general_title or general.class_names[general.labels[0]]}")

# %% [markdown]
# The radiographs are the first ones in the test set with the finding. Those that the network recognises come before
# others.

# %%
classifier = training.load_classifier(build_folder / "radiographs_relu_0.keras", data_root, activation="relu")
radiograph_network, tested = classifier.network, classifier.dataset
positives = tested.subset(tested.labels == 1).subset(slice(0, 64))
right = radiograph_network.score(positives.images())[0].argmax(axis=1) == 1
radiographs = positives.subset(np.argsort(~right, kind="stable")[:radiograph_rows])
print(f"Radiographs: {', '.join(radiographs.ids)}")

# %% [markdown]
# Black Average Drop keeps the share alpha of the pixels. Alpha is chosen as for Table 1. It is the share at which the
# masked images of the methods differ most, over all test images.

# %%
general_alpha, radiograph_alpha = (
    masks.select_alpha(evaluation.explain_all(network, images.batches(32), cams.chosen(cams.PAPER_METHODS)).curve)
    for network, images in ((general_network, photos), (radiograph_network, tested))
)
print(f"alpha: {general_alpha:.3f} for general images, {radiograph_alpha:.3f} for radiographs")

# %% [markdown]
# Where a second hospital's radiographs with boxes are at hand, the first one of pneumonia that the network calls
# pneumonia joins them. The network has never seen that hospital.

# %%
sets = [("", general_network, general, general_alpha), ("", radiograph_network, radiographs, radiograph_alpha)]
if boxed_source:
    boxed = SOURCES[boxed_source].boxed(data_root, size)
    right = radiograph_network.score(boxed.images())[0].argmax(axis=1) == 1
    first = boxed.subset(np.argsort(~right, kind="stable")[:1])
    sets.append(("another hospital:\n", radiograph_network, first, radiograph_alpha))
    print(f"{right.mean():.0%} of the {len(boxed)} boxed pneumonia images are called pneumonia")

# %% [markdown]
# ## The maps
#
# Each image is explained for the class that the network predicts. Maps are clipped at 0 and then brought to the size
# of the image by the Lanczos kernel, as in the paper.

# %%
rows = []
for origin, network, chosen, alpha in sets:
    images = chosen.images()
    first_pass = evaluation.explain_all(network, images, cams.chosen(cams.PAPER_METHODS))
    maps = {name: first_pass.shown(name, size) for name in first_pass.maps}
    for i, position in enumerate(chosen.positions):
        predicted, label = first_pass.classes[i], chosen.labels[i]
        renamed = general_title and network is general_network and predicted == label
        called = general_title if renamed else chosen.class_names[predicted]
        title = f"{origin}{called}, score {first_pass.scores['score'][i]:.1f}"
        mask = chosen.read_mask(position) if chosen.read_mask else None
        boxes = chosen.boxes(position) if chosen.boxes else ()
        own_maps = {method: of_method[i] for method, of_method in maps.items()}
        rows.append(figures.Row(title, images[i], own_maps, alpha, mask, boxes))
    if first_pass.same_as:
        print(", ".join(f"{one} draws the same map as {other}" for one, other in first_pass.same_as.items()))

# %% [markdown]
# ## Figure 1

# %%
banner = wording.banner(profile)
figure = figures.figure1(rows, cams.PAPER_METHODS, banner, colour_map)
display(figure)

# %% [markdown]
# The paper remarks that Grad-CAM++ lights a larger area. We measure this area: the share of the image where the map is
# above half of its peak.

# %%
for row in rows:
    areas = {method: (values > values.max() / 2).mean() for method, values in row.maps.items()}
    print(row.title + ": " + ", ".join(f"{method} {area:.1%}" for method, area in areas.items()))

# %% [markdown]
# The figure for print and for the screen, and where it comes from.

# %%
outputs = figure_files.save_figure(figure, results_folder / "figure1")
inputs = {name: build_folder / name for name in ("general.keras", "radiographs_relu_0.keras")}
inputs |= {"general, test": dataset_checksum(photos), "radiographs, test": dataset_checksum(tested)}
inputs |= {f"image {i}": dataset_checksum(chosen) for i, (_, _, chosen, _) in enumerate(sets)}
record = provenance.write_record("02_figure1", outputs, inputs, globals(), results_folder, started)
record["outputs"]
