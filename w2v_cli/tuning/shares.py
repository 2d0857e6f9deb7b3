"""Shares of a text: some of its blocks, spread evenly, as files that can be trained on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from w2v_cli.corpus.texts import Texts
from w2v_cli.errors import CorpusError

# The text is dealt out in blocks of about this many bytes, each of which cuts one line in two.
BLOCK_BYTES = 1 << 15


@contextmanager
def shares_of(texts: Texts, parts: Sequence[int]) -> Iterator[dict[int, str]]:
    """Yield for each number n the path of a file with every n-th block of a text, in its order.

    The files are UTF-8 with white space between words, whatever the text is. Share 9 is a part of share 3.

    Raises
    ------
    CorpusError
        If the text cannot be read, or cannot be read again.
    """
    if not texts.are_files:
        raise CorpusError("every trial reads the corpus, and a pipe can be read only once", hint="save it to a file")
    with TemporaryDirectory(prefix="w2v-tune-") as folder:
        paths = {part: Path(folder) / f"share-{part}.txt" for part in parts}
        with ExitStack() as stack:
            files = {part: stack.enter_context(open(path, "wb")) for part, path in paths.items()}
            for number, piece in enumerate(texts.pieces(BLOCK_BYTES)):
                for part, file in files.items():
                    if number % part == 0:
                        file.write(piece.data + b"\n")
        yield {part: str(path) for part, path in paths.items()}
