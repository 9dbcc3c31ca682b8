"""How fast is our HTTP server beside cheroot and werkzeug? Prints requests per second and the ratios.

One small JSON POST, as boto3 sends ListClusters, answered by one trivial WSGI application: what remains is
the server. Each server is a process of its own; wrk (one thread, 8 connections) visits them in turn, several
times over, so that the machine's other load hits all alike; medians are compared. Large bodies are measured
too: CPU seconds of the server's process per GiB, taken in and given out.

    python -m benchmarks.http_server [--rounds N] [--seconds S] [--mib N]
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

CHUNK = bytes(32 * 1024)
CHEROOT = Path(__file__).resolve().parent.parent / ".work" / "cheroot"  # apart from us, as no dependency of ours
WRK_SCRIPT = """
wrk.method = "POST"
wrk.body = '{"maxResults": 100}'
wrk.headers["Content-Type"] = "application/x-amz-json-1.1"
wrk.headers["X-Amz-Target"] = "AmazonEC2ContainerServiceV20141113.ListClusters"
wrk.headers["X-Amz-Date"] = "20240101T000000Z"
wrk.headers["User-Agent"] = "Boto3/1.44.5 md/Botocore#1.44.5 ua/2.0 os/linux lang/python#3.11"
wrk.headers["Authorization"] = "AWS4-HMAC-SHA256 " ..
  "Credential=AKIDEXAMPLE/20240101/us-east-1/ecs/aws4_request, " ..
  "SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=" .. string.rep("0", 64)
"""


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """POST: a small answer. PUT: takes a body in. GET /file: gives a large file out."""
    stream = environ["wsgi.input"]
    if environ["REQUEST_METHOD"] == "GET":
        return _file(environ, start_response)
    if environ["REQUEST_METHOD"] == "PUT":
        _take(stream, int(environ.get("CONTENT_LENGTH") or 1 << 60))
    else:
        stream.read(int(environ.get("CONTENT_LENGTH") or 0))
    start_response("200 OK", [("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", "18")])
    return [b'{"clusterArns":[]}']


def _take(stream: Any, left: int) -> None:
    """The cheapest way the server offers; never past the end, where werkzeug's stream would block."""
    buffer = memoryview(bytearray(256 * 1024))
    if hasattr(stream, "readinto"):
        while left and (got := stream.readinto(buffer[:left])):
            left -= got
    else:
        while left and (got := len(stream.read(min(left, len(buffer))))):
            left -= got


def _file(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    path = Path(sys.argv[4])
    start_response("200 OK", [("Content-Length", str(path.stat().st_size))])
    source = path.open("rb")
    if "homeport.listener" in environ:
        from emulator.serve import FileSlice

        return FileSlice(source, 0, path.stat().st_size)
    wrapper = environ.get("wsgi.file_wrapper")
    return wrapper(source, 1 << 20) if wrapper is not None else iter(lambda: source.read(1 << 20), b"")


def serve(which: str, port: int) -> None:
    if which == "homeport":
        from emulator.serve import Listener, Server

        server = Server(app, [Listener(port=port)])
        server.start()
        server.wait()
    elif which == "cheroot":
        from cheroot.wsgi import Server as Cheroot

        Cheroot(("127.0.0.1", port), app, numthreads=64, request_queue_size=128, timeout=75).start()
    else:
        from werkzeug.serving import WSGIRequestHandler, make_server

        class Handler(WSGIRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_request(self, *_: Any) -> None:
                pass

        make_server("127.0.0.1", port, app, threaded=True, request_handler=Handler).serve_forever()


class Contestant:
    """A server in a process of its own."""

    def __init__(self, name: str, large_file: Path) -> None:
        self.name = name
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        command = [
            sys.executable,
            "-m",
            "benchmarks.http_server",
            "--serve",
            name,
            str(self.port),
            str(large_file),
        ]
        self.process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(CHEROOT)})
        deadline = time.monotonic() + 15
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"{name} did not start") from None
                time.sleep(0.05)

    def requests_per_second(self, script: Path, seconds: int) -> float:
        url = f"http://127.0.0.1:{self.port}/"
        command = ["wrk", "-t1", "-c8", f"-d{seconds}", "-s", str(script), url]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        if "Non-2xx" in said or "Socket errors" in said:
            raise SystemExit(f"{self.name} failed requests:\n{said}")
        found = re.search(r"Requests/sec:\s+([\d.]+)", said)
        assert found is not None, said
        return float(found[1])

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def cpu_s_per_gib(self, move: Callable[[socket.socket, int], None], size: int) -> float:
        before = self.cpu_s()
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as sock:
            move(sock, size)
        return (self.cpu_s() - before) * (1 << 30) / size


def put_length(sock: socket.socket, size: int) -> None:
    sock.sendall(f"PUT / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n".encode())
    for _ in range(size // len(CHUNK)):
        sock.sendall(CHUNK)
    _expect_200(sock)


def put_chunked(sock: socket.socket, size: int) -> None:
    sock.sendall(b"PUT / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunk = b"%x\r\n%b\r\n" % (len(CHUNK), CHUNK)
    for _ in range(size // len(CHUNK)):
        sock.sendall(chunk)
    sock.sendall(b"0\r\n\r\n")
    _expect_200(sock)


def get_file(sock: socket.socket, size: int) -> None:
    sock.sendall(b"GET /file HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    scratch, got = bytearray(1 << 20), 0
    while received := sock.recv_into(scratch):
        got += received
    if got < size:
        raise SystemExit(f"only {got} of {size} bytes came")


def _expect_200(sock: socket.socket) -> None:
    if b" 200 " not in sock.recv(4096):
        raise SystemExit("an upload was not answered 200")


def main() -> None:
    parser = argparse.ArgumentParser(description="our HTTP server beside cheroot and werkzeug")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--mib", type=int, default=512, help="size of a large body")
    asked = parser.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is missing: apt-get install wrk")
    if not (CHEROOT / "cheroot").is_dir():
        print("installing cheroot for the comparison ...", flush=True)
        subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--target", str(CHEROOT), "cheroot"], check=True)
    with tempfile.TemporaryDirectory() as folder:
        script, large = Path(folder, "post.lua"), Path(folder, "large")
        script.write_text(WRK_SCRIPT)
        with large.open("wb") as file:
            for _ in range(asked.mib):
                file.write(os.urandom(1 << 20))
        contestants = [Contestant(name, large) for name in ("homeport", "cheroot", "werkzeug")]
        try:
            compare(contestants, script, asked)
        finally:
            for contestant in contestants:
                contestant.process.kill()
                contestant.process.wait()


def compare(contestants: list[Contestant], script: Path, asked: argparse.Namespace) -> None:
    size = asked.mib << 20
    measures: dict[str, Callable[[Contestant], float]] = {
        "small POST, requests/s": lambda c: c.requests_per_second(script, asked.seconds),
        "upload, Content-Length, CPU s/GiB": lambda c: c.cpu_s_per_gib(put_length, size),
        "upload, chunked, CPU s/GiB": lambda c: c.cpu_s_per_gib(put_chunked, size),
        "download, CPU s/GiB": lambda c: c.cpu_s_per_gib(get_file, size),
    }
    print(f"{'':36}" + "".join(f"{c.name:>12}" for c in contestants) + "   ratio to cheroot, werkzeug")
    for label, measure in measures.items():
        taken: dict[str, list[float]] = {c.name: [] for c in contestants}
        for _ in range(asked.rounds):
            for contestant in contestants:
                taken[contestant.name].append(measure(contestant))
        medians = [statistics.median(taken[c.name]) for c in contestants]
        cells = "".join(f"{value:12.2f}" for value in medians)
        print(f"{label:36}{cells}   " + ", ".join(f"{medians[0] / other:.2f}" for other in medians[1:]))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(sys.argv[2], int(sys.argv[3]))
    else:
        main()
