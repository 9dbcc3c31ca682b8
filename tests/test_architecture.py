"""The house rules that no linter checks. Who may import whom is import-linter's: `make lint`."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WRITTEN = {
    str(path.relative_to(ROOT)): path.read_text()
    for room in ("emulator", "api_models")
    for path in sorted((ROOT / room).rglob("*.py"))
    if "_generated" not in path.parts
}
MAX_LINES = 410
MAX_FUNCTION_LINES = 60
LONG_FILES = {"emulator/engine/simulated/engine.py"}  # one method for each call of the Engine
LONG_ON_PURPOSE = {("emulator/app.py", "build")}  # the one list of everything there is


def functions(text: str) -> Iterator[tuple[str, int]]:
    """Name and length of each."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def test_every_module_says_what_it_is_for() -> None:
    assert [name for name, text in WRITTEN.items() if text.strip() and not ast.get_docstring(ast.parse(text))] == []


def test_names_say_something() -> None:
    empty = r"(^|_)(utils?|helpers?|managers?|common|misc)(_|$)|^base_"
    assert [name for name in WRITTEN if re.search(empty, Path(name).stem)] == []


def test_files_and_functions_stay_small() -> None:
    sizes = {name: text.count("\n") for name, text in WRITTEN.items() if name not in LONG_FILES}
    assert {name: size for name, size in sizes.items() if size > MAX_LINES} == {}
    long = {
        (name, function): lines
        for name, text in WRITTEN.items()
        for function, lines in functions(text)
        if lines > MAX_FUNCTION_LINES and (name, function) not in LONG_ON_PURPOSE
    }
    assert long == {}


def test_nothing_waits_to_be_written() -> None:
    """What is not there says so to the user, with an error; never to the reader, with a promise."""
    assert [name for name, text in WRITTEN.items() if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", text)] == []


def test_only_who_starts_homeport_or_shows_all_of_it_knows_the_composition_root() -> None:
    importing = re.compile(r"^\s*(from emulator\.app import|import emulator\.app)", re.MULTILINE)
    assert {name for name, text in WRITTEN.items() if importing.search(text)} == {
        "emulator/coverage.py",
        "emulator/up.py",
    }


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    texts = {name: (ROOT / name).read_bytes() for name in listed if (ROOT / name).is_file()}
    found = {
        name: match[0]
        for name, content in texts.items()
        if b"\0" not in content and (match := re.search(rb"(?<![\w.])/(work|root|home/\w+)/[\w.]+", content))
    }
    assert found == {}
    # A link's text is where it leads.
    links = {name: str((ROOT / name).readlink()) for name in listed if (ROOT / name).is_symlink()}
    assert {name: target for name, target in links.items() if target.startswith("/")} == {}
