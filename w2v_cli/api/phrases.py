"""`w2v.phrases`: find the words that belong together, and join them in a text."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, fields
from typing import IO, Any, Protocol

from w2v_cli.api.corpus import Corpus, corpus_paths, require_bytes
from w2v_cli.api.questions import word_list
from w2v_cli.choices import SCORINGS, THRESHOLDS, require_choice, require_number, require_whole
from w2v_cli.config import available_cores
from w2v_cli.corpus.encode import EncodedCorpus, compile_passes, encode
from w2v_cli.corpus.files import corpus_files
from w2v_cli.corpus.phrases import ENGLISH_CONNECTORS, Joiner, Phrase
from w2v_cli.corpus.text_options import TextOptions
from w2v_cli.corpus.texts import Texts
from w2v_cli.errors import ConfigError, shown
from w2v_cli.option import make_plain
from w2v_cli.storage.atomic import atomic_file, check_writable, packing
from w2v_cli.storage.outputs import Named, require_apart
from w2v_cli.storage.siblings import work_folder
from w2v_cli.storage.urls import local_path

Output = str | os.PathLike[str] | IO[bytes]


@dataclass(frozen=True)
class PhraseOptions:
    """What counts as a phrase, and how its words are joined.

    Attributes
    ----------
    scoring : word2phrase: (n_ab − min_count) / (n_a · n_b) · tokens. npmi: log(p_ab / (p_a · p_b)) / −log p_ab.
    threshold : the score that a phrase must exceed. None: the default of its scoring.
    min_count : how often a phrase and its two end words must occur.
    connectors : words that may stand inside a phrase; "english" for gensim's 16.
    delimiter : the text between the words of a joined phrase.
    passes : how often the text is searched. More passes make longer phrases.

    Raises
    ------
    ConfigError
        If one of them has no such value.
    """

    scoring: str = "word2phrase"
    threshold: float | None = None
    min_count: int = 5
    connectors: str | Sequence[str] = ()
    delimiter: str = "_"
    passes: int = 1

    def __post_init__(self) -> None:
        make_plain(self)
        require_choice("--scoring", self.scoring, SCORINGS)
        require_whole("--min-count", self.min_count, 1)
        require_whole("--passes", self.passes, 1)
        if self.threshold is not None:
            require_number("--threshold", self.threshold)
        if not isinstance(self.connectors, str):
            word_list(self.connectors, "--connectors")
        text = self.delimiter
        if not isinstance(text, str) or text.split() != [text] or text.encode(errors="ignore").decode() != text:
            raise ConfigError("--delimiter must not be empty, and must be text without white space")

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> PhraseOptions:
        """Return the options of these names.

        Raises
        ------
        ConfigError
            If there is no such option, or it has no such value.
        """
        unknown = sorted(set(values) - {item.name for item in fields(cls)})
        if unknown:
            known = ", ".join(item.name for item in fields(cls))
            raise ConfigError(f"unknown options: {', '.join(unknown)}", hint=f"the options are {known}")
        return cls(**values)

    def joiner(self, corpus: EncodedCorpus, threads: int) -> Joiner:
        """Return a joiner that finds such phrases in an encoded corpus."""
        threshold = THRESHOLDS[self.scoring] if self.threshold is None else self.threshold
        inside = self.connectors.split() if isinstance(self.connectors, str) else self.connectors
        words = ENGLISH_CONNECTORS if self.connectors == "english" else inside
        return Joiner(corpus, self.min_count, threshold, self.scoring, words, self.delimiter, threads)


class PhraseObserver(Protocol):
    """Receives the progress of a search, in the thread that started it. A subclass overrides what it wants to know."""

    def compiling(self) -> AbstractContextManager[None]:
        """Return a context that is entered while code may be compiled."""
        return nullcontext()

    def corpus(self, phase: str, done: int, total: int | None) -> None:
        """Receive the progress of a pass over the corpus: `count` in bytes, `encode` in tokens; no total for a pipe."""
        return

    def joining(self, done: int, total: int) -> None:
        """Receive the progress of a pass over the encoded corpus, in tokens."""
        return

    def found(self, number: int, phrases: list[Phrase]) -> None:
        """Receive the phrases that pass `number`, counted from 1, has found, best first."""
        return

    def remark(self, message: str) -> None:
        """Receive something that the user should know about the texts, as a sentence."""
        return


class _Silent(PhraseObserver):
    """Ignores all progress."""


def phrases(
    corpus: Corpus,
    output: Output | None = None,
    *,
    threads: int | None = None,
    suffix: str | None = None,
    observer: PhraseObserver | None = None,
    **options: Any,
) -> list[list[Phrase]]:
    """Find the phrases of a text, and write the text with its phrases joined.

    Parameters
    ----------
    corpus : as in `train`.
    output : a file to write, compressed if its name ends so, or a binary file that is open for writing. It gets the
        text with its phrases joined: one sentence per line, one space between words. None: only find the phrases.
    threads : worker threads; None: all cores.
    suffix : as in `train`.
    observer : receives the progress of the search.
    options : fields of `PhraseOptions`, such as scoring, threshold, min_count and connectors; and how a text is read:
        tokenize, lower, normalize, unwrap, errors, encoding, column and field. See `w2v phrases --help`.

    Returns
    -------
    For each pass its phrases with their scores, best first.

    Raises
    ------
    CorpusError
        If a text cannot be read, or the sentences hold something other than tokens.
    ConfigError
        If there is no such option, it has no such value, or the output would overwrite a text of the corpus.
    ModelFileError
        If the output cannot be written.

    Examples
    --------
    >>> import w2v_cli as w2v
    >>> text = [["new", "york", "is", "big"], ["rome", "is", "old"], ["so", "is", "the", "sea"]] * 10
    >>> w2v.phrases(text, threshold=0.8, min_count=5, threads=1)[0][0].text
    'new_york'
    """
    text, others = TextOptions.from_options(options)
    chosen = PhraseOptions.from_dict(others)
    require_whole("--threads", threads, 1, optional=True)
    workers, watcher = threads or available_cores(), observer or _Silent()
    with corpus_paths(corpus, text.unwrap) as paths:
        require_bytes(corpus, paths, text)
        texts = Texts(corpus_files(paths, suffix), text, watcher.remark)
        texts.check_readable()
        folder = _check_output(output, texts)
        with watcher.compiling():
            compile_passes()
        with encode(texts, 1, None, workers, folder, watcher.corpus) as encoded:
            joiner, passes = chosen.joiner(encoded, workers), []
            for number in range(1, chosen.passes + 1):
                passes.append(joiner.find(watcher.joining))
                watcher.found(number, passes[-1])
            if output is not None:
                with _opened(output) as file:
                    for chunk in joiner.text(watcher.joining):
                        file.write(chunk)
    return passes


def _check_output(output: Output | None, texts: Texts) -> str:
    """Make sure that the output can be written and is no text of the corpus; return the folder for temporary files."""
    if not isinstance(output, str | os.PathLike):
        if output is not None and (isinstance(output, io.TextIOBase) or not hasattr(output, "write")):
            raise ConfigError(
                f"the output {shown(output)} is neither a path nor a file that is open for binary writing"
            )
        return tempfile.gettempdir()
    name = local_path(os.fspath(output))
    require_apart([Named(name, "the joined text")], texts.named)
    check_writable(name)
    return os.fspath(work_folder(name))


@contextmanager
def _opened(output: Output) -> Iterator[IO[bytes]]:
    """Open the output for writing. A file appears under its name only when it is complete."""
    if not isinstance(output, str | os.PathLike):
        yield output
        output.flush()
        return
    name = os.fspath(output)
    with atomic_file(name) as file, packing(file, name) as packer:
        yield packer
