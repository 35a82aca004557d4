# %% [markdown]
# # Explore maps by hand
#
# Pick an image, a class and two methods, and move alpha. The maps, the faded images of Average Drop and the blackened
# images of Black Average Drop then change. So do the network's scores of them. Run all cells first (*Run*, *Run All
# Cells*). Without a kernel the contact sheet below still shows the maps.

# %% tags=["parameters"]
model = "../build/demo/radiographs_relu_0.keras"
images = ""  # a folder, as in your_data; empty: phantoms
preprocessing = ""  # empty: the model rescales pixels by itself; or "0..1", "-1..1", or a keras.applications name
activation = ""  # "softmax" or "relu", where the model ends in logits
image_size = []  # (height, width) in pixels, or one number for both, where the model takes images of any size
shown = 10  # images
colour_map = "heat"  # of the contact sheet; "jet" has the paper's look
seed = 0
saved = "../build/explore"  # a folder for pictures that are saved

# %% [markdown]
# Everything that computes is in the package.

# %%
import timeit
from functools import partial

import numpy as np
from IPython.display import display
from matplotlib_inline.backend_inline import set_matplotlib_formats

from black_average_drop import cams, evaluation, figures, lettering, networks
from black_average_drop.artifact import choose_settings
from black_average_drop.choice import answers_and_maps, explore, views
from black_average_drop.datasets import folder, phantoms

set_matplotlib_formats("png")
loaded, known = networks.load(model)
size = tuple(choose_settings.height_and_width(image_size)) or None
settings = {"activation": activation or None, "image_size": size}
network = networks.CamNetwork.from_model(loaded, networks.preprocessing(preprocessing), **settings)

# %% [markdown]
# The images: some of the folder, drawn at random, or phantoms, every second one with a lesion.

# %%
if images:
    dataset = folder.load(images, network.image_size)
    dataset = dataset.subset(np.sort(np.random.default_rng(seed).permutation(len(dataset))[:shown]))
else:
    dataset = phantoms.radiographs(shown, seed=seed + 1, size=network.image_size[0]).in_memory()
print(f"{len(dataset)} images for a network of {network.classes} classes")

# %% [markdown]
# ## By hand
#
# Y is the score of the class on the whole image, O that on a masked image. A click on a number takes that image, with
# the class that the network predicts for it. Arrow keys move a slider that was clicked, also from image to image.
# *Most apart* goes through the images by how far the masked images of the two methods differ. *Save as PNG* keeps what
# is shown, with its numbers.
#
# The opacity of the colour follows the map: where the map is 0, the image is bare. The white outline encloses the
# pixels that Black Average Drop keeps. The curve shows the score of the blackened image at every alpha.

# %%
explore.Explorer(network, dataset, named=known.class_names, folder=saved).box

# %% [markdown]
# ## At a glance
#
# The same images under the paper's methods, each for the predicted class. Without a kernel you still see this.

# %%
pixels = dataset.images(slice(0, 4))
classes = network.score(pixels)[0].argmax(axis=1)
explanation = evaluation.explain_batch(network, pixels.astype("float32"), classes, len(pixels))
methods, _ = cams.usable(explanation, cams.chosen(cams.PAPER_METHODS))
maps = {name: evaluation.upsampled(method(explanation), network.image_size) for name, method in methods.items()}
titles, replaced = lettering.in_picture(dataset.ids[: len(pixels)], "image")
rows = [
    figures.Row(title, image, {name: maps[name][i] for name in methods}, answers_and_maps.ALPHA)
    for i, (title, image) in enumerate(zip(titles, pixels, strict=True))
]
display(figures.figure1(rows, list(methods), colour_map=colour_map))
for new, name in replaced.items():
    print(f"{new}: {name}")

# %% [markdown]
# How long a new map takes on this machine, with both masked images and their scores, without the drawing.

# %%
features, logits = network.explain(pixels[:1])[:2]
alpha, method = answers_and_maps.ALPHA, list(methods)[0]
new_map = partial(views.look, network, pixels[0], features, logits, int(classes[0]), method, alpha)
seconds = timeit.repeat(new_map, number=1, repeat=20)
print(f"{1000 * np.median(seconds):.0f} ms")
