"""The results page: figures, tables, executed notebooks and where each comes from, as HTML that needs no network."""

import json
import os
import re
import shutil
from html import escape
from urllib.parse import quote

from black_average_drop.artifact import halves, records
from black_average_drop.artifact.html_pages import clean, from_markdown, image, link, scrolling, whole_page
from black_average_drop.artifact.provenance import analysis_record
from black_average_drop.files import ROOT, flush, partial_name, replacing, sha256

SECTIONS = (
    ("Figure 1", "What the three methods draw on the same images.", ("figure1.png",)),
    ("Table 1", "How far the class score falls when only what a map points at is left.", ("table1.md",)),
    ("The paper's claims", "What the paper says, and what came out here.", ("claims.md",)),
    (
        "Which metric should you believe?",
        "Where lesions or objects are known, a metric can be judged by whether it ranks maps as they do.",
        ("trust.png", "trust.md", "trust_maps.png", "trust_sanity.png"),
    ),
    (
        "Does the conclusion depend on alpha?",
        "BAD along the share of pixels that is kept, and the paper's two objections to AD, measured.",
        ("alpha.png", "alpha_objections.png"),
    ),
    ("Why CAM and Grad-CAM are one map", "And on which heads they are not.", ("identity.png",)),
    ("What softmax does to Grad-CAM++", "In floating point, and computed exactly.", ("softmax.png",)),
    ("The classifiers", "How they were trained, and how good they are.", ("learning_curves.png", "roc.png")),
)
ALTERNATIVES = {
    "figure1": "Rows of images, objects and radiographs: the input, then over it the maps of CAM, Grad-CAM and "
    "Grad-CAM++. A white line encloses the pixels that BAD keeps. A dashed line encloses the object or lesion, where "
    "it is known.",
    "learning_curves": "Validation quality and loss of each training against the epoch, a column for each kind of "
    "data, a colour for each head. Circles mark the epochs that were kept.",
    "roc": "ROC curves of the radiograph classifiers by head, with 95 % bands, and the confusion matrix of each.",
    "alpha": "For general images and for radiographs, against the share alpha of pixels kept: how far the methods' "
    "masked images differ, BAD of each method, and the difference between Grad-CAM++ and CAM with its interval. A red "
    "line marks the alpha of Table 1.",
    "alpha_objections": "AD of each method against the power that its maps are raised to, and the correlations of the "
    "drops of AD and BAD with opacity and size, with their intervals.",
    "identity": "The share of negative weights of each class, and Grad-CAM against CAM point by point: one straight "
    "line behind pooling and a dense layer, but not behind other heads.",
    "softmax": "Logits scaled to the paper's range; against the largest logit, how often Grad-CAM++ is blank or NaN "
    "in float32 and how often its exact form has the wrong sign; and a radiograph with its map computed each way.",
    "trust": "For each metric and data set, a coloured cell with the agreement between its ranking of the maps and "
    "the truth's, Kendall's tau-b with its interval. A dagger marks metrics that a control map fools.",
    "trust_truths": "For each data set and each of four truths, how far each metric ranks the maps as that truth does: "
    "Kendall's tau-b with its interval, for methods alone and with controls.",
    "trust_maps": "Images whose lesions or objects are known, and over each the maps of several methods and of "
    "controls that say nothing. A white line encloses the pixels that BAD keeps, a dashed line the lesion or object.",
    "trust_sanity": "For each data set, measure and method, how like the trained network's map the maps of a "
    "randomised head, of a randomised backbone and of another image are, with their intervals.",
}


def write_site(profile, notebooks, build, results):
    """Write the results page of a profile to build/site, in the place of an earlier one.

    Args:
        profile: its name.
        notebooks: the names of its notebooks, in their order.
        build: the folder of the executed notebooks.
        results: the folder of results.

    Returns:
        The paths of the pages: one for each notebook, and index.html.

    Raises:
        FileNotFoundError: something is missing; the message names it.
        ValueError: a result is not one that was recorded.
    """
    _require([build / f"{name}.ipynb" for name in notebooks], profile)
    _require([results / f"{name}.json" for name in (*notebooks, "claims")], profile)
    of_analyses = {name: analysis_record(name, results) for name in notebooks if halves.is_split(name)}
    _require(of_analyses.values(), profile)
    of_notebooks = {name: records.of_notebook(results / f"{name}.json") for name in notebooks}
    analyses = {name: records.of_analysis(path) for name, path in of_analyses.items()}
    claims = records.read(results / "claims.json")
    whole = records.are_checksums(claims, "inputs", "outputs")
    broken = [results / f"{name}.json" for name, one in of_notebooks.items() if one is None]
    broken += [of_analyses[name] for name, one in analyses.items() if one is None]
    for path in [*broken, *([] if whole else [results / "claims.json"])]:
        raise ValueError(f"{os.path.relpath(path, ROOT)} is no whole record: {_remedy(profile)}.")
    # File -> its checksum and the records of the notebooks it comes from: several for the claims.
    artifacts = {file: (value, [one]) for one in of_notebooks.values() for file, value in one["outputs"].items()}
    made = {name: [of_notebooks[name], one] for name, one in analyses.items()}
    artifacts |= {file: (value, made[name]) for name, one in analyses.items() for file, value in one["outputs"].items()}
    for file, value in claims["inputs"].items():
        if artifacts.get(file, [None])[0] != value:
            raise ValueError(f"claims.md was not made from the {file} that is recorded: {_remedy(profile)}.")
    several = [one for file in claims["inputs"] for one in artifacts[file][1]]
    artifacts |= {file: (value, several) for file, value in claims["outputs"].items()}
    own = {file: results / file for file in artifacts if not file.startswith("..")}  # elsewhere: weights and the like
    for file in ("table1.md", "claims.md", "trust.md"):
        if file not in own:
            raise ValueError(f"No notebook has recorded {file}: {_remedy(profile)}.")
    _require(own.values(), profile)
    for file, path in own.items():
        if sha256(path) != artifacts[file][0]:
            raise ValueError(f"{os.path.relpath(path, ROOT)} is not what was recorded: {_remedy(profile)}.")
    titles, pages = {}, {}
    for name, record in of_notebooks.items():
        titles[name], body = _notebook(name, build / f"{name}.ipynb", _remedy(profile))
        body = f'<nav><a href="index.html">All results</a></nav>\n{body}{_origin(made.get(name, [record]))}'
        pages[f"{name}.html"] = whole_page(name, profile, body)
    pages["index.html"] = whole_page(f"Black Average Drop, {profile}", profile, _index(profile, titles, artifacts, own))
    shown = [f"{name}.json" for name in (*notebooks, "claims")] + [path.name for path in of_analyses.values()]
    copied = own | {name: results / name for name in shown}
    return _publish(build / "site", pages, copied)


def write_notebook(executed, page):
    """Write one executed notebook, a path, as an HTML page that needs no other file; return the page's path."""
    title, body = _notebook(executed.stem, executed, "run it again")
    with replacing(page) as partial:
        partial.write_text(whole_page(title, "", body), encoding="utf-8")
    return page


def _index(profile, titles, artifacts, own):
    """The body of index.html: the sections that there are results for, the notebooks, and every file."""
    placed = {file for _, _, files in SECTIONS for file in files}
    rest = [file for file in own if file.endswith(".png") and file not in placed]
    sections = {}
    for title, about, files in (*SECTIONS, ("More figures", "", rest)):
        shown = [_artifact(file, *artifacts[file], own) for file in files if file in own]
        if shown:
            sections[title] = f"<p>{escape(about)}</p>\n" + "\n".join(shown)
    items = "".join(f"<li>{link(f'{name}.html', title)}</li>\n" for name, title in titles.items())
    sections["The notebooks"] = f"<p>As they ran, without their code.</p>\n<ul>\n{items}</ul>"
    rows = ""
    for file, (value, makers) in artifacts.items():
        shown = link(file) if file in own else escape(os.path.basename(file))
        links = ", ".join(link(f"{name}.html", name) for name in dict.fromkeys(one["notebook"] for one in makers))
        rows += f'<tr><td>{shown}</td><td>{links}</td><td class="sum">{escape(value)}</td></tr>\n'
    table = f"<table><tr><th>file</th><th>notebook</th><th>SHA-256</th></tr>\n{rows}</table>"
    sections["Every file"] = f"<details><summary>{len(artifacts)} files</summary>{scrolling(table)}</details>"
    links = "".join(f'<li><a href="#part-{i}">{escape(title)}</a></li>' for i, title in enumerate(sections))
    return (
        "<h1>Black Average Drop: what came out</h1>\n<p>Heat maps of a classifier (CAM, Grad-CAM, Grad-CAM++), and two "
        "metrics to choose between them, Average Drop (AD) and Black Average Drop (BAD): smaller is better. Profile: "
        f'{escape(profile)}.</p>\n<p class="notice">This is no clinical evidence.</p>\n<nav><ul>{links}</ul></nav>\n'
    ) + "\n".join(f'<h2 id="part-{i}">{escape(title)}</h2>\n{text}' for i, (title, text) in enumerate(sections.items()))


def _artifact(file, checksum, records, own):
    """A figure or a Markdown file as HTML, with where it comes from below it."""
    if file.endswith(".png"):
        stem = file.removesuffix(".png")
        text = ALTERNATIVES.get(stem, f"{stem.replace('_', ' ')}, a figure of {records[0]['notebook']}")
        more = f" · {link(f'{stem}.pdf')}" if f"{stem}.pdf" in own else ""
        shown = image(own[file], quote(file), text)
        body = f"<figure>{shown}<figcaption>{link(file)}{more}</figcaption></figure>"
    else:
        first, *rest = re.split(r"^## ", own[file].read_text(encoding="utf-8"), flags=re.MULTILINE)
        body = from_markdown(re.sub(r"\A# .*", "", first))
        if rest:
            more = from_markdown(re.sub("^#", "##", "".join(f"## {part}" for part in rest), flags=re.MULTILINE))
            body += f"<details><summary>Everything else in {escape(file)}</summary>{more}</details>"
    return body + _origin(records, f'<dt>SHA-256 of {escape(file)}</dt><dd class="sum">{escape(checksum)}</dd>')


def _origin(records, first=""):
    """Where something comes from, folded: what the records of its notebooks say, behind a line that sums them up."""
    names = ", ".join(dict.fromkeys(one["notebook"] for one in records))
    commits = ", ".join(sorted({_commit(one)[:7] + _uncommitted(one) for one in records}))
    minutes = sum(one.get("minutes", 0) for one in records)  # an analysis half takes seconds
    line = f"Where it comes from: {names}; commit {commits}; {records[-1]['created'][:10]}; {minutes:.1f} minutes"
    html = f'<details class="origin"><summary>{escape(line)}</summary><dl>{first}</dl>'
    for one in records:
        name = one["notebook"]
        half = f", {one['half']}" if "half" in one else ""
        file = analysis_record(name, "").name if half else f"{name}.json"
        links = f"{link(f'{name}.html', name)}{half}, the whole record {link(file)}"
        html += f"<dl><dt>Notebook</dt>\n<dd>{links}</dd>\n"
        html += "".join(f"<dt>{escape(name)}</dt>\n<dd>{value}</dd>\n" for name, value in _facts(one).items()) + "</dl>"
    return f"{html}</details>"


def _facts(record):
    """HTML by name of what a provenance record says."""
    machine, parameters = record.get("machine"), dict(record["parameters"])
    computed = [f"{name}: {_said(record[name])}" for name in ("backend", "devices") if name in record]
    facts = {
        "Commit": _commit(record) + _uncommitted(record),
        "Created": record["created"],
        "Minutes": _said(record.get("minutes", 0)),
        "Machine": "; ".join([f"{machine['system']}, {machine['processor']}, {machine['cores']} cores", *computed])
        if machine
        else "any: it needs no network",
        "Versions": ", ".join(f"{name} {value}" for name, value in record["versions"].items()),
        "Seed": _said(parameters.pop("seed", "none")),
        "Parameters": "; ".join(f"{name} = {_said(value)}" for name, value in parameters.items()),
    }
    inputs = "".join(
        f'<div class="input">{escape(name)} <span class="sum">{escape(_said(value))}</span></div>'
        for name, value in record["inputs"].items()
    )
    return {name: escape(value) for name, value in facts.items()} | {"Inputs, SHA-256": inputs or "none"}


def _said(value):
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)


def _commit(record):
    return record["commit"] or "unknown"


def _uncommitted(record):
    return ", with uncommitted changes" if record["uncommitted_changes"] else ""


def _notebook(name, path, remedy):
    """(title, HTML) of an executed notebook without its code, progress bars and widgets, which need a kernel.

    A cell of a table without a value is a dash.
    """
    import nbformat
    from nbconvert import HTMLExporter

    if "cells" not in (records.read(path) or {}):
        raise ValueError(f"{os.path.relpath(path, ROOT)} is no whole notebook: {remedy}.")
    executed = nbformat.read(path, as_version=4)
    prose, title = name, name
    for cell in executed.cells:
        if cell.cell_type == "markdown":
            heading = re.match(r"# (.*)", cell.source)
            title = heading[1] if heading and title == name else title
            prose = " ".join(re.sub(r"^#+ |[*`]", "", cell.source, flags=re.MULTILINE).split())
        elif cell.cell_type == "code":
            cell.metadata["alt"] = prose  # nbconvert's alternative text for the figures of a cell
            cell.outputs = [output for output in cell.outputs if not _is_chatter(output)]
    exporter = HTMLExporter(
        template_name="basic",
        exclude_input=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        sanitize_html=True,
        filters={"clean_html": clean},
    )
    html = re.sub(r'(output_javascript") id="[\w-]+"', r"\1", exporter.from_notebook_node(executed)[0])  # at random
    return title, scrolling(re.sub("<td>(NaN|None)</td>", "<td>–</td>", html))


def _is_chatter(output):
    """Is an output of a notebook (dict) a progress bar, start-up chatter, or a widget, which is blank in a page?"""
    warned = output.get("text", "").startswith("WARNING:tensorflow")
    return output.get("name") == "stderr" or warned or any("jupyter.widget" in kind for kind in output.get("data", ()))


def _require(paths, profile):
    missing = [path for path in paths if not path.is_file()]
    if missing:
        more = f", and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise FileNotFoundError(f"{os.path.relpath(missing[0], ROOT)} is missing{more}: {_remedy(profile)}.")


def _remedy(profile):
    return f"run make reproduce PROFILE={profile}"


def _publish(site, pages, files):
    """Write pages (name -> HTML) and copies of files (name -> path) into the folder `site` at once, or nothing.

    Returns the paths of the pages.

    Nothing is written where all of it is there already, for example on a disk that is read-only.
    """
    content = {name: path.read_bytes() for name, path in files.items()}
    content |= {name: text.encode() for name, text in pages.items()}
    there = {path.relative_to(site).as_posix(): path.read_bytes() for path in site.rglob("*") if path.is_file()}
    if there == content:
        return [site / name for name in pages]
    partial = partial_name(site)
    try:
        partial.mkdir(parents=True)
        for name, path in files.items():
            (partial / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(path, partial / name)
        for name, text in pages.items():
            (partial / name).write_text(text, encoding="utf-8")
        for path in (*partial.rglob("*"), partial):
            flush(path)
        shutil.rmtree(site, ignore_errors=True)
        os.replace(partial, site)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return [site / name for name in pages]
