"""Writes `_generated/<service>.py`: the request and answer types of the operations that are implemented.

    python -m api_models.generate            writes them
    python -m api_models.generate --check    exits with 1 and names the files that would change

Annotations only, never behaviour. The files are a function of the botocore version that constraints.txt pins and of
the names of the functions in `emulator/services/<service>/`, which are read, not imported: the types must be there
before the functions that use them can be.
"""

from __future__ import annotations

import argparse
import ast
import keyword
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from botocore import __version__ as botocore_version
from botocore import xform_name
from botocore.model import ServiceModel, Shape, StructureShape

import api_models

_HERE = Path(__file__).parent
_OUTPUT = _HERE / "_generated"
_SERVICES = _HERE.parent / "emulator" / "services"
_CONSTRAINTS = _HERE.parent / "constraints.txt"
_TAKEN = frozenset({"Any", "Required", "TypedDict"})
_SIMPLE = {
    "string": "str",
    "character": "str",
    "integer": "int",
    "long": "int",
    "float": "float",
    "double": "float",
    "boolean": "bool",
    "timestamp": "float",
    "blob": "bytes",
}


class WrongVersion(Exception):
    """The installed botocore is not the pinned one."""


def pinned_version() -> str:
    """The botocore version of constraints.txt."""
    found = re.search(r"^botocore==(\S+)$", _CONSTRAINTS.read_text(), re.MULTILINE)
    if found is None:
        raise WrongVersion(f"{_CONSTRAINTS.name} does not pin botocore")
    return found[1]


def services() -> list[str]:
    """Botocore's names of the services that have a package, which has `_` where the name has `-`."""
    return sorted(path.parent.name.replace("_", "-") for path in _SERVICES.glob("*/__init__.py"))


def implemented(service: str, model: ServiceModel) -> list[str]:
    """Names of the operations for which the service's package has a function."""
    names = {xform_name(name): name for name in model.operation_names}
    functions: set[str] = set()
    for path in sorted((_SERVICES / service.replace("-", "_")).glob("*.py")):
        tree = ast.parse(path.read_text())
        functions.update(node.name for node in tree.body if isinstance(node, ast.FunctionDef))
    return sorted(names[function] for function in functions if function in names)


def source(service: str, version: str) -> str:
    """The text of one service's file."""
    model = api_models.load(service).model
    shapes: dict[str, StructureShape] = {}
    for name in implemented(service, model):
        operation = model.operation_model(name)
        for shape in (operation.input_shape, operation.output_shape):
            if shape is not None:
                _collect(shape, shapes)
    classes = [_structure(shapes[name]) for name in sorted(shapes)]
    body = "\n\n\n".join(classes)
    words = sorted(word for word in _TAKEN if re.search(rf"\b{word}\b", body))
    imports = f"from typing import {', '.join(words)}\n\n\n" if words else ""
    head = (
        f'"""Types of {service}\'s requests and answers, from botocore {version}.\n\nWritten by '
        '`python -m api_models.generate`, never edited by hand; at run time these are plain dicts.\n"""\n\n'
        "from __future__ import annotations\n\n"
    )
    return f"{head}{imports}{body}\n" if body else head.rstrip("\n") + "\n"


def index(version: str) -> str:
    """The text of index.py: how a request names each service, so that no model need be read to know whose it is."""
    lines = [
        f'    "{name}": ServiceIndex({_literal(api.target_prefix)}, "{api.model.signing_name}", "{api.protocol}"),'
        for name, api in ((name, api_models.load(name)) for name in services())
    ]
    return (
        f'"""How a request names each service, from botocore {version}.\n\nWritten by '
        '`python -m api_models.generate`, never edited by hand.\n"""\n\n'
        "from __future__ import annotations\n\n"
        "from api_models.service_index import ServiceIndex\n\n"
        "SERVICES = {\n" + "\n".join(lines) + "\n}\n"
    )


def _literal(text: str | None) -> str:
    return "None" if text is None else f'"{text}"'


def _collect(shape: Shape, shapes: dict[str, StructureShape]) -> None:
    if shape.type_name == "structure" and not shape.metadata.get("document"):
        if shape.name not in shapes:
            shapes[shape.name] = shape
            for member in shape.members.values():
                _collect(member, shapes)
    elif shape.type_name == "list":
        _collect(shape.member, shapes)
    elif shape.type_name == "map":
        _collect(shape.value, shapes)


def _structure(shape: StructureShape) -> str:
    name = _class_name(shape)
    fields = {
        member: f"Required[{_type(item)}]" if member in shape.required_members else _type(item)
        for member, item in shape.members.items()
    }
    if not fields:
        return f"class {name}(TypedDict, total=False):\n    pass"
    if all(_is_plain(member, fields) for member in fields):
        lines = "\n".join(f"    {member}: {kind}" for member, kind in fields.items())
        return f"class {name}(TypedDict, total=False):\n{lines}"
    return _called(name, fields)


def _called(name: str, fields: dict[str, str]) -> str:
    """The other notation, for members that cannot be written as variables of a class."""
    items = [f'"{member}": "{kind}"' for member, kind in fields.items()]
    lines = "".join(f"        {item},\n" for item in items)
    return f'{name} = TypedDict(\n    "{name}",\n    {{\n{lines}    }},\n    total=False,\n)'


def _is_plain(member: str, fields: dict[str, str]) -> bool:
    """A member whose name is also a type's would hide the type inside the class."""
    if not member.isidentifier() or keyword.iskeyword(member):
        return False
    return not any(member in re.findall(r"\w+", kind) for kind in fields.values())


def _type(shape: Shape) -> str:
    match shape.type_name:
        case "structure":
            return "Any" if shape.metadata.get("document") else _class_name(shape)
        case "list":
            return f"list[{_type(shape.member)}]"
        case "map":
            return f"dict[{_type(shape.key)}, {_type(shape.value)}]"
    return _SIMPLE[shape.type_name]


def _class_name(shape: Shape) -> str:
    name = str(shape.name)
    return f"{name}Shape" if name in _TAKEN else name[:1].upper() + name[1:]


def changes() -> Iterator[tuple[Path, str]]:
    """Files whose text is not what it should be, with the text they should have."""
    version = pinned_version()
    if version != botocore_version:
        raise WrongVersion(f"botocore {botocore_version} is installed; {_CONSTRAINTS.name} pins {version}")
    files = [(f"{service.replace('-', '_')}.py", source(service, version)) for service in services()]
    for name, text in [*files, ("index.py", index(version))]:
        path = _OUTPUT / name
        if not path.exists() or path.read_text() != text:
            yield path, text


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m api_models.generate", description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit with 1 if a file would change")
    checking = parser.parse_args().check
    found = list(changes())
    for path, text in found:
        print(f"{'differs' if checking else 'written'}: {path.relative_to(_HERE.parent)}")
        if not checking:
            path.write_text(text)
    return 1 if found and checking else 0


if __name__ == "__main__":
    sys.exit(main())
