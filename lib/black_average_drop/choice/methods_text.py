"""A paragraph on methods, ready to be copied into a paper, with the works that it cites."""

from black_average_drop.choice.markdown import as_code
from black_average_drop.statistics.answer_text import enumerated

_PAPER = (
    "Shimomura, Nakamura. Black Average Drop: a metric for choosing a visualization for medical images (in "
    "Japanese). Meiji University."
)
_PLUS_PLUS = (
    "Chattopadhay A et al. Grad-CAM++: generalized gradient-based visual explanations for deep convolutional networks. "
    "WACV 2018:839-847."
)
_REFERENCES = {
    "BAD": _PAPER,
    "AD": _PLUS_PLUS,
    "CAM": "Zhou B et al. Learning deep features for discriminative localization. CVPR 2016:2921-2929.",
    "Grad-CAM": "Selvaraju RR et al. Grad-CAM: visual explanations from deep networks via gradient-based localization. "
    "ICCV 2017:618-626.",
    "Grad-CAM++": _PLUS_PLUS,
    "XGrad-CAM": "Fu R et al. Axiom-based Grad-CAM: towards accurate visualization and explanation of CNNs. BMVC 2020.",
    "HiRes-CAM": "Draelos RL, Carin L. Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional "
    "neural networks. arXiv:2011.08891.",
    "Layer-CAM": "Jiang PT et al. LayerCAM: exploring hierarchical class activation maps for localization. IEEE Trans "
    "Image Process 2021;30:5875-5888.",
    "Ablation-CAM": "Desai S, Ramaswamy HG. Ablation-CAM: visual explanations for deep convolutional network via "
    "gradient-free localization. WACV 2020:983-991.",
    "Eigen-CAM": "Muhammad MB, Yeasin M. Eigen-CAM: class activation map using principal components. IJCNN 2020.",
    "Score-CAM": "Wang H et al. Score-CAM: score-weighted visual explanations for convolutional neural networks. CVPR "
    "Workshops 2020:111-119.",
    "RISE": "Petsiuk V et al. RISE: randomized input sampling for explanation of black-box models. BMVC 2018.",
    "best": "Hsu JC. Constrained simultaneous confidence intervals for multiple comparisons with the best. Ann Statist "
    "1984;12:1136-1144.",
    "skew": "Hall P. On the removal of skewness by transformation. J R Statist Soc B 1992;54:221-228.",
    "pairs": "Westfall PH, Young SS. Resampling-based multiple testing: examples and methods for p-value adjustment. "
    "Wiley 1993.",
    "same": "Schuirmann DJ. A comparison of the two one-sided tests procedure and the power approach for assessing the "
    "equivalence of average bioavailability. J Pharmacokinet Biopharm 1987;15:657-680.",
}


def methods_text(facts, counted, maps, alpha, versions, chosen, margin, resamples, seed):
    """Say how maps were compared.

    Args:
        facts: of `answers_and_maps.facts_of`.
        counted: how many images, patients and findings were measured, in words.
        maps: the names of the maps that were compared, of methods and of others.
        alpha: the share of pixels that BAD keeps.
        versions: name -> version of the programs.
        chosen: whether maps chose it.
        margin: the difference of mean drops that matters.
        resamples, seed: of the bootstrap over patients.

    Returns:
        Markdown: a paragraph, and a list of the works that it cites, in the order of their numbers.
    """
    cited = []

    def cite(key):
        work = _REFERENCES[key]
        if work not in cited:
            cited.append(work)
        return f"[{cited.index(work) + 1}]"

    named = []
    for name in maps:
        work = name.split(" (")[0]  # of a variant, that of the method
        named.append(f"{name} {cite(work)}" if work in _REFERENCES else as_code(name))
    how = "chosen where the masked images of CAM, Grad-CAM and Grad-CAM++ differ most" if chosen else "set"
    used = enumerated([f"{name} {value}" for name, value in versions.items()])
    sentences = [
        f"Heat maps of a classifier ({facts['classes']} classes, {facts['images']} pixels, maps of the "
        f"{facts['feature maps']}, {facts['score']} scores) were compared on {counted}.",
        f"The methods were {enumerated(named)}.",
        f"Black Average Drop (BAD) {cite('BAD')} is the mean relative loss of the class score when only the "
        f"{100 * alpha:.1f} % of pixels with the largest values of a map are left and all others are black.",
        f"This share was {how}.",
        f"Average Drop (AD) {cite('AD')} is that loss when the image is multiplied by the map, scaled to a peak of 1.",
        f"Methods were compared with the best of the others {cite('best')}, and in pairs at a family-wise level of 5 % "
        f"by max-T over resampled patients {cite('pairs')}.",
        f"Intervals and tests take out skewness {cite('skew')}; where too few patients differed, none was given.",
        f"Methods whose mean drop is at most {margin:g} above that of the best, by one-sided limits at 5 % "
        f"{cite('same')}, count as practically as good.",
        "Control maps that know nothing of the image were measured in the same way.",
        f"{resamples:,} resamples of patients were drawn (seed {seed}).",
        f"Software: {used}.",
    ]
    listed = "\n".join(f"{number}. {work}" for number, work in enumerate(cited, 1))
    return f"{' '.join(sentences)}\n\n{listed}"
