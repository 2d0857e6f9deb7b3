"""Which files a corpus is made of: files, folders, and patterns such as `texts/*.txt`."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence

from w2v_cli.errors import CorpusError
from w2v_cli.storage.opening import OPENERS, STDIN, suffix_of


def corpus_files(paths: Sequence[str], suffix: str | None = None) -> list[str]:
    """Return the files of a corpus, in the order in which they are read.

    Parameters
    ----------
    paths : `-` for stdin, files, folders, and patterns with *, ?, [ ] or **. A folder stands for all files in it and
        in the folders inside it. Those files are in sorted order, as are the files of a pattern. Hidden ones are left
        out.
    suffix : which files of folders and patterns are taken, such as `.txt`, which takes .txt.gz too; None takes all.

    Raises
    ------
    CorpusError
        If a folder or a pattern has no such files.
    """
    files: list[str] = []
    for path in paths:
        if path == STDIN or not (os.path.isdir(path) or _is_pattern(path)):
            files.append(path)
            continue
        all_files = sorted(_in_folder(path) if os.path.isdir(path) else _matching(path))
        found = [file for file in all_files if suffix is None or _has_suffix(file, suffix)]
        if not found:
            raise CorpusError(*_nothing(path, suffix, len(all_files)))
        files += found
    return files


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
    kind = "there are no files in the folder" if os.path.isdir(path) else "no file matches"
    if others == 0:
        return f"{kind} {path}", "hidden files are not read; is the name right?"
    return f"{kind} {path} whose name ends in {suffix}", f"--suffix leaves out all {others:,} files there"
