"""What one invocation of `w2v` remembers; all lines of `w2v shell` share it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import click

from w2v_cli.choices import DEFAULT_MODEL
from w2v_cli.cli.console import note, note_all
from w2v_cli.cli.progress import announcing_compilation
from w2v_cli.errors import ModelFileError
from w2v_cli.formats.reading import DEFAULT_READING, ReadOptions

if TYPE_CHECKING:
    from w2v_cli.api.model import Model


@dataclass
class Session:
    """The state of one invocation.

    Attributes
    ----------
    debug : whether errors are shown with their tracebacks.
    shell_model : in `w2v shell`, the model that questions are about if they name no other; None elsewhere.
    """

    debug: bool = False
    shell_model: str | None = None
    _models: dict[tuple[str, ReadOptions], Model] = field(default_factory=dict)
    _told: set[tuple[str, ReadOptions]] = field(default_factory=set)

    def asked(self, path: str, reading: ReadOptions, quiet: bool = False) -> Model:
        """Return the model in a file, and say once which of its vectors answer, if they are not its input vectors."""
        model = self.model(path, reading)
        if model.made_of is not None and not quiet and (path, reading) not in self._told:
            self._told.add((path, reading))
            note(f"Note: {path} answers with {model.made_of}")
        return model

    def model(self, path: str, reading: ReadOptions = DEFAULT_READING) -> Model:
        """Return the model in a file, which is read only the first time.

        Raises
        ------
        ModelFileError
            If there is no such file, or it holds no vectors, or not those that are to be asked.
        """
        if reading.matrix is not None and (path, reading) not in self._models:
            self._models[path, reading] = self.model(path, replace(reading, matrix=None)).using(reading.matrix)
        if (path, reading) not in self._models:
            # Imported here so that `w2v --help` need not wait for numpy.
            from w2v_cli.api.model import Model
            from w2v_cli.formats.model_file import ModelFile

            try:
                with ModelFile(path, reading) as file, announcing_compilation(file.format):
                    self._models[path, reading] = Model.of_file(file)
                note_all(file.remarks)
            except ModelFileError as error:
                if path == DEFAULT_MODEL and isinstance(error.__cause__, FileNotFoundError):
                    # A command that asks a model looks for this one if no other is named.
                    error.hint = "make one with w2v train CORPUS, or name one with -m"
                raise
        return self._models[path, reading]


# Gives a command the session as its first argument.
pass_session = click.make_pass_decorator(Session, ensure=True)
