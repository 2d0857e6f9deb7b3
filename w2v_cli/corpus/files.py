"""Which files a corpus is made of: files, folders, patterns such as `texts/*.txt`, and URLs of all three."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence

from w2v_cli.errors import CorpusError
from w2v_cli.storage import remote
from w2v_cli.storage.opening import OPENERS, STDIN, suffix_of
from w2v_cli.storage.urls import is_url, local_path


def corpus_files(paths: Sequence[str], suffix: str | None = None) -> list[str]:
    """Return the files of a corpus, in the order in which they are read.

    Parameters
    ----------
    paths : `-` for stdin; files, folders, and patterns with *, ?, [ ] or **; or URLs of them. A folder stands for all
        files in it and in the folders inside it. Those files are in sorted order, as are the files of a pattern. Hidden
        ones are left out.
    suffix : which files of folders and patterns are taken, such as `.txt`, which takes .txt.gz too; None takes all.

    Raises
    ------
    CorpusError
        If a folder or a pattern has no such files, or cannot be listed.
    """
    files: list[str] = []
    for path in map(local_path, paths):
        all_files = _on_another_machine(path) if is_url(path) else _on_this_machine(path)
        if all_files is None:
            files.append(path)
            continue
        found = [file for file in all_files if suffix is None or _has_suffix(file, suffix)]
        if not found:
            raise CorpusError(*_nothing(path, suffix, len(all_files)))
        files += found
    return files


def _on_this_machine(path: str) -> list[str] | None:
    """Return the files of a folder or of a pattern; None if the path is neither."""
    if path != STDIN and os.path.isdir(path):
        return sorted(_in_folder(path))
    return sorted(_matching(path)) if path != STDIN and _is_pattern(path) else None


def _on_another_machine(url: str) -> list[str] | None:
    """Return the objects in a folder or of a pattern; None if the URL is neither."""
    try:
        return remote.expand(url)
    except OSError as error:
        raise CorpusError(f"{url} cannot be read: {error.strerror}") from error


def _is_pattern(path: str) -> bool:
    """Whether a path is a pattern; a file may have a name with such characters."""
    return glob.has_magic(path) and not os.path.lexists(path)


def _in_folder(folder: str) -> Iterator[str]:
    """Yield the files of a folder and of the folders in it; what is no file, such as a socket, is left out."""

    def unreadable(error: OSError) -> None:
        raise CorpusError(f"{error.filename} cannot be read: {error.strerror}") from error

    for parent, folders, names in os.walk(folder, onerror=unreadable):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = os.path.join(parent, name)
            # A link that leads nowhere is kept, so that it is an error and not a text that is missing silently.
            if not name.startswith(".") and (os.path.isfile(path) or not os.path.exists(path)):
                yield path


def _matching(pattern: str) -> Iterator[str]:
    """Yield the files that a pattern matches, and those in the folders that it matches."""
    seen: set[str] = set()
    for path in glob.glob(pattern, recursive=True):
        # `**` matches a folder as well as the files in it, which must not be read twice.
        if not os.path.isdir(path):
            seen.add(path)
        elif "**" not in pattern:
            seen.update(_in_folder(path))
    yield from seen


def _has_suffix(path: str, suffix: str) -> bool:
    """Whether a name ends in a suffix, perhaps followed by that of a compression."""
    name, wanted = path.lower(), f".{suffix.lower().removeprefix('.')}"
    return name.endswith(wanted) or (suffix_of(name) in OPENERS and os.path.splitext(name)[0].endswith(wanted))


def _nothing(path: str, suffix: str | None, others: int) -> tuple[str, str]:
    """Return what is wrong with a folder or a pattern without files, and what to do about it."""
    kind = "no file matches" if glob.has_magic(path) and not os.path.isdir(path) else "there are no files in the folder"
    if others == 0:
        return f"{kind} {path}", "hidden files are not read; is the name right?"
    return f"{kind} {path} whose name ends in {suffix}", f"--suffix leaves out all {others:,} files there"
