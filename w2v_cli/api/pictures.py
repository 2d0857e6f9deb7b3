"""What the Python API draws of words and their vectors: a page for a browser, and pictures."""

from __future__ import annotations

import os
import warnings
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from w2v_cli.api.questions import Questions
from w2v_cli.choices import MAP_TOP, PAGE_SIZE
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.storage.urls import absolute_path

if TYPE_CHECKING:
    from w2v_cli.pictures.explore import WordMap
    from w2v_cli.pictures.word_map import Drawn


class Pictures(Questions):
    """Words with their vectors, what can be asked of them, and maps of them.

    Parameters
    ----------
    source : the file of the vectors, which nothing may overwrite by accident; None if there is none.
    """

    def __init__(self, vectors: WordVectors, source: str | None = None) -> None:
        super().__init__(vectors)
        # Absolute, because the working directory may change before something is written.
        self._source = None if source is None else absolute_path(source)

    @property
    @abstractmethod
    def made_of(self) -> str | None:
        """What these vectors are, if they are not the input vectors of a model."""

    def explore(
        self,
        path: str | os.PathLike[str],
        *,
        words: int | None = None,
        layout: str | os.PathLike[str] | None = None,
        max_size: str | int = PAGE_SIZE,
        seed: int = 1,
        threads: int | None = None,
        on_progress: Callable[[str, int, int], None] | None = None,
    ) -> WordMap:
        """Write a map of the words as one HTML file, completely or not at all. It needs a browser, but no network.

        The same model and options give the same file, whatever the number of threads.

        Parameters
        ----------
        path : the page to write; it ends in .html.
        words : show only this many of the most frequent words; None: as many as fit into `max_size`.
        layout : tsne, which needs openTSNE; pca; or the path of a .npy file of float (n, 2), the places of the n most
            frequent words. None: tsne if openTSNE is installed, otherwise pca.
        max_size : the largest page, in bytes or as text with a unit, such as 15MB. A model that does not fit gets fewer
            bits per number, and then loses its rarest words.
        seed : random seed of the layout, from 0 to 2³² − 1.
        threads : how many threads t-SNE uses; None: all cores.
        on_progress : called with the name of a phase, how much of it is done, and how much there is.

        Returns
        -------
        What was written: `words`, `left_out`, `placed`, `bits`, `layout`, `bytes` and `remarks`.

        Raises
        ------
        ConfigError
            If an option is out of range, the name of the page does not end in .html, the page would overwrite
            the model, or not even one word fits.
        MissingExtraError
            If openTSNE is asked for but not installed.
        ModelFileError
            If a vector holds NaN or infinity, the page cannot be written, or the places cannot be read.

        Warns
        -----
        UserWarning
            If the layout is PCA because openTSNE is missing or the words are few, or something was left out.

        Examples
        --------
        >>> import numpy as np, os, tempfile, w2v_cli as w2v
        >>> path = os.path.join(tempfile.mkdtemp(), "map.html")
        >>> made = w2v.Model.of(["up", "down"], np.array([[0, 1], [0, -1]])).explore(path, layout="pca")
        >>> made.words, made.bits, made.layout
        (2, 8, 'pca')
        """
        from w2v_cli.pictures.explore import title_of, write_map

        made = write_map(
            path,
            self._vectors,
            None if self._source is None else title_of(self._source),
            made_of=self.made_of,
            source=self._source,
            words=words,
            layout=layout,
            max_size=max_size,
            seed=seed,
            threads=threads,
            on_progress=on_progress,
        )
        for remark in made.remarks:
            warnings.warn(remark, stacklevel=2)
        return made

    def plot(
        self,
        path: str | os.PathLike[str],
        *,
        words: int | None = None,
        around: str | None = None,
        top: int = MAP_TOP,
        axes: Sequence[str] | None = None,
        theme: str = "light",
        on_progress: Callable[[str, int, int], None] | None = None,
    ) -> Drawn:
        """Draw a map of words to a file: words with near vectors lie near each other (t-SNE).

        The same model and options give the same file, byte for byte. As many words as find room get a label.

        Parameters
        ----------
        path : the picture; it ends in .svg or .png.
        words : only this many of the most frequent words; None: 20,000, or all if `around` is given.
        around : instead, the `top` words nearest to this one: the larger the cosine, the nearer to the middle.
        top : how many words are around it.
        axes : instead, two axes such as ["man:woman", "bad:good"]. The first says which words lie to the left and to
            the right, the second which lie below and above: by the cosine with the difference of the unit vectors.
        theme : light or dark.
        on_progress : called with the name of a phase, how much of it is done, and how much there is.

        Returns
        -------
        How many `words` there are, those `labelled`, those `undrawn` because no installed font has their letters, and
        the `layout`: tsne, or pca if openTSNE is not installed or there are fewer than 50 words.

        Raises
        ------
        MissingExtraError
            If matplotlib is not installed.
        UnknownWordError
            If a word is unknown.
        ConfigError
            If there are fewer than two words, an option is out of range, or the path would overwrite the model.
        ModelFileError
            If a vector holds NaN or infinity, or the file cannot be written.
        """
        from w2v_cli.pictures.word_map import plot_words

        inputs = [] if self._source is None else [self._source]
        return plot_words(
            self._vectors,
            path,
            words=words,
            around=around,
            top=top,
            axes=axes,
            theme=theme,
            on_progress=on_progress,
            inputs=inputs,
        )
