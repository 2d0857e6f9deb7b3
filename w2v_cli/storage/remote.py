"""Files of other machines, which fsspec opens: `s3://`, `gs://`, `hdfs://`, `https://`, `hf://` and many more.

No other module imports fsspec, and this one is not called for a file of this machine. Whatever goes wrong in fsspec, or
in the package behind it, becomes the OSError that a local file would have raised, so that callers need to know only one
kind of error.

An object is written whole or not at all. It is first written to a temporary file of this machine and sent when it is
complete. An object store shows it only once the last byte has arrived. Other file systems, such as hdfs and sftp, show
every byte at once; there it is sent under a hidden name, and renamed.
"""

from __future__ import annotations

import contextlib
import difflib
import errno
import io
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Hashable, Iterator, Sequence
from typing import IO, Any, BinaryIO

from w2v_cli.errors import ConfigError, MissingExtraError, W2VError
from w2v_cli.storage.system import path_of
from w2v_cli.storage.transfers import Transfer, telling_progress
from w2v_cli.storage.urls import joined, lower_protocols, protocol_of

# How much is fetched at once. An answer takes some tens of milliseconds, however short it is.
_BLOCK_BYTES = 1 << 24
# What fsspec needs for a protocol if it is not installed itself; most of these packages bring it along.
_PACKAGES = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "http": "fsspec[http]",
    "https": "fsspec[http]",
    "hf": "huggingface_hub",
    "hdfs": "fsspec[hdfs]",
    "abfs": "adlfs",
    "abfss": "adlfs",
    "az": "adlfs",
    "sftp": "fsspec[sftp]",
    "ssh": "fsspec[sftp]",
    "memory": "fsspec",
}
_WEB = ("http", "https")
# Seconds without a single byte after which a web server is given up. There is no limit for a whole file.
_SILENT_SECONDS = 120
# What in the description of an object tells that it has been replaced.
_VERSIONS = ("size", "ETag", "etag", "mtime", "LastModified", "last_modified", "Last-Modified", "updated", "created")
# An empty object of this name is made, and removed, to find out whether a folder can be written.
_PROBE = ".w2v-writable"


class RemoteError(OSError):
    """What went wrong with an object, in the words of the package that opens it."""

    def __init__(self, what: str) -> None:
        super().__init__(errno.EIO, what)

    def __str__(self) -> str:
        return str(self.strerror)


class Url(str):
    """The URL of a folder or of a file in it, with what a checkpoint folder needs of the methods of a `Path`."""

    def __truediv__(self, name: str) -> Url:
        return Url(joined(self, name))

    def exists(self) -> bool:
        """Return whether there is an object of this name."""
        return exists(self)

    def names(self) -> list[str]:
        """Return the names of the objects in this folder; none if there is no such folder."""
        return [url.rpartition("/")[2] for url in expand(self) or []]


def status(url: str) -> os.stat_result:
    """Return the status of an object: that of a regular file, or of a pipe if its size is not known.

    Raises
    ------
    OSError
        If there is no such object, or it cannot be reached.
    """
    with _telling():
        system, path = _located(url)
        facts = system.info(path)
    kind = stat.S_IFREG if facts.get("size") is not None else stat.S_IFIFO
    kind = stat.S_IFDIR if facts.get("type") == "directory" else kind
    return os.stat_result((kind | 0o444, 0, 0, 1, 0, 0, facts.get("size") or 0, 0, 0, 0))


def exists(url: str) -> bool:
    """Return whether there is an object of this name.

    Raises
    ------
    OSError
        If it cannot be reached.
    """
    try:
        status(url)
    except FileNotFoundError:
        return False
    return True


def identity(url: str) -> Hashable:
    """Return what all URLs of an object have in common: its file system, and its path in it.

    A URL that cannot be understood is only equal to itself; whoever opens it will say what is wrong.
    """
    try:
        with _telling():
            return _located(url)
    except OSError:
        return url


def version(url: str) -> str:
    """Return what tells this object from one that replaces it."""
    with _telling():
        system, path = _located(url)
        system.invalidate_cache(path)
        facts = system.info(path)
    return str([(name, facts[name]) for name in _VERSIONS if name in facts])


def expand(url: str) -> list[str] | None:
    """Return the objects in a folder, or those that a pattern matches; None if the URL is neither.

    Raises
    ------
    OSError
        If they cannot be listed.
    """
    with _telling():
        system, path = _located(url)
        # In a web address `?` begins a query; and each page is a folder to fsspec, because it may have links.
        is_web = protocol_of(url) in _WEB
        if "*" in path or (not is_web and any(mark in path for mark in "?[") and not system.exists(path)):
            matching = system.glob(path, detail=True)
            found = {name: os.path.basename(name) for name, facts in matching.items() if facts["type"] == "file"}
        elif is_web or not system.isdir(path):
            return None
        else:
            found = {name: name[len(path) :] for name in system.find(path)}
    return sorted(_url_of(url, system, name) for name, inside in found.items() if not _is_hidden(inside))


def open_object(url: str) -> IO[bytes]:
    """Open an object for reading; its bytes are fetched as they are read.

    A web address cannot be sought in: it is read in one request, which every server can answer.

    Raises
    ------
    OSError
        If it cannot be opened. Reading may raise it, too.
    """
    with _telling():
        system, path = _located(url)
        block = 0 if protocol_of(url) in _WEB else _BLOCK_BYTES
        return _Object(system.open(path, "rb", block_size=block), seekable=block > 0)  # type: ignore[return-value]


def download(url: str) -> BinaryIO:
    """Return a copy of an object in a temporary file without a name, which disappears when it is closed.

    Raises
    ------
    OSError
        If the object cannot be read, or is larger than the free space for temporary files.
    """
    size, folder = status(url).st_size, tempfile.gettempdir()
    if size > (free := shutil.disk_usage(folder).free):
        raise RemoteError(f"it has {size:,} bytes, but only {free:,} are free in {folder} (TMPDIR names another)")
    file: Any = tempfile.TemporaryFile()  # noqa: SIM115
    try:
        transfer = Transfer("Downloading", url, size or None)
        with telling_progress(transfer), open_object(url) as source:
            while data := source.read(_BLOCK_BYTES):
                file.write(data)
                transfer.done += len(data)
        file.flush()
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


def check_writable(url: str) -> None:
    """Make sure that an object can be written: make an empty one beside it, and remove it again.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    with _telling():
        system, path = _located(url)
        if protocol_of(url) in _WEB:
            raise RemoteError("a web address can only be read")
        if path.endswith("/") or system.isdir(path):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        probe = _beside(path, _PROBE)
        system.pipe_file(probe, b"")
        with contextlib.suppress(Exception):
            system.rm_file(probe)


def upload(objects: Sequence[tuple[BinaryIO, str]]) -> None:
    """Write objects from files of this machine, each of them whole or not at all.

    Several that belong together, such as numbers and their words, are all sent under hidden names before the first,
    the main one, is removed. It is written again last, so that it never lies beside what belongs to another one.

    Parameters
    ----------
    objects : each an open file, which is sent from its beginning to its end, and the URL of its object.

    Raises
    ------
    OSError
        If an object cannot be written.
    """
    with _telling():
        targets = [(file, url, *_located(url)) for file, url in objects]
        # An asynchronous package belongs to an object store, which shows nothing before the last byte has arrived.
        if len(targets) == 1 and getattr(targets[0][2], "async_impl", False):
            file, url, system, path = targets[0]
            _send(file, url, system, path)
            return
        sent: list[tuple[Any, str, str]] = []
        try:
            for file, url, system, path in targets:
                sent.append((system, _beside(path, f".w2v-{secrets.token_hex(6)}.tmp"), path))
                _send(file, url, *sent[-1][:2])
            if len(sent) > 1 and sent[0][0].exists(sent[0][2]):
                sent[0][0].rm_file(sent[0][2])
            for system, hidden, path in reversed(sent):
                system.mv(hidden, path)
        except BaseException:
            for system, hidden, _ in sent:
                with contextlib.suppress(Exception):
                    system.rm_file(hidden)
            raise


def _send(file: BinaryIO, url: str, system: Any, path: str) -> None:
    """Send a file; it has no name, and is opened again by the number under which this process has it open,
    if the system can do that.

    Parameters
    ----------
    url : the object that it becomes · path : where it is sent to in the file system.
    """
    from fsspec.callbacks import Callback

    file.flush()
    file.seek(0)
    transfer = Transfer("Uploading", url, os.fstat(file.fileno()).st_size)

    def arrived(size: int | None, value: int, **_: object) -> None:
        transfer.done = value

    with telling_progress(transfer):
        if (source := path_of(file)) is not None:
            system.put_file(source, path, callback=Callback(hooks={"w2v": arrived}))
        else:
            with system.open(path, "wb") as target:
                shutil.copyfileobj(file, target)


def _beside(path: str, name: str) -> str:
    folder, slash, _ = path.rpartition("/")
    return f"{folder}{slash}{name}"


def _is_hidden(path: str) -> bool:
    return path.endswith("/") or any(part.startswith(".") for part in path.split("/"))


def _url_of(url: str, system: Any, path: str) -> str:
    """Return the URL of an object that was found by way of `url`."""
    first, chain, rest = url.partition("::")
    if not chain:
        return str(system.unstrip_protocol(path))
    if "://" in first:  # zip://*.txt::s3://bucket/texts.zip
        return f"{protocol_of(first)}://{path}::{rest}"
    protocols, _, _ = url.partition("://")  # filecache::s3://bucket/*.txt
    return f"{protocols}://{path}"


def _located(url: str) -> tuple[Any, str]:
    """Return the file system of a URL, and the path in it.

    Raises
    ------
    ConfigError
        If there is no such protocol.
    MissingExtraError
        If the package for it is not installed.
    """
    protocol, what = protocol_of(url), f"reading and writing {protocol_of(url)}:// URLs"
    try:
        import fsspec.core
    except ImportError:
        _require_known(protocol, _PACKAGES)
        raise MissingExtraError(what, _PACKAGES.get(protocol, "fsspec")) from None
    _require_known(protocol, fsspec.available_protocols())
    options: dict[str, Any] = {}
    try:
        if protocol in _WEB:
            import aiohttp

            # A server may unpack or pack a file on its way; its suffix must say what arrives. aiohttp's own limit
            # ends every transfer after five minutes.
            silent = aiohttp.ClientTimeout(total=None, sock_connect=_SILENT_SECONDS, sock_read=_SILENT_SECONDS)
            options = {
                "client_kwargs": {"timeout": silent, "auto_decompress": False},
                "headers": {"Accept-Encoding": "identity"},
            }
        system, path = fsspec.core.url_to_fs(lower_protocols(url), **options)
    except ImportError as error:
        missing = error.name or getattr(error.__cause__, "name", None) or protocol
        raise MissingExtraError(what, missing.split(".")[0]) from None
    return system, str(path)


def _require_known(protocol: str, known: Any) -> None:
    if protocol not in known:
        close = difflib.get_close_matches(protocol, sorted(known), 1)
        raise ConfigError(
            f"{protocol}:// is no protocol that w2v knows",
            hint=f"did you mean {close[0]}://?" if close else "s3://, gs://, https://, hf:// and hdfs:// are some",
        )


@contextlib.contextmanager
def _telling() -> Iterator[None]:
    """Turn what goes wrong in fsspec, and in the packages behind it, into the OSError of a local file."""
    try:
        yield
    except (W2VError, RemoteError):
        raise
    except FileNotFoundError as error:
        # To fsspec a web server that does not answer has no such file.
        if isinstance(error.__cause__, OSError) and not isinstance(error.__cause__, FileNotFoundError):
            raise RemoteError(_first_line(error.__cause__)) from error
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)) from error
    except PermissionError as error:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES)) from error
    except OSError as error:
        raise RemoteError(error.strerror or _first_line(error)) from error
    except Exception as error:
        # Credentials that are missing or wrong, a name that no server has, an answer that makes no sense: each package
        # has classes of its own.
        raise RemoteError(_first_line(error)) from error


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


class _Object(io.RawIOBase):
    """An object that is open for reading.

    Parameters
    ----------
    file : what fsspec has opened · seekable : whether it can be read from any offset.
    """

    def __init__(self, file: Any, seekable: bool) -> None:
        self._file, self._seekable = file, seekable

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._seekable

    def read(self, size: int | None = -1) -> bytes:
        """Return the next bytes, none at the end of the object."""
        with _telling():
            return bytes(self._file.read(-1 if size is None else size))

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer; return how many bytes there were."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        with _telling():
            return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def close(self) -> None:
        if not self.closed:
            with contextlib.suppress(Exception):
                self._file.close()
        super().close()
