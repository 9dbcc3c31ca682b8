"""`homeport fault`: adds a fault on demand to a running emulator, lists and clears them."""

from __future__ import annotations

import argparse
import json
import re
from typing import Any

from emulator.cli.asking import Unreachable, call, delete, get, table, when

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_OPTIONS: dict[str, tuple[str, str]] = {
    "task": ("ID", "a task's id, its beginning, or its ARN"),
    "service": ("NAME", "tasks of a service"),
    "family": ("NAME", "tasks of a task definition's family"),
    "cluster": ("NAME", "tasks of a cluster"),
    "container": ("NAME", "containers of this name"),
    "image": ("IMAGE", "containers of an image; the tag may be left out"),
    "instance": ("ID", "a container instance's id or ARN, or its EC2 instance id"),
    "zone": ("ZONE", "an Availability Zone, e.g. a or us-east-1a"),
    "api": ("SERVICE", "calls of an API, e.g. ecs"),
    "operation": ("NAME", "calls of an operation, e.g. RunTask or Describe*"),
    "error": ("ERROR", "how it fails: see below, or a text of your own"),
    "delay": ("DURATION", "how much slower it is, e.g. 30s"),
    "rate": ("SHARE", "which share of the calls, e.g. 0.5 for every second one"),
    "count": ("N", "how often it strikes (default: as often as it is met)"),
    "duration": ("DURATION", "for how long, e.g. 90s, 15m (default: until it is cleared)"),
}
_KINDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "spot-interruption": (
        "interrupt tasks on FARGATE_SPOT, or a Spot Instance: a notice, the end within two minutes",
        ("task", "service", "cluster", "instance"),
    ),
    "pull": (
        "images are pulled slowly or not at all; ERROR: denied, not-found, rate-limit, unavailable, timeout, disk-full",
        ("task", "service", "family", "cluster", "container", "image", "error", "delay", "count", "duration"),
    ),
    "start": (
        "containers start slowly or not at all; ERROR: bad-command, runtime, create, timeout",
        ("task", "service", "family", "cluster", "container", "image", "error", "delay", "count", "duration"),
    ),
    "throttling": (
        "calls are answered with ThrottlingException",
        ("api", "operation", "rate", "count", "duration"),
    ),
    "agent-disconnect": ("a container instance's agent loses its connection", ("instance", "duration")),
    "zone-loss": ("all that runs in an Availability Zone ends, nothing is placed there", ("zone", "duration")),
    "engine-outage": ("the engine answers nothing", ("duration",)),
}


def add(verb: argparse.ArgumentParser) -> None:
    """The verbs under `fault`. `--endpoint` may stand after any of the words."""
    verb.add_argument("--json", action="store_true")
    verbs = verb.add_subparsers(metavar="COMMAND")

    def under(name: str, text: str) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=text, description=text)
        made.add_argument("--endpoint", default=argparse.SUPPRESS, help="the running emulator")
        return made

    adding = under("add", "add a fault; it acts at once")
    kinds = adding.add_subparsers(metavar="KIND", required=True, dest="kind")
    for kind, (text, options) in _KINDS.items():
        made = kinds.add_parser(kind, help=text, description=text)
        made.add_argument("--endpoint", default=argparse.SUPPRESS, help="the running emulator")
        for option in options:
            metavar, meaning = _OPTIONS[option]
            made.add_argument(f"--{option}", metavar=metavar, help=meaning)
        made.set_defaults(run=_add)
    listing = under("list", "the faults that are on, and those of the last hour")
    listing.add_argument("--json", action="store_true", default=argparse.SUPPRESS)
    listing.set_defaults(run=faults)
    clearing = under("clear", "end a fault, or all of them")
    clearing.add_argument("id", nargs="?", metavar="ID")
    clearing.add_argument("--all", action="store_true")
    clearing.set_defaults(run=_clear)


def faults(asked: argparse.Namespace) -> int:
    """The table, oldest first."""
    found = get(asked, "faults")
    if asked.json:
        print(json.dumps(found, indent=2))
        return 0
    rows = [
        [
            f["id"], f["kind"], f["state"], when(f["since"])[:19], when(f["until"])[:19] if f["until"] else "cleared",
            f["hits"], f["does"], f"{f['strikes']}{'' if f['count'] is None else '/' + str(f['count'])}",
        ]
        for f in found["faults"]
    ]  # fmt: skip
    table("FAULT  KIND  STATE  SINCE  UNTIL  HITS  DOES  STRIKES", rows)
    if not rows:
        print("no fault is on")
    return 0


def _add(asked: argparse.Namespace) -> int:
    wanted: dict[str, Any] = {"kind": asked.kind}
    for option in _KINDS[asked.kind][1]:
        text = getattr(asked, option)
        if text is not None:
            wanted[option] = _value(option, text)
    [added] = call(asked, "faults", wanted)["faults"]
    print(f"{added['id']}  {added['kind']}: {added['hits']}: {added['does']}")
    for struck in added["struck"]:
        print(f"  struck: {struck}")
    return 0


def _clear(asked: argparse.Namespace) -> int:
    if bool(asked.id) == asked.all:
        raise Unreachable("say `fault clear ID` or `fault clear --all`")
    from urllib.parse import quote

    told = delete(asked, "faults" if asked.all else f"faults/{quote(asked.id, safe='')}")
    if told["cleared"] or not told["over"]:
        print(f"cleared: {', '.join(told['cleared']) or 'there was none'}")
    if told["over"]:
        print(f"over before, and no longer listed: {', '.join(told['over'])}")
    return 0


def _value(option: str, text: str) -> str | float | int:
    if option in ("delay", "duration"):
        found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text)
        if found is None:
            raise Unreachable(f"--{option} is a number and a unit, e.g. 90s, 15m, 2h")
        return float(found[1]) * _UNITS[found[2]]
    try:
        return int(text) if option == "count" else float(text) if option == "rate" else text
    except ValueError as error:
        raise Unreachable(f"--{option} is a number") from error
