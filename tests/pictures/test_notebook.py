"""What a notebook shows of a model: facts and neighbours, escaped, without scripts and colours."""

from __future__ import annotations

import re
import xml.etree.ElementTree as tree

import numpy as np

import w2v_cli as w2v
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.pictures.notebook import model_html


def rows(html: str) -> dict[str, str]:
    """Return the rows of the table, by their first cells; the HTML must be well-formed."""
    table = tree.fromstring(html)
    return {"".join(row[0].itertext()): "".join(row[1].itertext()) for row in table.iter("tr")}


def test_a_trained_model_shows_how_it_was_made_and_its_neighbours() -> None:
    sentences = [["the", "cat", "sat"], ["the", "dog", "sat"]] * 50
    model = w2v.train(sentences, dim=8, subsample=0, threads=1, model="cbow", seed=3)
    found = rows(model._repr_html_())
    assert (found["Words"], found["Dimensions"]) == ("4", "8")
    assert "model cbow" in found["Trained with"] and "seed 3" in found["Trained with"]
    assert found["Loss"] == f"{model.losses[-1]:.4f} nats per prediction"
    assert found["Near the"] == ", ".join(answer.word for answer in model.similar("the", 5))


def test_the_examples_of_a_large_model_are_not_its_most_frequent_words() -> None:
    words = [f"word{number}" for number in range(500)]
    found = rows(w2v.Model.of(words, np.random.default_rng(1).normal(size=(500, 4)))._repr_html_())
    assert [name for name in found if name.startswith("Near")] == ["Near word100", "Near word200", "Near word400"]


def test_words_are_escaped_and_nothing_in_the_html_can_run() -> None:
    words = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "&amp;", "שלום"]
    html = w2v.Model.of(words, np.random.default_rng(1).normal(size=(4, 3)))._repr_html_()
    assert not re.search(r"<(script|img|style|link|a)\b", html)
    assert words[0] in rows(html)["Near &amp;"]
    # Without colours of its own, it suits a light page and a dark one.
    assert not re.search(r"color|background|#[0-9a-f]{3}", html)


def test_a_model_of_one_word_and_a_damaged_one_are_shown() -> None:
    assert list(rows(w2v.Model.of(["a"], np.ones((1, 2)))._repr_html_())) == ["Words", "Dimensions"]
    damaged = WordVectors(["a", "b"], np.array([[np.nan, 1], [1, 1]], np.float32))
    assert "the vector of a has no finite length" in rows(model_html(damaged, {}, []))["Fault"]
