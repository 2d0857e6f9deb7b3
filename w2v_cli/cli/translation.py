"""Answer a command line that w2v does not understand with the same line in w2v's spelling.

`cli.main` imports this module only for a command line that the options of its command do not explain.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from difflib import get_close_matches

import click

from w2v_cli.cli import spellings
from w2v_cli.cli.options import HELP, FileName
from w2v_cli.cli.spellings import key_of
from w2v_cli.config import OPTIONS, option_name
from w2v_cli.errors import ConfigError, ModelFileError, W2VError

_TRUTH = {"true": "1", "false": "0"}


def check_command(group: click.Group, context: click.Context, arguments: Sequence[str]) -> None:
    """Refuse a command, or a lone -train, that another program has, and give the command line in w2v's spelling."""
    own = spellings.COMMANDS.get(key_of(arguments[0], leave_hyphens=True))
    if own is None:
        return
    name, *first = own.split()
    if command := group.get_command(context, name):
        line = _Line(name, command)
        line.read([*first, *arguments[1:]])
        lone = arguments[0].startswith("-")
        what = f"w2v needs a command before {arguments[0]}" if lone else f"w2v has no command {arguments[0]}"
        raise line.translated(what)


def check_options(name: str, command: click.Command, arguments: Sequence[str]) -> None:
    """Refuse options, values and words that click would misunderstand, or for which there is better advice.

    Parameters
    ----------
    name : the name of the command · arguments : those of the command, without its name.

    Raises
    ------
    ConfigError
        If an option or value is one of another program or is misspelled, or if a word begins with a hyphen; the hint
        is the command line in w2v's spelling.
    ModelFileError
        If a word such as -man would be read as -m an, and there is no such model.
    """
    line = _Line(name, command)
    line.read(arguments)
    if line.advice:
        raise line.advice
    if line.foreign:
        raise line.translated(f"w2v {name} does not know {', '.join(line.foreign)}")
    if line.hyphens:
        error = line.misread or ConfigError(f"w2v {name} has no option {line.hyphens[0]}")
        files = "file names" if line.takes_files else "words"
        error.hint = f"put -- before {files} that begin with a hyphen: {line}"
        raise error


class _Line:
    """A command line, read as click would read it, and put into w2v's spelling.

    Attributes
    ----------
    words, options : what is left of it: the arguments, and each option with its values.
    foreign : the options and values of other programs that it had · remarks : what became of some of them.
    hyphens : words that begin with a hyphen and would be taken for options.
    advice : an error that says more than a new spelling could, or None.
    misread : the same, for a word that would be taken for -m and its value.
    """

    def __init__(self, name: str, command: click.Command) -> None:
        options = [item for item in (*command.params, HELP) if isinstance(item, click.Option)]
        self.known = {spelling: option for option in options for spelling in option.opts}
        self.argument = next((item for item in command.params if isinstance(item, click.Argument)), None)
        self.takes_files = self.argument is not None and isinstance(self.argument.type, FileName)
        self.name = name
        self.words, self.foreign, self.hyphens, self.remarks = list[str](), list[str](), list[str](), list[str]()
        self.options: list[list[str]] = []
        self.advice: W2VError | None = None
        self.misread: W2VError | None = None
        self._of_word2vec: dict[str, str] = {}

    def __str__(self) -> str:
        return " && ".join(self._commands())

    def read(self, arguments: Sequence[str]) -> None:
        """Read the arguments of the command, from the first to the last."""
        rest = list(arguments)
        while rest:
            typed = rest.pop(0)
            if typed == "--":
                self.words += rest
                return
            if typed == "-" or not typed.startswith("-"):
                self.words.append(typed)
            elif not (self._own(typed, rest) or self._other(typed, rest) or self._attached(typed, rest)):
                self._unknown(typed)

    def _own(self, typed: str, rest: list[str]) -> bool:
        """Read an option of this command, with its values; return whether it is one."""
        name, equals, value = typed.partition("=")
        option = self.known.get(name.replace("_", "-"))
        if option is None or (equals and not name.startswith("--")):
            return False
        if equals:
            rest.insert(0, value)
        count = 0 if option.is_flag else option.nargs
        self.options.append([option.opts[0], *(self._value(option, value) for value in rest[:count])])
        del rest[:count]
        return True

    def _value(self, option: click.Option, value: str) -> str:
        """Return the value that an option with a choice takes for another spelling of it."""
        if not isinstance(option.type, click.Choice) or value.replace("_", "-") in option.type.choices:
            return value
        typed = value.lower().replace("_", "-")
        own = spellings.VALUES.get(typed, typed)
        # A value that is only similar, such as nfd to nfc, may mean something else: click names the choices.
        if own not in option.type.choices:
            return value
        self.foreign.append(f"{option.opts[0]} {value}")
        return own

    def _other(self, typed: str, rest: list[str]) -> bool:
        """Put w2v's option in the place of another program's; return whether it is one."""
        name, equals, value = typed.partition("=")
        after = [value, *rest] if equals else rest[:]
        own = self._replacement(key_of(name), after)
        if own is None:
            return False
        if name not in self.foreign:
            self.foreign.append(name)
        rest[:] = [*own, *after]
        return True

    def _replacement(self, key: str, rest: list[str]) -> list[str] | None:
        """Return what takes the place of an option, and take its value from the rest; None if nothing does."""
        if self.name == "train" and key in spellings.OF_WORD2VEC:
            self._of_word2vec[key] = rest.pop(0) if rest and not rest[0].startswith("-") else "1"
            return []
        if self.name == "train" and key in spellings.LEFT_OUT:
            self.remarks.append(spellings.LEFT_OUT[key])
            if rest and re.fullmatch(r"\d+|true|false", rest[0].lower()):
                del rest[0]
            return []
        if key in spellings.SWITCHES and all(self._has(own) for own in spellings.SWITCHES[key].values()):
            value = _TRUTH.get(rest[0].lower(), rest[0]) if rest else ""
            if value in spellings.SWITCHES[key]:
                del rest[0]
            return spellings.SWITCHES[key].get(value, spellings.SWITCHES[key]["1"]).split()
        if f"--{key}" in self.known:
            return [f"--{key}"]
        if key in spellings.OPTIONS and rest and self._has(spellings.OPTIONS[key]):
            value = rest.pop(0)
            return [part.format(value) for part in spellings.OPTIONS[key].split()]
        named = (option_name(name) for name, option in OPTIONS.items() if key in option.aliases)
        return next(([name] for name in named if name in self.known), None)

    def _has(self, own: str) -> bool:
        """Return whether the command has the option, or the arguments, that would take another option's place."""
        return not own or own.split()[0] in self.known or (own == "{}" and self.takes_files)

    def _attached(self, typed: str, rest: list[str]) -> bool:
        """Read short options in one word, such as -qv or -k5; return whether that is what was meant."""
        if typed.startswith("--") or (self.takes_files and os.path.exists(typed)):
            return False
        found = []
        for place, letter in enumerate(typed[1:], start=2):
            option = self.known.get(f"-{letter}")
            if option is None:
                return False
            found.append([option.opts[0]])
            if not option.is_flag:
                value = typed[place:] or "".join(rest[:1])
                if typed[place:] and not self._plausible(typed, option, value):
                    return False
                found[-1].append(value)
                if not typed[place:]:
                    del rest[:1]
                break
        self.options += found
        return True

    def _plausible(self, typed: str, option: click.Option, value: str) -> bool:
        """Return whether a value that is attached to its option is one, and not the rest of a word."""
        if isinstance(option.type, click.types.IntParamType):
            return value.isdecimal()
        if self.takes_files or self.argument is None or not isinstance(option.type, FileName) or os.path.exists(value):
            return True
        self.misread = ModelFileError(f"there is no file {value}: {typed} means {option.opts[0]} {value}")
        return False

    def _unknown(self, typed: str) -> None:
        """Take a word that begins with a hyphen for what it is, or say which option may have been meant."""
        key = key_of(typed.partition("=")[0])
        # An option is named by its first long spelling: --help says more than -h.
        long = {item: max(item.opts, key=lambda spelling: spelling[:2] == "--") for item in self.known.values()}
        names = {key_of(spelling): long[option] for spelling, option in self.known.items() if len(spelling) > 2}
        names |= {other: own.split()[0] for other, own in spellings.OPTIONS.items() if own != "{}" and self._has(own)}
        # A word with a hyphen in front must be very similar to be taken for an option.
        near = get_close_matches(key, names, n=1, cutoff=0.6 if self.takes_files or typed.startswith("--") else 0.8)
        file = self.takes_files and (os.path.exists(typed) or "." in typed)
        if near and not file and not self.misread:
            self.advice = self.advice or ConfigError(
                f"w2v {self.name} has no option {typed}", hint=f"did you mean {names[near[0]]}?"
            )
        elif not typed.startswith("--") and self.argument is not None and (file or not self.takes_files):
            self.words.append(typed)
            self.hyphens.append(typed)

    def translated(self, what: str) -> ConfigError:
        """Return the error that says what is wrong, and gives the line in w2v's spelling."""
        if self.name == "train":
            self._finish()
        return ConfigError("; ".join([what, *dict.fromkeys(self.remarks)]), hint=f"in w2v's spelling: {self}")

    def _finish(self) -> None:
        """Take into account what options mean together, and what word2vec.c does if it is not told."""
        if "-train" in self.foreign and not self._values_of("--model"):
            self.options.append(["--model", "cbow"])
            self.remarks.append("word2vec.c trains CBOW if it is not told")
        if self._values_of("--loss") == ["hs"] and (negatives := self._values_of("--negatives")):
            self.options = [option for option in self.options if option[0] != "--negatives"]
            self.remarks += [] if negatives == ["0"] else ["w2v trains one loss at a time"]
        parts = [name for name, option in OPTIONS.items() if option.only.get("subwords")]
        if any(self._values_of(option_name(name)) for name in parts) and not self._values_of("--subwords"):
            # fastText learns parts of words if it is not told.
            self.options.append(["--subwords", "fasttext"])
        if binary := self._of_word2vec.get("binary"):
            suffix = ".bin" if binary == "1" else ".txt"
            for option in self.options:
                if option[0] == "-o" and not option[-1].endswith(suffix):
                    option[-1] += suffix

    def _values_of(self, name: str) -> list[str]:
        return [option[-1] for option in self.options if option[0] == name]

    def _commands(self) -> list[str]:
        """Return the commands that do the work of the line: one, if word2vec.c did not do the work of several."""
        output, classes = self._values_of("-o"), self._of_word2vec.get("classes", "0")
        sorted_words = output if classes != "0" else []
        options = [option for option in self.options if not (sorted_words and option[0] == "-o")]
        flat = [part for option in options for part in option]
        if any(word.startswith("-") and word != "-" for word in self.words):
            commands = [shlex.join(["w2v", self.name, *flat, "--", *self.words])]
        else:
            commands = [shlex.join(["w2v", self.name, *self.words, *flat])]
        if sorted_words:
            commands.append(f"w2v classes -k {classes} > {shlex.quote(output[-1])}")
        if file := self._of_word2vec.get("save-vocab"):
            count = "".join(self._values_of("--min-count")[-1:]) or "5"
            counted = shlex.join(["w2v", "vocab", *self.words, "--min-count", count])
            # Without an output, word2vec.c only counts.
            commands = [f"{counted} > {shlex.quote(file)}", *(commands if output else [])]
        return commands
