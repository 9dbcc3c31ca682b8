"""A small log router that does what the configuration of FireLens asks of it, as far as this example goes.

It receives Fluentd's Forward protocol on the sockets of its INPUTs, adds the fields of its record_modifier FILTERs, and
prints what an OUTPUT named stdout matches. A real one is `public.ecr.aws/aws-observability/aws-for-fluent-bit`.
"""

import fnmatch
import json
import os
import signal
import socketserver
import sys
import threading

import msgpack

CONFIGURATION = "/fluent-bit/etc/fluent-bit.conf"


def read_sections(path):
    """(name, entries) of each section of a configuration in Fluent Bit's classic format."""
    sections = []
    with open(path) as lines:
        for line in map(str.strip, lines):
            if line.startswith("@INCLUDE "):
                sections += read_sections(line.split(maxsplit=1)[1])
            elif line.startswith("["):
                sections.append((line.strip("[]"), []))
            elif line and not line.startswith("#"):
                sections[-1][1].append(tuple(line.split(maxsplit=1)))
    return sections


SECTIONS = read_sections(CONFIGURATION)
INPUTS = [dict(entries) for name, entries in SECTIONS if name == "INPUT"]
OUTPUTS = [dict(entries) for name, entries in SECTIONS if name == "OUTPUT"]
FIELDS = [
    value.split(maxsplit=1)
    for name, entries in SECTIONS
    if name == "FILTER" and ("Name", "record_modifier") in entries
    for key, value in entries
    if key == "Record"
]
SHOWN = [output["Match"] for output in OUTPUTS if output["Name"] == "stdout"]


class Receiver(socketserver.BaseRequestHandler):
    """One connection: messages as [tag, time, record], [tag, [[time, record], ...]] or packed."""

    def handle(self):
        unpacker = unpacker_of(b"")
        while data := self.request.recv(65536):
            unpacker.feed(data)
            for tag, *rest in unpacker:
                if isinstance(rest[0], bytes):
                    entries = list(unpacker_of(rest[0]))
                elif isinstance(rest[0], list):
                    entries = rest[0]
                else:
                    entries = [rest[:2]]
                for _, record in entries:
                    show(tag, record)


def unpacker_of(data):
    unpacker = msgpack.Unpacker(unicode_errors="replace")
    unpacker.feed(data)
    return unpacker


def show(tag, record):
    if any(fnmatch.fnmatchcase(tag, match) for match in SHOWN):
        print(tag, json.dumps({**record, **dict(FIELDS)}, sort_keys=True))


class UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


class TcpServer(socketserver.ThreadingTCPServer):
    daemon_threads = allow_reuse_address = True


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
for each in INPUTS:
    if each["Name"] != "forward":
        continue
    if "unix_path" in each:
        if os.path.exists(each["unix_path"]):
            os.unlink(each["unix_path"])
        server = UnixServer(each["unix_path"], Receiver)
    else:
        server = TcpServer((each["Listen"], int(each["Port"])), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
print("routing", ", ".join(SHOWN))
signal.pause()
