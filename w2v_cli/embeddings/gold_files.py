"""The files of gold sets: which files of a folder they are, and their text."""

from __future__ import annotations

import os
from functools import partial

from w2v_cli.corpus.guess import likely_encodings, marked_encoding
from w2v_cli.embeddings.not_gold import HEAD_BYTES, refuse_other_files
from w2v_cli.errors import GoldFileError, MissingExtraError
from w2v_cli.storage.opening import OPENERS, decompressed, missing_hint, open_input, suffix_of, without_packing

_SUFFIXES = ("", ".txt", ".tsv", ".tab", ".csv")
_CHUNK_BYTES = 1 << 20


def files_in(folder: str) -> dict[str, str]:
    """Return the files in a folder and its subfolders, each by its relative name without the suffix."""
    paths = sorted(os.path.join(parent, name) for parent, _, names in os.walk(folder) for name in names)
    files = {}
    for path in paths:
        relative = os.path.relpath(path, folder)
        label, suffix = split_name(relative)
        is_hidden = any(part.startswith((".", "__")) for part in relative.split(os.sep))
        if suffix.lower() in _SUFFIXES and not is_hidden:
            files[relative if label in files else label] = path
    return files


def split_name(name: str) -> tuple[str, str]:
    """Return a name without its suffix, and the suffix; that of a compressed file is ignored."""
    return os.path.splitext(without_packing(name))


def read_text(name: str) -> str:
    """Return the text of a file, decompressed, without a byte order mark and with `\\n` line ends.

    Raises
    ------
    GoldFileError
        If the file cannot be read or decompressed, is not UTF-8, or is certainly no gold set.
    """
    suffix = suffix_of(name)
    try:
        with open_input(name) as raw:
            file = decompressed(name, raw)
            data = b""
            while len(data) < HEAD_BYTES and (more := file.read(HEAD_BYTES - len(data))):
                data += more
            # A file that is certainly no gold set is not read to its end.
            refuse_other_files(name, data[:HEAD_BYTES])
            data += b"".join(iter(partial(file.read, _CHUNK_BYTES), b""))
    except (GoldFileError, MissingExtraError):
        raise
    except OSError as error:
        why = f"cannot read {name}: {error.strerror or error}"
        raise GoldFileError(why, hint=missing_hint(name, error)) from error
    except Exception as error:  # the packages that decompress raise exceptions of their own
        if suffix not in OPENERS:
            raise
        raise GoldFileError(f"{name} is damaged or cut short: {error}", hint="copy or download it again") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        likely = marked_encoding(data) or next(iter(likely_encodings(data[:HEAD_BYTES])), "windows-1252")
        encoding = likely.upper()
        raise GoldFileError(
            f"{name} is not UTF-8 text: byte {error.start:,}",
            hint=f"save the gold set as UTF-8; if it is in {encoding}: iconv -f {encoding} -t UTF-8 OLD > NEW",
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")
