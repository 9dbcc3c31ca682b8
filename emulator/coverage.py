"""The coverage table: what each operation of AWS's APIs does here. Generated, never typed (D11).

*acts*: the test run saw it succeed and saw one of its errors. *stores*: it keeps what it is told, and its effect is
still to come; or a test has not seen both yet. *refused*: the answer is "not emulated yet". The observations are
`api_models/coverage.json`, written by a whole test run (`make docs`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from emulator.app import SERVICES, load_service

OBSERVED = Path(__file__).resolve().parent.parent / "api_models" / "coverage.json"
BEGIN, END = "<!-- coverage: begin -->", "<!-- coverage: end -->"
MOST_NAMED = 60  # of the refused operations of one API

Observed = dict[str, list[str]]
"""`{"ecs:CreateCluster": ["error", "success"]}`."""


class NoMarkers(Exception):
    """The file has no place for the table."""


def observations() -> Observed:
    """What the last whole test run saw."""
    observed: Observed = json.loads(OBSERVED.read_text())
    return observed


def save(seen: Iterable[tuple[str, str]]) -> None:
    """`seen`: ("ecs:CreateCluster", "success" | "error"); what is not implemented does not count."""
    implemented = {f"{name}:{operation}" for name in SERVICES for operation in load_service(name).implemented}
    found: dict[str, set[str]] = {}
    for operation, outcome in seen:
        if operation in implemented:
            found.setdefault(operation, set()).add(outcome)
    text = json.dumps({name: sorted(outcomes) for name, outcomes in sorted(found.items())}, indent=1)
    OBSERVED.write_text(text + "\n")


def statuses(observed: Observed) -> dict[str, dict[str, str]]:
    """`{service: {operation: acts | stores | refused}}`."""
    result: dict[str, dict[str, str]] = {}
    for name in SERVICES:
        service = load_service(name)
        result[name] = {}
        for operation in sorted(service.api.operation_names):
            function = service.functions().get(operation)
            seen = observed.get(f"{name}:{operation}", [])
            if function is None:
                status = "refused"
            elif function.__dict__.get("stores") or seen != ["error", "success"]:
                status = "stores"
            else:
                status = "acts"
            result[name][operation] = status
    return result


def current_statuses() -> dict[str, dict[str, str]]:
    """By what the last whole test run saw."""
    return statuses(observations())


def table() -> str:
    """Markdown: a line of numbers per service, then the operations by status. Where most of an API is refused, the
    refused are counted, not named: what is not named there is not emulated."""
    lines = ["| API | acts | stores | refused |", "|---|---|---|---|"]
    details = []
    for service, operations in current_statuses().items():
        by_status = {s: [o for o, status in operations.items() if status == s] for s in ("acts", "stores", "refused")}
        lines.append(f"| {service} | {' | '.join(str(len(names)) for names in by_status.values())} |")
        details.append(f"\n<details><summary>{service}</summary>\n")
        details += [f"- **{status}**: {_listed(status, names)}" for status, names in by_status.items() if names]
        details.append("\n</details>")
    return "\n".join(lines + details) + "\n"


def _listed(status: str, names: list[str]) -> str:
    if status == "refused" and len(names) > MOST_NAMED:
        return f"the other {len(names)} operations of the API"
    return ", ".join(names)


def written(path: Path) -> str:
    """The table that the file holds. Raises NoMarkers."""
    return _split(path.read_text())[1]


def write(path: Path, new: str) -> None:
    before, _, after = _split(path.read_text())
    path.write_text(f"{before}{BEGIN}\n{new}{END}{after}")


def _split(text: str) -> tuple[str, str, str]:
    before, begin, rest = text.partition(BEGIN + "\n")
    inside, end, after = rest.partition(END)
    if not begin or not end:
        raise NoMarkers(f"no {BEGIN} ... {END} here")
    return before, inside, after
