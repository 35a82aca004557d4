"""From Kaggle: the archive of a data set, or single files of a competition, as Kaggle's own client asks for them."""

import io
import logging
import os
import shutil
import zipfile

import pandas as pd
from PIL import Image

from black_average_drop import progress
from black_average_drop.datasets.fetch.downloads import check_sha256, persist
from black_average_drop.datasets.fetch.unpacking import unpack
from black_average_drop.datasets.images import FORMATS
from black_average_drop.datasets.sources.source import KagglePhotos

KAGGLE = "https://www.kaggle.com"


def fetch_archive(download, tree, staging):
    """Fetch and unpack a data set of Kaggle.

    The archive stays in staging until it is unpacked, and is removed if it is at fault.

    Args:
        download: a `KaggleArchive`.
        tree: the folder that it becomes, below staging.
        staging: a folder of this download alone.

    Raises:
        ValueError: if the archive is damaged, or not the one that is known.
        requests.RequestException: if Kaggle does not deliver.
    """
    archive = staging / "archive"
    staging.mkdir(parents=True, exist_ok=True)
    _download_archive(download, archive)
    unpacked = staging / "unpacked"
    shutil.rmtree(unpacked, ignore_errors=True)  # of a run that was killed
    try:
        unpack(archive, unpacked, download.members)
        for path, checksum in download.checksums.items():
            check_sha256(unpacked / path, checksum)
        shutil.rmtree(tree.parent, ignore_errors=True)
        tree.parent.mkdir()
        if (unpacked / download.inside).is_dir():
            os.replace(unpacked / download.inside, tree)
    except ValueError:
        shutil.rmtree(staging)  # the archive is at fault: the next run must not meet it again
        raise


def fetch_photos(download, tree, photos=()):
    """Fetch the table of answers and the photos of a competition, file by file; what is there already stays.

    Args:
        download: a `KagglePhotos`.
        tree: the folder that they are put into: the table, and the photos in its folder val.
        photos: ids of photos next to those that the download names.

    Raises:
        ValueError: if a file that came cannot be read.
        requests.RequestException: if Kaggle does not deliver.
    """
    from kagglehub.clients import build_kaggle_client

    (tree / "val").mkdir(parents=True, exist_ok=True)
    print(download.terms)
    with build_kaggle_client() as client:
        table = tree / download.table
        if not table.is_file():  # each file takes its place whole, so the next run goes on with the next one
            content = _competition_file(client, download.competition, table.name)
            _put(table, content, lambda content: _readable_table(content, download.columns))
        for name in progress.bar(sorted({*download.ids, *photos}), desc="photos", unit="photo"):
            photo = tree / "val" / f"{name}.JPEG"
            if not photo.is_file():
                content = _competition_file(client, download.competition, download.photo.format(name))
                _put(photo, content, _decodable)


def by_hand(download, place):
    """Write the end of a sentence that says how to get a data set without this command."""
    if isinstance(download, KagglePhotos):
        page = f"{KAGGLE}/competitions/{download.competition}"
        return (
            f"it takes a Kaggle account that has accepted the rules at {page}/rules, with its token in "
            f"~/.kaggle/kaggle.json or KAGGLE_API_TOKEN; or download {download.table} and any photos of "
            f"{download.photo.rpartition('/')[0]} from {page}/data and put them at {place / download.table} and in "
            f"{place / 'val'}."
        )
    where = f"into {place}" if download.inside == "." else f"and put its folder {download.inside}/ at {place}"
    return f"download the archive from {KAGGLE}/datasets/{download.owner}/{download.name} and unpack it {where}."


def _download_archive(download, archive):
    """Fetch an archive to a file, from where an earlier attempt stopped."""
    import requests
    from kagglehub.clients import build_kaggle_client, download_file
    from kagglehub.exceptions import DataCorruptionError, handle_call
    from kagglehub.handle import parse_dataset_handle
    from kagglesdk.datasets.types.dataset_api_service import ApiDownloadDatasetRequest

    logging.getLogger("kagglehub").setLevel("WARNING")  # bars say enough
    request = ApiDownloadDatasetRequest()
    request.owner_slug, request.dataset_slug = download.owner, download.name
    request.dataset_version_number = download.version
    handle = parse_dataset_handle(f"{download.owner}/{download.name}/versions/{download.version}")

    def attempt():
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
        persist(attempt)
    except DataCorruptionError as problem:  # kagglehub has removed the archive
        raise ValueError("its MD5 is not the one that Kaggle sent with it") from problem


def _competition_file(client, competition, path):
    """The bytes of one file of a competition."""
    from kagglehub.exceptions import handle_call
    from kagglehub.handle import parse_competition_handle
    from kagglesdk.competitions.types.competition_api_service import ApiDownloadDataFileRequest

    handle = parse_competition_handle(competition)
    request = ApiDownloadDataFileRequest()
    request.competition_name, request.file_name = competition, path
    api = client.competitions.competition_api_client
    return persist(lambda: handle_call(lambda: api.download_data_file(request), handle).content)


def _put(target, content, check):
    """Write what check makes of the content to a file, whole or not at all. Raises ValueError if it stumbles."""
    try:
        content = check(content)
    except Exception as problem:  # whatever a decoder says of bytes that are something else
        raise ValueError(f"its {target.name} cannot be read") from problem
    partial = target.with_name(f".{target.name}")
    partial.write_bytes(content)
    os.replace(partial, target)


def _readable_table(content, columns):
    if content.startswith(b"PK"):  # Kaggle sends a single table as it is or zipped
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            content = archive.read(archive.namelist()[0])
    pd.read_csv(io.BytesIO(content), encoding="utf-8-sig", usecols=list(columns))
    return content


def _decodable(content):
    Image.open(io.BytesIO(content), formats=FORMATS).load()
    return content
