"""Bring what a profile names to the data root: archives and photos from Kaggle, and Keras' weights.

Everything is fetched into a folder beside its place, checked there, and renamed only when it is whole: an interrupted
run leaves nothing that looks finished, and the next one takes a Kaggle archive up where it stopped.
"""

import io
import logging
import os
import re
import shutil
import stat
import tarfile
import time
import zipfile
import zlib
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd
from PIL import Image

from black_average_drop import progress
from black_average_drop.datasets import FOLDERS, FORMATS, image_files

PAUSES = (1, 4)  # seconds before the second and the third attempt
TIMEOUT = 30  # seconds without a byte
STAGING = ".fetching"  # below the data root
# The photos of the committed results: 100, of as many classes drawn at random, like the paper.
PHOTOS = Path(__file__).with_name("imagenet_photos.txt").read_text().split()

KAGGLE = "https://www.kaggle.com"
COMPETITION = "imagenet-object-localization-challenge"
# Kaggle archives: owner, name, version; the members that are unpacked; where in the archive the data root's folder is.
ARCHIVES = {
    "chest_xray": (
        ("paultimothymooney", "chest-xray-pneumonia", 2),
        r"chest_xray/(train|val|test)/(NORMAL|PNEUMONIA)/[^/.][^/]*\.jpeg",  # not its second copy, nor __MACOSX
        "chest_xray",
    ),
    "chestxray14": (("nih-chest-xrays", "data", 3), r"images_0\d\d/images/[^/]+\.png|[^/]+\.(csv|txt|pdf)", "."),
}
SIZES = {"chest_xray": "2.5 GB", "chestxray14": "45 GB, and as much again while it is unpacked", "imagenet": "20 MB"}
EXPECTED = {
    "chest_xray": {
        "images in train/NORMAL": 1341,
        "images in train/PNEUMONIA": 3875,
        "images in test/NORMAL": 234,
        "images in test/PNEUMONIA": 390,
    },
    "chestxray14": {"images": 112120, "rows of Data_Entry_2017*.csv": 112120, "boxes": 984, "boxed images": 880},
    "imagenet": {"photos": len(PHOTOS), "rows of LOC_val_solution.csv": 50000, "classes in it": 1000},
}
# The tables of Kaggle's NIH archive.
CHECKSUMS = {
    "Data_Entry_2017.csv": "88f75094e25ccc0c6f1f9cdfd4b2f94f9379a0ae07d5ff4dcf94242707b07462",
    "BBox_List_2017.csv": "0bbfea9d4c4e9771481b3023b1bc9f0df9dea924453b12986beb29b0c4d0c95b",
}

KERAS = "https://storage.googleapis.com/tensorflow/keras-applications"
# (backbone, with its head): address, the checksum that Keras publishes or None, size in bytes or None. For MobileNetV2
# Keras publishes no checksum; its size is what Keras' own downloads report.
WEIGHTS = {
    ("InceptionResNetV2", True): (
        f"{KERAS}/inception_resnet_v2/inception_resnet_v2_weights_tf_dim_ordering_tf_kernels.h5",
        "md5:e693bd0210a403b3192acc6073ad2e96",
        None,
    ),
    ("InceptionResNetV2", False): (
        f"{KERAS}/inception_resnet_v2/inception_resnet_v2_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "md5:d19885ff4a710c122648d3b5c3b684e4",
        None,
    ),
    ("MobileNetV2", True): (
        f"{KERAS}/mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5",
        None,
        14_536_120,
    ),
    ("MobileNetV2", False): (
        f"{KERAS}/mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
        None,
        9_406_464,
    ),
}


def fetch(sources, weights, root, photos=()):
    """Bring sources (keys of FOLDERS) below root, and Keras' weights (keys of WEIGHTS) to where Keras looks for them.

    photos: ids of ImageNet photos to fetch besides PHOTOS. What is there already is counted and left alone.
    Raises RuntimeError with a sentence for each thing that could not be fetched, after the others have been.
    """
    root = Path(root)
    steps = [lambda source=source: _fetch_source(source, root, photos) for source in sorted(sources)]
    steps += [lambda key=key: _fetch_weights(*key) for key in sorted(weights)]
    problems = []
    for step in steps:
        try:
            step()
        except RuntimeError as problem:
            problems.append(str(problem))
    if problems:
        raise RuntimeError("\n".join(problems))


def counts(source, root):
    """What of a source is below root, under the names of EXPECTED[source]; 0 for what is missing."""
    folder = Path(root) / FOLDERS[source]
    if source == "chest_xray":
        return {name: _images(folder / name.removeprefix("images in ")) for name in EXPECTED[source]}
    if source == "chestxray14":
        images = sum(_images(place) for place in (folder / "images", *folder.glob("images_0*/images")))
        entries, boxes = _column(folder, "Data_Entry_2017*.csv"), _column(folder, "BBox_List_2017.csv")
        found = images, len(entries), len(boxes), boxes.nunique()
    else:
        photos = _images(folder / "val") or sum(_images(place) for place in folder.glob("val/n*"))
        answers = _column(folder, "LOC_val_solution.csv", 1)
        found = photos, len(answers), answers.str.split().str[0].nunique()
    return dict(zip(EXPECTED[source], found, strict=True))


def retrieve(address, target, checksum=None, size=None):
    """Fetch one file with a progress bar. checksum: "md5:..." or a SHA-256; size in bytes; each is checked if given.

    Raises ValueError for a wrong checksum or size and requests.RequestException if the server does not deliver after
    three attempts; then nothing is left at target, nor beside it.
    """
    import pooch

    pooch.get_logger().setLevel("WARNING")  # bars say enough
    target = Path(target)
    staging = target.with_name(f"{STAGING}-{target.name}")
    shutil.rmtree(staging, ignore_errors=True)  # of a run that was interrupted
    try:
        staging.mkdir(parents=True)
        bar = progress.bar(total=size or 1, desc=target.name, unit="B", unit_scale=True)
        download = pooch.HTTPDownloader(progressbar=bar, timeout=TIMEOUT, chunk_size=2**18)
        try:
            options = {"fname": target.name, "path": staging, "downloader": download}
            with bar:
                found = Path(_persist(lambda: pooch.retrieve(address, checksum, **options)))
        except ValueError as problem:
            mismatch = re.search(r"^(\w+) hash .*expected (\w+:)?(\w+) but got (\w+)\. ", str(problem))
            if not mismatch:
                raise
            raise ValueError(f"its {mismatch[1]} is {mismatch[4]}, not {mismatch[3]}") from problem
        if size and found.stat().st_size != size:
            raise ValueError(f"it has {found.stat().st_size:,} bytes, not {size:,}")
        os.replace(found, target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def unpack(archive, folder, wanted=".*"):
    """Unpack the members of a zip or tar archive whose whole name matches `wanted` into a new folder.

    Raises ValueError, before anything is written, if any member is a link or a device or would land outside the
    folder, and if the archive is damaged or of another kind; then the folder is not there.
    """
    folder = Path(folder)
    is_tar = tarfile.is_tarfile(archive)
    if not is_tar and not zipfile.is_zipfile(archive):
        raise ValueError("it is neither a zip nor a tar archive")
    try:
        with tarfile.open(archive) if is_tar else zipfile.ZipFile(archive) as opened:
            members = {}
            for member in opened.getmembers() if is_tar else opened.infolist():
                name = member.name if is_tar else member.filename
                if not (_is_plain_tar(member) if is_tar else _is_plain_zip(member)):
                    raise ValueError(f"its member {name!r} is a link or a device")
                if ".." in re.split(r"[/\\]", name) or re.match(r"[/\\]|[A-Za-z]:", name):
                    raise ValueError(f"its member {name!r} would land outside its folder")
                if re.fullmatch(wanted, name):
                    members[name] = member
            folder.mkdir(parents=True)
            # Python before 3.11.4 has no filters; what they would refuse is refused above.
            safely = {"filter": "data"} if is_tar and hasattr(tarfile, "data_filter") else {}
            try:
                for member in progress.bar(members.values(), desc="unpacking", unit="file"):
                    opened.extract(member, folder, **safely)
            except BaseException:  # an interruption too must not leave half a tree
                shutil.rmtree(folder)
                raise
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, RuntimeError) as problem:
        raise ValueError(f"the archive is damaged: {problem}") from problem


def keras_folder():
    """Where Keras keeps the weights that it downloads: models/ below KERAS_HOME, by default ~/.keras."""
    return Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "models"


def _fetch_source(source, root, photos):
    place, staging = root / FOLDERS[source], root / STAGING / FOLDERS[source]
    if place.exists():
        difference = _difference(source, root)
        print(f"{FOLDERS[source]}: there already, {f'but with {difference}' if difference else 'and whole'}.")
    else:
        print(f"{FOLDERS[source]}: fetching from Kaggle, {SIZES[source]}.", flush=True)
        try:
            tree = _imagenet(staging, photos) if source == "imagenet" else _archive(source, staging)
            difference = _difference(source, tree.parent)
            if difference:
                shutil.rmtree(staging)
                raise ValueError(f"what came has {difference}")
            os.replace(tree, place)
        except (OSError, ValueError) as problem:
            raise RuntimeError(
                f"{FOLDERS[source]} could not be fetched ({_reason(problem)}): {_by_hand(source, place)}"
            ) from problem
        print(f"{place}: whole.")
    shutil.rmtree(staging, ignore_errors=True)
    _remove_if_empty(staging.parent)


def _archive(source, staging):
    """Fetch and unpack a Kaggle data set; the archive stays in staging until it is unpacked. Gives the tree."""
    import requests
    from kagglehub.clients import build_kaggle_client, download_file
    from kagglehub.exceptions import DataCorruptionError, handle_call
    from kagglehub.handle import parse_dataset_handle
    from kagglesdk.datasets.types.dataset_api_service import ApiDownloadDatasetRequest

    logging.getLogger("kagglehub").setLevel("WARNING")  # bars say enough
    (owner, name, version), wanted, inside = ARCHIVES[source]
    request = ApiDownloadDatasetRequest()
    request.owner_slug, request.dataset_slug, request.dataset_version_number = owner, name, version
    handle = parse_dataset_handle(f"{owner}/{name}/versions/{version}")
    archive = staging / "archive"
    staging.mkdir(parents=True, exist_ok=True)

    def download():
        archive.touch()  # kagglehub has a timeout only where it resumes, and from an empty file it resumes too
        with build_kaggle_client() as client:
            response = handle_call(lambda: client.datasets.dataset_api_client.download_dataset(request), handle)
            with response:
                download_file(response, str(archive), handle)
        # Where the server does not honour the range, kagglehub appends whatever it did send: start over.
        expected = response.headers.get("Content-Length")
        if expected and archive.stat().st_size != int(expected):
            archive.unlink()
            raise requests.exceptions.ChunkedEncodingError("The archive has another size than announced.")

    try:
        _persist(download)
    except DataCorruptionError as problem:  # kagglehub has removed the archive
        raise ValueError("its MD5 is not the one that Kaggle sent with it") from problem
    # A folder of the right name: `counts` looks for it below the root that it is given.
    tree = staging / "root" / FOLDERS[source]
    shutil.rmtree(staging / "unpacked", ignore_errors=True)  # of a run that was killed
    try:
        unpack(archive, staging / "unpacked", wanted)
        for table, expected in CHECKSUMS.items() if source == "chestxray14" else ():
            _check_sha256(staging / "unpacked" / table, expected)
        shutil.rmtree(tree.parent, ignore_errors=True)
        tree.parent.mkdir()
        if (staging / "unpacked" / inside).is_dir():
            os.replace(staging / "unpacked" / inside, tree)
    except ValueError:
        shutil.rmtree(staging)  # the archive is at fault: the next run must not meet it again
        raise
    return tree


def _imagenet(staging, photos):
    """Fetch the table of answers and the photos, file by file. Gives the tree."""
    from kagglehub.clients import build_kaggle_client
    from kagglehub.exceptions import handle_call
    from kagglehub.handle import parse_competition_handle
    from kagglesdk.competitions.types.competition_api_service import ApiDownloadDataFileRequest

    handle = parse_competition_handle(COMPETITION)
    request = ApiDownloadDataFileRequest()
    request.competition_name = COMPETITION
    tree = staging / "root" / FOLDERS["imagenet"]
    (tree / "val").mkdir(parents=True, exist_ok=True)
    print("ImageNet photos are for non-commercial research and education only: https://image-net.org/download.")

    with build_kaggle_client() as client:

        def download(path, target, check):
            if not target.is_file():  # each file takes its place whole, so the next run goes on with the next one
                request.file_name = path
                api = client.competitions.competition_api_client
                content = _persist(lambda: handle_call(lambda: api.download_data_file(request), handle).content)
                try:
                    content = check(content)
                except Exception as problem:  # whatever a decoder says of bytes that are something else
                    raise ValueError(f"its {target.name} cannot be read") from problem
                partial = target.with_name(f".{target.name}")
                partial.write_bytes(content)
                os.replace(partial, target)

        table = tree / "LOC_val_solution.csv"
        download(table.name, table, _readable_table)
        for name in progress.bar(sorted({*PHOTOS, *photos}), desc="photos", unit="photo"):
            download(f"ILSVRC/Data/CLS-LOC/val/{name}.JPEG", tree / "val" / f"{name}.JPEG", _decodable)
    return tree


def _fetch_weights(backbone, with_head):
    if (backbone, with_head) not in WEIGHTS:
        print(f"Weights of {backbone}: Keras fetches them itself when the first notebook needs them.")
        return
    address, checksum, size = WEIGHTS[backbone, with_head]
    target = keras_folder() / Path(urlsplit(address).path).name
    if target.is_file() and _is_that(target, checksum, size):
        print(f"{target.name}: there already, and whole.")
        return
    print(f"{target.name}: fetching, for Keras.", flush=True)
    try:
        retrieve(address, target, checksum, size)
    except (OSError, ValueError) as problem:
        raise RuntimeError(
            f"{target.name} could not be fetched ({_reason(problem)}): download {address} and put it at {target}."
        ) from problem


def _persist(download):
    """What download() gives, with three attempts where the fault may pass: no connection, a cut one, a busy server."""
    import requests

    for pause in (*PAUSES, None):
        try:
            return download()
        except requests.RequestException as problem:
            status = getattr(problem.response, "status_code", None)
            passing = status in (429, 500, 502, 503, 504) if status else not isinstance(problem, ValueError)
            if pause is None or not passing:
                raise
            time.sleep(pause)


def _reason(problem):
    """Why something was not fetched, as a few words without a full stop."""
    import requests

    if isinstance(problem, requests.TooManyRedirects):
        return "the server redirects in a circle"
    if isinstance(problem, requests.HTTPError):
        return f"the server answered {problem.response.status_code}"
    if isinstance(problem, requests.Timeout):
        return "the server does not answer"
    if isinstance(problem, requests.exceptions.ChunkedEncodingError):
        return "the connection broke off"
    if isinstance(problem, requests.ConnectionError):
        return "there is no connection"
    return str(problem)


def _by_hand(source, place):
    if source == "imagenet":
        page = f"{KAGGLE}/competitions/{COMPETITION}"
        return (
            f"it takes a Kaggle account that has accepted the rules at {page}/rules, with its token in "
            f"~/.kaggle/kaggle.json or KAGGLE_API_TOKEN; or download LOC_val_solution.csv and any photos of "
            f"ILSVRC/Data/CLS-LOC/val from {page}/data and put them at {place / 'LOC_val_solution.csv'} and in "
            f"{place / 'val'}."
        )
    (owner, name, _), _, inside = ARCHIVES[source]
    where = f"into {place}" if inside == "." else f"and put its folder {inside}/ at {place}"
    return f"download the archive from {KAGGLE}/datasets/{owner}/{name} and unpack it {where}."


def _difference(source, root):
    """ "" if the counts below root are those of the whole source, and otherwise the first that is not, both numbers."""
    found = counts(source, root)
    wrong = [name for name, number in EXPECTED[source].items() if found[name] != number]
    if source == "imagenet" and wrong == ["photos"] and found["photos"] > len(PHOTOS):
        return ""  # more photos do no harm
    return f"{found[wrong[0]]:,} {wrong[0]} instead of {EXPECTED[source][wrong[0]]:,}" if wrong else ""


def _images(folder):
    return len(image_files(folder)) if folder.is_dir() else 0


def _column(folder, pattern, column=0):
    """A column of the CSV in the folder that matches the pattern; empty if there is none."""
    found = sorted(folder.glob(pattern))
    if not found:
        return pd.Series(dtype=str)
    return pd.read_csv(found[0], encoding="utf-8-sig", usecols=[column], dtype=str).iloc[:, 0]


def _is_plain_tar(member):
    return member.isreg() or member.isdir()


def _is_plain_zip(member):
    kind = stat.S_IFMT(member.external_attr >> 16)  # 0 where the archive was not made on Unix
    return kind in (0, stat.S_IFREG, stat.S_IFDIR)


def _is_that(path, checksum, size):
    import pooch

    if size and path.stat().st_size != size:
        return False
    algorithm, _, known = (checksum or "").rpartition(":")
    return not known or pooch.file_hash(str(path), alg=algorithm or "sha256") == known


def _check_sha256(path, expected):
    import pooch

    found = pooch.file_hash(str(path)) if path.is_file() else "missing"
    if found != expected:
        raise ValueError(f"the SHA-256 of its {path.name} is {found}, not {expected}")


def _readable_table(content):
    if content.startswith(b"PK"):  # Kaggle sends a single table as it is or zipped
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            content = archive.read(archive.namelist()[0])
    pd.read_csv(io.BytesIO(content), encoding="utf-8-sig", usecols=["ImageId", "PredictionString"])
    return content


def _decodable(content):
    Image.open(io.BytesIO(content), formats=FORMATS).load()
    return content


def _remove_if_empty(folder):
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
