#!/usr/bin/env python3
"""Download text8, the first 100 MB of cleaned English Wikipedia (Mahoney), as data/text8.

An interrupted download is resumed. The text gets its final name only after its MD5 checksum has been verified.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import shutil
import sys
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

from w2v_cli.cli.progress import ProgressLine

URL = "http://mattmahoney.net/dc/text8.zip"
MD5 = "3bea1919949baf155f99411df5fada7e"
CHUNK_BYTES = 1 << 16
TIMEOUT_SECONDS = 60


def get_text8(target: Path, url: str = URL, md5: str = MD5) -> bool:
    """Download the text with the given MD5 to `target`. Return False if `target` already contains it.

    Raises
    ------
    OSError
        If the download fails. The part that has arrived stays in `<target>.zip.part` and is used by the next try.
    ValueError
        If the downloaded file is not the text. It is removed.
    """
    if target.exists():
        if _md5(target) != md5:
            raise ValueError(f"{target} is there and is not text8; remove it to download it")
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    archive, unpacked = target.with_name(target.name + ".zip.part"), target.with_name(target.name + ".tmp")
    _download(url, archive)
    try:
        with zipfile.ZipFile(archive) as contents, contents.open("text8") as text, unpacked.open("wb") as out:
            shutil.copyfileobj(text, out)
        if _md5(unpacked) != md5:
            raise ValueError(f"what came from {url} is not text8: its md5 is another; it was removed, try again")
    except (zipfile.BadZipFile, KeyError) as error:
        raise ValueError(f"what came from {url} is not the archive of text8 ({error}); it was removed") from error
    else:
        unpacked.replace(target)
        return True
    finally:
        unpacked.unlink(missing_ok=True)
        archive.unlink(missing_ok=True)


def _download(url: str, path: Path) -> None:
    """Download `url` to `path`. Continue an earlier download if the server supports it.

    Raises
    ------
    OSError
        If the server refuses, or the connection ends before the whole file has arrived.
    """
    done = path.stat().st_size if path.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={done}-"} if done else {})
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        # Status 416 means that nothing is left to download.
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and done:
            return
        raise
    with response:
        resumed = response.status == http.HTTPStatus.PARTIAL_CONTENT
        done = done if resumed else 0
        length = response.headers.get("Content-Length")
        total = done + int(length) if length else None
        with path.open("ab" if resumed else "wb") as out, ProgressLine() as show:
            while chunk := response.read(CHUNK_BYTES):
                out.write(chunk)
                show.show("Downloading", out.tell(), total, "B")
        if total is not None and path.stat().st_size < total:
            raise OSError(f"the download ended at {path.stat().st_size:,} of {total:,} bytes; run this again to go on")


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.md5(usedforsecurity=False)
        while chunk := file.read(1 << 20):
            digest.update(chunk)
        return digest.hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    default = Path(__file__).parents[1] / "data" / "text8"
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, default=default, help="default: data/text8")
    parser.add_argument("--url", default=URL, help=f"another place to get it from; default: {URL}")
    arguments = parser.parse_args()
    try:
        new = get_text8(arguments.output, arguments.url)
    except (OSError, ValueError, http.client.HTTPException) as error:
        sys.exit(f"Error: {error}")
    print(f"{arguments.output} is {'ready' if new else 'here already'}: w2v train {arguments.output}", file=sys.stderr)


if __name__ == "__main__":
    main()
