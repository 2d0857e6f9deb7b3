"""The configuration: defaults in one place, nothing senseless accepted, every refusal named as it was typed."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import fields
from typing import Any

import pytest
from conftest import ROOT

from w2v_cli.config import TrainConfig
from w2v_cli.errors import ConfigError


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dim": 0}, "--dim 0 is too small"),
        ({"dim": 2.5}, "--dim 2.5 is not a whole number"),
        ({"epochs": True}, "--epochs True is not a whole number"),
        ({"window": -1}, "--window -1 is too small"),
        ({"negatives": 0}, "--negatives 0 is too small"),
        ({"subsample": -1.0}, "--subsample -1.0 is too small"),
        ({"subsample": 1e308}, "--subsample 1e+308 is too large"),
        ({"subsample": float("nan")}, "--subsample nan is not a finite number"),
        ({"alpha": 0.0}, "--alpha 0.0 is too small"),
        ({"alpha": float("inf")}, "--alpha inf is not a finite number"),
        ({"alpha": 0.01, "min_alpha": 0.1}, "--min-alpha 0.1 is above --alpha 0.01"),
        ({"min_alpha": 0.1}, "--min-alpha 0.1 is above --alpha 0.04"),
        ({"model": "glove"}, "--model glove is not one of skipgram, cbow"),
        ({"model": "cbow", "cbow_sum": True, "cbow_step": "plain"}, "--cbow-step has no meaning with --cbow-sum"),
        ({"loss": "softmax", "noise_exponent": 0.5}, "--noise-exponent has no meaning with --loss softmax"),
        ({"max_vocab": 0}, "--max-vocab 0 is too small"),
        ({"threads": 0}, "--threads 0 is too small"),
    ],
)
def test_a_senseless_value_is_refused_by_its_name(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        TrainConfig(**options)


def test_the_defaults_are_those_of_word2vec() -> None:
    config = TrainConfig()
    assert (config.dim, config.window, config.negatives, config.epochs, config.min_count) == (100, 5, 5, 5, 5)
    assert (config.subsample, config.noise_exponent) == (1e-3, 0.75)
    assert config.alpha_min == config.alpha_start * 1e-4


def test_a_configuration_survives_json() -> None:
    config = TrainConfig(dim=7, alpha=0.5, max_vocab=10)
    assert TrainConfig.from_dict(json.loads(json.dumps(config.as_dict()))) == config
    with pytest.raises(ConfigError, match="unknown options: size"):
        TrainConfig.from_dict({"size": 3})


def test_every_option_has_a_help_text() -> None:
    assert all(field.metadata["help"].endswith(".") for field in fields(TrainConfig))


LAYERS = {
    "errors": 0,
    "code_cache": 0,
    "hashing": 0,
    "jit": 1,
    "threads": 0,
    "simd": 1,
    "words": 1,
    "opening": 1,
    "random": 2,
    "atomic": 1,
    "storage": 2,
    "config": 1,
    "gradients": 2,
    "corpus": 3,
    "outputs": 2,
    "training": 5,
    "embeddings": 5,
    "job": 6,
    "run_folder": 7,
    "run": 8,
    "model": 9,
    "cli": 10,
}


def test_imports_go_down_only() -> None:
    for path in sorted((ROOT / "w2v_cli").rglob("*.py")):
        room = path.relative_to(ROOT / "w2v_cli").parts[0].removesuffix(".py")
        if room in ("__init__", "__main__"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                if name.startswith("w2v_cli."):
                    other = name.split(".")[1]
                    below = LAYERS[other] < LAYERS[room] or other == room
                    assert below, f"{path.name} in {room} imports {name}"


def test_no_modules_import_each_other() -> None:
    # Those for types alone count: they too must be understood together.
    imports: dict[str, set[str]] = {}
    for path in sorted((ROOT / "w2v_cli").rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        imports[module] = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                imports[module] |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    # The package itself, which modules ask for its version, finds its names when they are asked for.
    del imports["w2v_cli"]
    while leaves := {module for module, others in imports.items() if not others & imports.keys()}:
        imports = {module: others for module, others in imports.items() if module not in leaves}
    assert not imports


def test_every_dependency_is_imported_by_the_program() -> None:
    source = "".join(path.read_text() for path in (ROOT / "w2v_cli").rglob("*.py"))
    listed = re.search(r"^dependencies = \[(.*?)^\]", (ROOT / "pyproject.toml").read_text(), re.MULTILINE | re.DOTALL)
    assert listed is not None
    names = re.findall(r'^ *"([a-z]+)', listed[1], re.MULTILINE)
    assert "numpy" in names
    for name in names:
        assert re.search(rf"\b(from|import) {name}\b|import_module\(\"{name}[.\"]", source), f"{name} is not imported"


def test_only_the_door_knows_click_and_tqdm_and_prints() -> None:
    for path in sorted((ROOT / "w2v_cli").rglob("*.py")):
        if path.parent.name == "cli" or path.name == "__main__.py":
            continue
        text = path.read_text()
        assert not re.search(r"^\s*(from|import) (click|tqdm)|\bprint\(", text, re.MULTILINE), path
