"""The rooms of the package: who may import whom, what is installed for it, and who may print."""

from __future__ import annotations

import ast
import re

from conftest import ROOT

# The rooms from the bottom up: each may import from itself and from those before it.
ROOMS = [
    "errors",
    "config",
    "choices",
    "compute",
    "storage",
    "gradients",
    "corpus",
    "engines",
    "embeddings",
    "formats",
    "training",
    "api",
    "cli",
]


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
                    assert ROOMS.index(other) <= ROOMS.index(room), f"{path.name} in {room} imports {name}"


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
