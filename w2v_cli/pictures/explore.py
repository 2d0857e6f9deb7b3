"""Write a model as a map: one HTML file that needs neither a network nor any other program than a browser.

The page itself is in the folder `page`: its text, its style and its scripts, which are joined here with the data.
"""

from __future__ import annotations

import base64
import hashlib
import html
import os
import re
from dataclasses import dataclass
from importlib.resources import files

from w2v_cli.choices import MOST_SEED, PAGE_SIZE, require_whole
from w2v_cli.config import available_cores
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ConfigError, install_command
from w2v_cli.pictures.groups import group_words
from w2v_cli.pictures.layout import (
    METHODS,
    NAMES,
    OnProgress,
    can_tsne,
    default_method,
    lay_out,
    read_positions,
    require_layout,
    silent,
    spread,
)
from w2v_cli.pictures.packing import fit, most_words, pack, parse_size
from w2v_cli.storage.atomic import atomic_file, check_writable
from w2v_cli.storage.opening import without_packing
from w2v_cli.storage.outputs import Named, require_apart
from w2v_cli.storage.urls import without_query

# The scripts of the page, in the order in which they run.
_SCRIPTS = ("words.js", "map.js", "panel.js")
_SUFFIXES = (".html", ".htm")
# What the page of a model without a name is called.
_NO_TITLE = "Word map"


@dataclass(frozen=True)
class WordMap:
    """What was written.

    Attributes
    ----------
    path : the page.
    words, left_out : how many words of the model are on the map, and how many are not, for the sake of its size.
    dim, bits : D, and the bits of each number of the vectors.
    layout : tsne, pca or file.
    placed : how many of the words lie beside their nearest neighbours, because the layout has no place for them.
    bytes : the size of the page.
    remarks : what the user should know: why the layout is not t-SNE, or what was left out.
    """

    path: str
    words: int
    left_out: int
    dim: int
    bits: int
    layout: str
    placed: int
    bytes: int
    remarks: tuple[str, ...]


def write_map(
    path: str | os.PathLike[str],
    vectors: WordVectors,
    title: str | None,
    *,
    made_of: str | None = None,
    source: str | None = None,
    words: int | None = None,
    layout: str | os.PathLike[str] | None = None,
    max_size: str | int = PAGE_SIZE,
    seed: int = 1,
    threads: int | None = None,
    on_progress: OnProgress | None = None,
) -> WordMap:
    """Write a map of the words, completely or not at all.

    Parameters
    ----------
    title : what the page calls the model; None if it has no name.
    made_of : what the vectors are, if they are not the input vectors of a model.
    source : the file of the model, which the page must not overwrite; None if there is none.

    The other parameters, and the errors, are those of `Model.explore`.
    """
    require_whole("words", words, 1, optional=True)
    require_whole("seed", seed, 0, MOST_SEED)
    require_whole("threads", threads, 1, optional=True)
    limit, tell = parse_size(max_size), on_progress or silent
    if layout is not None:
        require_layout(layout)
    method = os.fspath(layout) if layout is not None else default_method()
    inputs = [] if source is None else [Named(source, "the model")]
    if method not in METHODS:
        inputs.append(Named(method, "the layout"))
    require_apart([Named(os.fspath(path), "the map")], inputs)
    # Browsers show a page under another name as text, and a file of another kind is hardly meant to be overwritten.
    if not os.fspath(path).lower().endswith(_SUFFIXES):
        raise ConfigError(f"{os.fspath(path)} is not the name of a page", hint="it must end in .html")
    if not len(vectors):
        raise ConfigError("the model has no words that could be on a map", hint="floret's table holds none")
    check_writable(path)

    asked = min(words or len(vectors), len(vectors))
    room = limit - len(_page(title, "").encode())
    some = vectors.first(min(asked, most_words(vectors.dim, max(room, 0))))
    packed = fit(some, room)
    some = some.first(packed.words)
    placed = (
        lay_out(some, method, seed, threads or available_cores(), tell)
        if method in METHODS
        else spread(some, read_positions(method, packed.words), "file", tell)
    )
    groups = group_words(some, seed)
    remarks = _remarks(layout, placed.method, len(some), asked - len(some), packed.bits, max_size)
    sizes = (len(some), len(vectors), vectors.dim)
    facts = [*_facts(*sizes, made_of, placed.method, placed.laid_out, packed.bits), *remarks]
    header = {"title": title or _NO_TITLE, "bits": packed.bits, "facts": facts, "groups": groups.names}
    page = _page(title, pack(header, some, placed.positions, groups.of_words, packed.bits)).encode()
    with atomic_file(path) as file:
        file.write(page)
    return WordMap(
        path=os.fspath(path),
        words=len(some),
        left_out=asked - len(some),
        dim=vectors.dim,
        bits=packed.bits,
        layout=placed.method,
        placed=len(some) - placed.laid_out,
        bytes=len(page),
        remarks=tuple(remarks),
    )


def title_of(path: str) -> str:
    """Return what a page calls the model in a file: the file's name, without the folders and suffixes."""
    name = os.path.basename(without_query(path))
    return re.sub(r"\.(safetensors|txt|vec|bin|glove)$", "", without_packing(name)) or name


def _remarks(asked_layout: object, method: str, words: int, left_out: int, bits: int, max_size: str | int) -> list[str]:
    """Say what may surprise: a layout that shows little, and what was cut to keep the page small."""
    remarks = []
    if method == "pca" and asked_layout is None and not can_tsne():
        remarks.append(
            "The layout is PCA, which shows little of how near words are, because openTSNE is not installed"
            f" ({install_command('openTSNE')})."
        )
    elif method == "pca" and asked_layout != "pca":
        remarks.append(f"The layout is PCA, because {words:,} word{'s are' if words > 1 else ' is'} too few for t-SNE.")
    if left_out:
        remarks.append(f"The {left_out:,} rarest words were left out to keep the page under {max_size}.")
    if bits < 8:
        remarks.append(f"The vectors have {bits} bits per number instead of 8 to keep the page under {max_size}.")
    return remarks


def _facts(words: int, of: int, dim: int, made_of: str | None, method: str, laid_out: int, bits: int) -> list[str]:
    """Say in sentences what the page shows and how it was made."""
    count = f"all {words:,}" if words == of else f"the {words:,} most frequent of {of:,}"
    places = f"{NAMES[method]} placed all words."
    if laid_out < words:
        places = (
            f"{NAMES[method]} placed the {laid_out:,} most frequent words."
            f" The other {words - laid_out:,} lie where most of their nearest neighbours are."
        )
    return [
        f"The map shows {count} words of the model. Each has a vector of {dim:,} numbers, here with {bits} bits each."
        + (f" The vectors are {made_of}." if made_of else ""),
        places[0].upper() + places[1:],
        "Near words on the map are mostly near in the model, but distances between far words mean little. The list of"
        " nearest words compares the whole vectors.",
    ]


def _page(title: str | None, data: str) -> str:
    """Return the HTML of the page."""
    folder = files("w2v_cli") / "pictures" / "page"
    style = (folder / "page.css").read_text(encoding="utf-8")
    scripts = "".join((folder / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    # One function around everything, so that the page's names cannot clash with those of browser extensions.
    script = f'"use strict";\n(() => {{\n{scripts}}})();\n'
    # The browser runs this script and applies this style, and nothing else that a word might smuggle in.
    parts = {
        "policy": f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'",
        "title": html.escape(title or _NO_TITLE),
        "window": html.escape(f"{title} · word map" if title else _NO_TITLE),
        "style": style,
        "script": script,
        "data": data,
    }
    template = (folder / "page.html").read_text(encoding="utf-8")
    # In one pass: what was inserted is not searched again.
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], template)


def _hash(text: str) -> str:
    """Return the hash by which a content security policy knows an inline script or style."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
