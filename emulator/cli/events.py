"""`homeport events`: what EventBridge would have been told by a running emulator, as lines or as whole events."""

from __future__ import annotations

import argparse
import json

from emulator.cli.asking import open_answer, query
from emulator.domain.event_words import event_words, resource_of


def add(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "of", nargs="?", default="", metavar="RESOURCE", help="a part of the resource's ARN, e.g. a task's id"
    )
    verb.add_argument("--type", default="", help="a part of the detail-type, e.g. instance, or 'service action'")
    verb.add_argument("--count", "-n", type=int, default=100, help="the newest so many (default: %(default)s)")
    verb.add_argument("--follow", "-f", action="store_true", help="go on until Ctrl-C")
    verb.add_argument("--json", action="store_true", help="the whole events, one a line")


def events(asked: argparse.Namespace) -> int:
    words = query(of=asked.of, type=asked.type, count=asked.count, follow=int(asked.follow))
    with open_answer(asked, f"events?{words}") as answer:
        for line in answer:
            if asked.json:
                print(line.decode().rstrip(), flush=True)
                continue
            event = json.loads(line)
            print(f"{event['time']}  {event['detail-type']}  {resource_of(event)}  {event_words(event)}", flush=True)
    return 0
