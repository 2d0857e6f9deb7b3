"""The rooms of the package: which room may import which, what is installed for them, and which may print."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from conftest import ROOT

# The rooms from the bottom up. A module may import from its own room and from those listed before it.
ROOMS = [
    "errors",
    "choices",
    "control_groups",
    "option",
    "config",
    "compute",
    "storage",
    "subwords",
    "gradients",
    "corpus",
    "merging",
    "engines",
    "embeddings",
    "formats",
    "training",
    "cluster",
    "tuning",
    "pictures",
    "api",
    "gensim",
    "cli",
]


def modules() -> dict[str, Path]:
    """Return the file of each module of the package, by the module's dotted name."""
    paths = sorted((ROOT / "w2v_cli").rglob("*.py"))
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


def imported(path: Path) -> set[str]:
    """Return every module that a file imports, and every name that it takes from one, as dotted names.

    Imports inside functions and under TYPE_CHECKING count too: a reader has to follow them all the same.
    """
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relative to its folder"
            names |= {f"{node.module}", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def upward(module: str, names: set[str]) -> list[str]:
    """Return those of the imported modules that are in a room above the importing module's."""
    known, room = modules(), module.split(".")[1]
    above = ROOMS[ROOMS.index(room) + 1 :]
    return sorted(name for name in names & known.keys() if name != "w2v_cli" and name.split(".")[1] in above)


def test_every_room_has_a_place_in_the_order() -> None:
    assert {module.split(".")[1] for module in modules() if module not in ("w2v_cli", "w2v_cli.__main__")} <= set(ROOMS)


def test_imports_go_down_only() -> None:
    for module, path in modules().items():
        # These two are the doors of the package, and may open any room.
        if module not in ("w2v_cli", "w2v_cli.__main__"):
            assert upward(module, imported(path)) == [], module


def test_an_upward_import_is_found_wherever_it_stands(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n"
        "    from w2v_cli.training.trainer import Trainer\n"
        "def function():\n"
        "    from w2v_cli.formats import text\n"
        "    import w2v_cli.api\n"
        "    import w2v_cli.storage.words\n"
    )
    names = imported(tmp_path / "module.py")
    expected = ["w2v_cli.api", "w2v_cli.formats", "w2v_cli.formats.text", "w2v_cli.training.trainer"]
    assert [name for name in upward("w2v_cli.corpus.texts", names) if name != "w2v_cli.training"] == expected


def test_no_modules_import_each_other() -> None:
    imports = {module: imported(path) for module, path in modules().items()}
    # The package itself is left out: modules import it for its version, and it imports a module only when asked for
    # one of its names.
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


def test_only_the_command_line_imports_click_and_prints() -> None:
    for path in sorted((ROOT / "w2v_cli").rglob("*.py")):
        if path.parent.name == "cli" or path.name == "__main__.py":
            continue
        text = path.read_text()
        assert not re.search(r"^\s*(from|import) click|\bprint\(", text, re.MULTILINE), path
