"""Documentation is tested: the table is the generated one, commands and options exist, links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from emulator import coverage
from emulator.app import SERVICES, load_service
from emulator.cli.command import _parser

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
DOCUMENTS = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")


def test_the_coverage_table_is_the_generated_one() -> None:
    assert coverage.written(ROOT / "README.md") == coverage.table(), "run `make docs`"


def test_what_is_said_to_act_is_implemented() -> None:
    implemented = {f"{name}:{operation}" for name in SERVICES for operation in load_service(name).implemented}
    assert set(coverage.observations()) <= implemented


@pytest.mark.parametrize(
    "document",
    [ROOT / name for name in DOCUMENTS] + sorted([*ROOT.glob("docs/*.md"), *ROOT.glob("examples/*/README.md")]),
    ids=lambda document: str(document.relative_to(ROOT)),
)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", document.read_text()):
        assert (document.parent / target).exists(), target


def test_every_make_verb_that_is_named_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for name in DOCUMENTS:
        for verb in re.findall(r"`make ([a-z-]+)`", (ROOT / name).read_text()):
            assert re.search(rf"^{verb}:", makefile, re.MULTILINE), verb


def test_every_option_of_up_is_documented_and_no_other() -> None:
    parser = _parser({})
    verbs = next(action for action in parser._actions if action.choices)
    options = {word for action in verbs.choices["up"]._actions for word in action.option_strings if word != "--help"}
    table = README.partition("Options of `up`")[2].partition("## In a container")[0]
    assert set(re.findall(r"--[a-z][a-z0-9-]*", table)) == options - {"-h"}


def test_every_homeport_command_is_one() -> None:
    verbs = next(action for action in _parser({})._actions if action.choices)
    assert set(re.findall(r"`homeport ([a-z-]+)", README)) == set(verbs.choices) - {"plan"}


def test_the_architecture_names_what_is_there() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    for room in re.findall(r"`((?:emulator|api_models|tests|benchmarks)/[a-z_/]*(?:\.py)?)`", text):
        assert (ROOT / room).exists() or "<" in room, room


def test_every_dependency_has_its_line() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text().partition("## Dependencies")[2]
    pyproject = (ROOT / "pyproject.toml").read_text().partition("dependencies = [")[2].partition("]")[0]
    for package in re.findall(r'"([a-z0-9]+)>=', pyproject):
        assert re.search(rf"^\| {package}\b", text, re.MULTILINE), package
