"""Single files over HTTP: attempts, checksums, and a few words for what went wrong."""

import os
import re
import shutil
import time
from pathlib import Path

from black_average_drop import progress

PAUSES = (1, 4)  # seconds before the second and the third attempt
TIMEOUT = 30  # seconds without a byte
STAGING = ".fetching"  # the folder, or the beginning of its name, that things are fetched into


def retrieve(address, target, checksum=None, size=None):
    """Fetch one file with a progress bar.

    Args:
        address: the URL.
        target: where the file goes. If anything is raised, nothing is left there, nor next to it.
        checksum: "md5:..." or a SHA-256, checked if given.
        size: in bytes, checked if given.

    Raises:
        ValueError: if the checksum or the size is wrong.
        requests.RequestException: if the server does not deliver after three attempts.
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
        options = {"fname": target.name, "path": staging, "downloader": download}
        try:
            with bar:
                file = Path(persist(lambda: pooch.retrieve(address, checksum, **options)))
        except ValueError as problem:
            mismatch = re.search(r"^(\w+) hash .*expected (\w+:)?(\w+) but got (\w+)\. ", str(problem))
            if not mismatch:
                raise
            raise ValueError(f"its {mismatch[1]} is {mismatch[4]}, not {mismatch[3]}") from problem
        if size and file.stat().st_size != size:
            raise ValueError(f"it has {file.stat().st_size:,} bytes, not {size:,}")
        os.replace(file, target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def persist(download):
    """Call download, and again where the fault may pass: no connection, a cut one, a busy server.

    Returns:
        The result of download.

    Raises:
        requests.RequestException: if the fault does not pass, or did not after three attempts.
    """
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


def reason(problem):
    """Say the reason for an error while fetching, in a few words without a full stop."""
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


def is_whole(path, checksum, size):
    """Say whether a file has the size in bytes and the checksum, "md5:..." or a SHA-256, as far as they are given."""
    import pooch

    if size and path.stat().st_size != size:
        return False
    algorithm, _, known = (checksum or "").rpartition(":")
    return not known or pooch.file_hash(str(path), alg=algorithm or "sha256") == known


def check_sha256(path, expected):
    """Compare the SHA-256 of a file with the expected one.

    Raises:
        ValueError: if it is another one, or the file is missing.
    """
    import pooch

    checksum = pooch.file_hash(str(path)) if path.is_file() else "missing"
    if checksum != expected:
        raise ValueError(f"the SHA-256 of its {path.name} is {checksum}, not {expected}")
