"""`Session`: a model is read once, whichever commands ask for it, and in the format that was asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from w2v_cli.cli.session import Session
from w2v_cli.errors import ModelFileError
from w2v_cli.formats.reading import ReadOptions

TEXT = "2 2\na 1 0\nb 0.5 1\n"


def test_a_model_is_read_once_for_each_format(tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text(TEXT)
    session = Session()
    model = session.model(str(path))
    # As GloVe's format, which has no first line, the same bytes are wrong.
    with pytest.raises(ModelFileError):
        session.model(str(path), ReadOptions("glove"))
    path.unlink()
    assert session.model(str(path)) is model and list(model.words) == ["a", "b"]


def test_sessions_share_nothing(tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text(TEXT)
    Session().model(str(path))
    path.unlink()
    with pytest.raises(ModelFileError, match="there is no file"):
        Session().model(str(path))
