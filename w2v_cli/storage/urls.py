"""The names of files: paths of this machine, and URLs such as `s3://bucket/corpus.txt`, told apart without fsspec.

`remote` opens what a URL names. A URL of this machine, `file:///home/me/corpus.txt`, is another spelling of a path.
"""

from __future__ import annotations

import os
import re
import urllib.parse

# fsspec chains URLs with `::`, as in `filecache::s3://bucket/key` and `zip://*.txt::s3://bucket/texts.zip`.
_URL = re.compile(r"(?:[a-zA-Z][a-zA-Z0-9+.-]*::)*[a-zA-Z][a-zA-Z0-9+.-]*://")
_LOCAL = re.compile(r"(?:file|local)://(?:localhost(?=/))?", re.IGNORECASE)
# The protocols in whose URLs a `?` begins a query.
_WITH_QUERY = ("http", "https")


def is_url(path: str | os.PathLike[str]) -> bool:
    """Return whether a name is a URL, other than one of a file on this machine."""
    name = os.fspath(path)
    return _URL.match(name) is not None and _LOCAL.match(name) is None


def local_path(path: str) -> str:
    """Return the path that a `file://` URL means; any other name is returned as it is."""
    start = _LOCAL.match(path)
    return path if start is None else urllib.parse.unquote(path[start.end() :])


def protocol_of(url: str) -> str:
    """Return the first protocol of a URL, such as `s3`."""
    return re.split("::|://", url, maxsplit=1)[0].lower()


def lower_protocols(url: str) -> str:
    """Return a URL with its protocols in lower case, as fsspec knows them: `S3://Bucket` becomes `s3://Bucket`."""
    return re.sub(r"(?:^|(?<=::))[a-zA-Z][a-zA-Z0-9+.-]*(?=::|://)", lambda protocol: protocol[0].lower(), url)


def without_query(path: str) -> str:
    """Return a name without the query and the fragment that a web address may end in: its suffix is the file's."""
    return re.split("[?#]", path, maxsplit=1)[0] if is_url(path) and protocol_of(path) in _WITH_QUERY else path


def absolute_path(path: str | os.PathLike[str]) -> str:
    """Return the same file or URL for any working folder."""
    name = os.fspath(path)
    return name if is_url(name) else os.path.abspath(local_path(name))


def joined(folder: str | os.PathLike[str], name: str) -> str:
    """Return the name of a file in a folder, which may be a URL."""
    return f"{os.fspath(folder).rstrip('/')}/{name}" if is_url(folder) else os.path.join(folder, name)
