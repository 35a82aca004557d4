"""What libraries draw of the small network, at the size of its feature maps, as they hand it out."""

import importlib
import importlib.metadata

import numpy as np
import torch
from small_network import LAYER, channels_first, prepared

PACKAGES = {
    "pytorch-grad-cam": "grad-cam",
    "torchcam": "torchcam",
    "tf-keras-vis": "tf-keras-vis",
    "Xplique": "xplique",
    "captum": "captum",
    "Quantus": "quantus",
}


def version(library):
    """The version of a library, or "" where it is not installed."""
    try:
        return importlib.metadata.version(PACKAGES[library])
    except importlib.metadata.PackageNotFoundError:
        return ""


def pytorch_grad_cam(twins, pixels, classes, closed):
    """Method -> maps (N, h, w), clipped as the library does before it enlarges them."""
    library = importlib.import_module("pytorch_grad_cam")
    names = {
        "Grad-CAM": "GradCAM",
        "Grad-CAM++": "GradCAMPlusPlus",
        "XGrad-CAM": "XGradCAM",
        "HiRes-CAM": "HiResCAM",
        "Layer-CAM": "LayerCAM",
        "Eigen-CAM": "EigenCAM",
    }
    names |= {"Ablation-CAM": "AblationCAM"} if closed else {}
    layer, inputs = twins.torch.features, channels_first(prepared(pixels))
    targets = [library.utils.model_targets.ClassifierOutputTarget(int(one)) for one in classes]
    maps = {}
    for method, name in names.items():
        with getattr(library, name)(twins.torch, [layer]) as explainer:
            explainer(inputs, targets)
            seen = explainer.activations_and_grads
            slopes = seen.gradients[0].numpy() if seen.gradients else None
            drawn = explainer.get_cam_image(inputs, layer, targets, seen.activations[0].numpy(), slopes, False)
            maps[method] = np.maximum(drawn, 0)
    return maps


def torchcam(twins, pixels, classes, closed):
    """Method -> maps (N, h, w), clipped by the library, but not normalised."""
    methods = importlib.import_module("torchcam.methods")
    names = {"Grad-CAM": "GradCAM", "Grad-CAM++": "GradCAMpp", "XGrad-CAM": "XGradCAM", "Layer-CAM": "LayerCAM"}
    names |= {"CAM": "CAM"} if closed else {}
    maps = {}
    for method, name in names.items():
        more = {"fc_layer": "head"} if name == "CAM" else {}
        with getattr(methods, name)(twins.torch, "features", **more) as explainer:
            scores = twins.torch(channels_first(prepared(pixels)))
            maps[method] = explainer([int(one) for one in classes], scores, normalized=False)[0].detach().numpy()
    return maps


def captum(twins, pixels, classes, closed):
    """Grad-CAM -> maps (N, h, w), signed, as captum gives them unless it is told otherwise."""
    attr = importlib.import_module("captum.attr")
    explainer = attr.LayerGradCam(twins.torch, twins.torch.features)
    drawn = explainer.attribute(channels_first(prepared(pixels)), torch.as_tensor(np.asarray(classes)))
    return {"Grad-CAM": drawn[:, 0].detach().numpy()}


def tf_keras_vis(twins, pixels, classes, closed):
    """Method -> maps (N, h, w), neither enlarged nor normalised."""
    place = {"penultimate_layer": LAYER, "seek_penultimate_conv_layer": False}
    place |= {"expand_cam": False, "normalize_cam": False}
    score = importlib.import_module("tf_keras_vis.utils.scores").CategoricalScore([int(one) for one in classes])
    kinds = {
        "Grad-CAM": importlib.import_module("tf_keras_vis.gradcam").Gradcam,
        "Grad-CAM++": importlib.import_module("tf_keras_vis.gradcam_plus_plus").GradcamPlusPlus,
        "Layer-CAM": importlib.import_module("tf_keras_vis.layercam").Layercam,
    }
    inputs = prepared(pixels)
    return {method: np.asarray(kind(twins.keras)(score, inputs, **place)) for method, kind in kinds.items()}


def xplique(twins, pixels, classes, closed):
    """Method -> maps (N, h, w), before the library enlarges them by bicubic interpolation."""
    attributions = importlib.import_module("xplique.attributions")
    kinds = {"Grad-CAM": attributions.GradCAM, "Grad-CAM++": attributions.GradCAMPP}
    targets, maps = np.eye(twins.keras.output_shape[-1], dtype="float32")[classes], {}
    for method, kind in kinds.items():
        explainer = kind(twins.keras, batch_size=None, conv_layer=LAYER)
        features, gradients = explainer._gradient(prepared(pixels), targets)
        weights = explainer._compute_weights(gradients, features)
        maps[method] = np.asarray(explainer._apply_weights(weights, features))
    return maps


DRAWN_BY = {
    "pytorch-grad-cam": pytorch_grad_cam,
    "torchcam": torchcam,
    "captum": captum,
    "tf-keras-vis": tf_keras_vis,
    "Xplique": xplique,
}
