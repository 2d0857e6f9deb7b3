"""The options that a model was trained with, as its metadata record them."""

from __future__ import annotations

from collections.abc import Mapping

from w2v_cli.config import TrainConfig
from w2v_cli.corpus.text_options import TextOptions
from w2v_cli.errors import ConfigError, ModelFileError
from w2v_cli.storage.tensors import parse_json


def recorded_options(metadata: Mapping[str, str], name: str) -> tuple[TrainConfig, TextOptions]:
    """Return the options that a model was trained with, and how its text was read.

    Parameters
    ----------
    metadata : the metadata of the model · name : what an error message calls it.

    Raises
    ------
    ModelFileError
        If the metadata do not record the options, or record values that no option can have.
    """
    try:
        config = TrainConfig.from_dict(parse_json(metadata["config"]))
        return config, TextOptions(**parse_json(metadata.get("text", "{}")))
    except (KeyError, ValueError, TypeError, ConfigError) as error:
        raise ModelFileError(
            f"{name} does not say how it was trained", hint="this needs a model of w2v train"
        ) from error
