"""Texts in the records of data files: a column of Parquet, or a field of JSON lines.

A record is a sentence, or several if there are newlines in it. A list of strings is taken for the tokens of a sentence.
A record whose text is null or missing is left out. Both kinds are read piece by piece, so memory does not grow with the
file.
"""

from __future__ import annotations

import io
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import IO, Any

from w2v_cli.corpus.chunks import MOST_TOKEN_BYTES, Digest
from w2v_cli.errors import CorpusError, MissingExtraError, W2VError, shown
from w2v_cli.storage.opening import STDIN, open_input

_MAGIC = b"PAR1"
_SHOWN_NAMES = 8
# How much of a column pyarrow reads at once; without a limit it would read all of a row group.
_BUFFER_BYTES = 1 << 20
_MOST_ROWS = 1 << 16
_UNKNOWN_COLUMN = "--column NAME reads the column of that name"


def parquet_texts(raw: IO[bytes], name: str, column: str, end: bytes, size: int, digest: Digest) -> Iterator[bytes]:
    """Read a column of a Parquet file, in blocks of about `size` bytes.

    Parameters
    ----------
    raw : the file; what cannot be sought in, such as a pipe, is first copied to a temporary file.
    name : what the file is called in an error message.
    column : the name of the column; its values are strings or lists of strings.
    end : what follows every text.
    digest : updated with every block.

    Raises
    ------
    CorpusError
        If the file is not Parquet or is damaged, or has no such column of texts.
    MissingExtraError
        If pyarrow is not installed.
    """
    try:
        import pyarrow
    except ImportError:
        raise MissingExtraError("reading Parquet", "pyarrow") from None
    with ExitStack() as stack:
        if not raw.seekable():
            copy: Any = stack.enter_context(tempfile.TemporaryFile())
            shutil.copyfileobj(raw, copy, _BUFFER_BYTES)
            raw = copy
        raw.seek(0)
        if raw.read(len(_MAGIC)) != _MAGIC:
            raise CorpusError(
                f"{name} is not a Parquet file", hint="--column is for Parquet only; --suffix .parquet takes only those"
            )
        raw.seek(0)
        texts, length = list[bytes](), 0
        try:
            for text in _values(raw, name, column, size):
                texts.append(text + end)
                length += len(texts[-1])
                if length >= size:
                    yield _digested(texts, digest)
                    texts, length = [], 0
        except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
            raise CorpusError(f"{name} cannot be read: {error}", hint="is the file complete?") from error
        if texts:
            yield _digested(texts, digest)


def _digested(texts: list[bytes], digest: Digest) -> bytes:
    block = b"".join(texts)
    digest.update(block)
    return block


def _values(raw: IO[bytes], name: str, column: str, size: int) -> Iterator[bytes]:
    """Yield the texts of a column."""
    from pyarrow import parquet

    # Not closed, because that would close `raw`.
    file = parquet.ParquetFile(raw, buffer_size=_BUFFER_BYTES, pre_buffer=False)
    _require_texts(file, name, column)
    for group in range(file.num_row_groups):
        facts = file.metadata.row_group(group)
        sizes = [facts.column(i).total_uncompressed_size for i in range(facts.num_columns) if _is_of(facts, i, column)]
        rows = max(1, min(_MOST_ROWS, size * facts.num_rows // max(1, sum(sizes))))
        for batch in file.iter_batches(rows, [group], [column], use_threads=False):
            for value in batch.column(0).to_pylist():
                if value is not None:
                    yield _text_of(value, name, f"the column {column}").encode()


def _is_of(facts: Any, number: int, column: str) -> bool:
    path = facts.column(number).path_in_schema
    return bool(path == column or path.startswith(f"{column}."))


def _require_texts(file: Any, name: str, column: str) -> None:
    """Refuse a column that is not there or has no texts, and say which columns have."""
    schema = file.schema_arrow
    names = _text_columns(schema)
    if column in names:
        return
    what = "has no column" if column not in schema.names else f"has no texts, but {schema.field(column).type}, in"
    hint = f"its columns of texts: {_shown(names)}" if names else "it has no column of texts"
    raise CorpusError(f"{name} {what} {column}", hint)


def _text_columns(schema: Any) -> list[str]:
    """Return the names of the columns that hold strings or lists of strings."""
    from pyarrow import types

    def is_string(kind: Any) -> bool:
        kind = kind.value_type if types.is_dictionary(kind) else kind
        return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))

    def is_list(kind: Any) -> bool:
        return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))

    kinds = [(item.name, item.type) for item in schema]
    return [name for name, kind in kinds if is_string(kind) or (is_list(kind) and is_string(kind.value_type))]


def column_hint(path: str) -> str:
    """Say how to read a Parquet file; name its column of texts if that can be found out."""
    if path == STDIN:
        return _UNKNOWN_COLUMN
    # What keeps the file from being read will be said when the column is read.
    with suppress(ImportError, OSError, ValueError, W2VError):
        from pyarrow import parquet

        with open_input(path) as raw:
            names = _text_columns(parquet.ParquetFile(raw).schema_arrow) if raw.seekable() else []
        if len(names) == 1 or "text" in names:
            return f"--column {'text' if 'text' in names else names[0]} reads its column of texts"
        if names:
            return f"{_UNKNOWN_COLUMN}: {_shown(names)}"
    return _UNKNOWN_COLUMN


def json_texts(blocks: Iterator[bytes], name: str, field: str, end: bytes, errors: str) -> Iterator[bytes]:
    """Read a field of the objects of JSON lines.

    Parameters
    ----------
    blocks : UTF-8, may end anywhere.
    name : what the file is called in an error message.
    field : the name of the field; its values are strings or lists of strings.
    end : what follows every text.
    errors : what to do with half a character, `\\ud83d`: strict (an error), replace or ignore.

    Raises
    ------
    CorpusError
        If a line is not an object, the first one has no such field, or there is no text in it.
    """
    number, begun = 1, False
    for chunk in _whole_lines(blocks, name):
        texts = list[bytes]()
        for line in chunk.split(b"\n"):
            where = f"{name}, line {number:,},"
            record = _record_of(line, where) if line.strip() else {}
            if record and not begun:
                _require_field(record, where, field)
                begun = True
            if (value := record.get(field)) is not None:
                text = _text_of(value, where, f"the field {field}")
                try:
                    texts.append(text.encode("utf-8", "surrogatepass").decode("utf-8", errors).encode() + end)
                except UnicodeDecodeError:
                    raise CorpusError(f"{where} has half a character", "--errors replace puts U+FFFD there") from None
            number += 1
        number -= 1  # nothing follows the last newline of a chunk
        if texts:
            yield b"".join(texts)


def _whole_lines(blocks: Iterator[bytes], name: str) -> Iterator[bytes]:
    """Turn blocks into chunks that end with a newline; the last line of a file may have none, but gets one."""
    unfinished = io.BytesIO()
    for block in blocks:
        cut = block.rfind(b"\n") + 1
        unfinished.write(block[:cut])
        if cut:
            yield unfinished.getvalue()
            unfinished = io.BytesIO()
        unfinished.write(block[cut:])
        if unfinished.tell() > MOST_TOKEN_BYTES:
            raise CorpusError(
                f"{name} has a line of more than {MOST_TOKEN_BYTES >> 20} MiB",
                hint="JSON lines have an object in every line; jq -c '.[]' turns a list of objects into lines",
            )
    if unfinished.tell():
        yield unfinished.getvalue() + b"\n"


def _record_of(line: bytes, where: str) -> dict[str, object]:
    """Return the object in a line."""
    try:
        record = json.loads(line.removeprefix(b"\xef\xbb\xbf"))
    except UnicodeDecodeError as error:
        raise CorpusError(f"{where} is not UTF-8 at its byte {error.start:,}", hint="see --encoding") from None
    except (ValueError, RecursionError) as error:
        raise CorpusError(f"{where} is not JSON: {error}", hint="--field is for JSON lines only") from None
    if not isinstance(record, dict):
        hint = "jq -c '.[]' turns a list of objects into lines" if isinstance(record, list) else None
        raise CorpusError(f"{where} is not a JSON object", hint)
    return record


def _require_field(record: dict[str, object], where: str, field: str) -> None:
    """Refuse a field that the first object does not have, and say which have text."""
    if field not in record:
        names = [key for key, value in record.items() if isinstance(value, str | list)]
        raise CorpusError(f"{where} has no field {field}", f"its fields of text: {_shown(names)}" if names else None)


def _text_of(value: object, where: str, what: str) -> str:
    """Return a value as text: a string, or a list of tokens."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(token, str) for token in value):
        return " ".join(value)
    raise CorpusError(f"{where} has no text in {what}, but {shown(value)}", hint="name a field that holds text")


def _shown(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
    return ", ".join(names[:_SHOWN_NAMES]) + more
