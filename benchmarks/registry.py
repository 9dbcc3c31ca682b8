"""Homeport's registry beside Debian's docker-registry, by skopeo, in turns.

    python benchmarks/registry.py [--rounds 4] [--only push,pull,small,again,parallel,memory,many]

Prints medians of wall time and of the server's CPU time (from /proc), and their ratios against the bars: 4 x 256 MiB
pushed in at most 0.9 of the peer's wall time and 0.6 of its CPU, pulled in at most 1.15 and 0.6; 40 layers of 256 KiB
pushed in at most 0.7 of its wall time. A push of what is there already and eight pushes at once are printed. Memory
grows by less than 10 MiB while 1 GiB comes and goes. `many` is Homeport alone, with a repository of 2,500 and one of
10,000 images: a page of a list, a tag resolved, a lifecycle policy evaluated; the time must not grow faster than that.
The layers are random and stay uncompressed, so the registries are measured rather than gzip.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.registry_many import many
from benchmarks.registry_peers import MIB, RegistryPeer, debian_registry, homeport_registry, serve, write_layout

BIG, SMALL = (4, 256 * MIB), (40, 256 * 1024)
BARS = {
    "push wall": 0.9, "push cpu": 0.6, "pull wall": 1.15, "pull cpu": 0.6, "small push wall": 0.7,
}  # fmt: skip
GROWTH_BAR_MIB = 10.0
PARALLEL = 8
KINDS = ("push", "pull", "small", "again", "parallel", "memory", "many")

Spent = tuple[float, float]
"""Wall and server CPU, seconds."""


class Bench:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.peers = [homeport_registry(directory), debian_registry(directory)]
        self.times: dict[str, dict[str, list[Spent]]] = {}

    def close(self) -> None:
        for peer in self.peers:
            peer.stop()

    def measure(
        self, kind: str, work: Callable[[RegistryPeer], None], before_each: Callable[[], None] = lambda: None
    ) -> None:
        """Both peers, each time of a kind in the other order: the second finds a disk that the first kept busy."""
        done = len(self.times.get(kind, {}).get(self.peers[0].name, ()))
        for peer in reversed(self.peers) if done % 2 else self.peers:
            before_each()
            before, start = peer.cpu_s(), time.perf_counter()
            work(peer)
            spent = (time.perf_counter() - start, peer.cpu_s() - before)
            self.times.setdefault(kind, {}).setdefault(peer.name, []).append(spent)
            print(f"  {kind:11} {peer.name:15} wall {spent[0]:6.2f} s  cpu {spent[1]:5.2f} s", flush=True)

    def _touch(self) -> None:
        """As much memory as a push fills, for the kernel to have at hand. On a virtual machine a page that its host has
        yet to give costs 9 us of system time, ten times the write: 2 s in 1 GiB, charged to whoever comes upon it."""
        place, piece = self.directory / "touched", bytes(MIB)
        with place.open("wb", buffering=0) as file:
            for _ in range(BIG[0] * BIG[1] // MIB):
                file.write(piece)
        place.unlink()

    @contextlib.contextmanager
    def layout(self, layers: int, size: int) -> Iterator[Path]:
        place = self.directory / "layout"
        write_layout(place, layers, size)
        subprocess.run(["sync"], check=True)
        try:
            yield place
        finally:
            shutil.rmtree(place)

    def round(self, number: int, kinds: set[str]) -> None:
        if kinds & {"push", "pull"}:
            with self.layout(*BIG) as layout:
                self.measure("push", lambda peer: peer.push(layout, f"big:r{number}"), self._touch)
            if "pull" in kinds:
                self.measure("pull", lambda peer: self._pull(peer, f"big:r{number}"))
        # Short ones are the noisier: three for each long one.
        for turn in range(3):
            tag = f"r{number}.{turn}"
            if kinds & {"small", "again"}:
                with self.layout(*SMALL) as layout:
                    self.measure("small push", lambda peer, tag=tag: peer.push(layout, f"small:{tag}"))
                    if "again" in kinds:
                        self.measure("again", lambda peer, tag=tag: peer.push(layout, f"small:{tag}"))
                self.measure("small pull", lambda peer, tag=tag: self._pull(peer, f"small:{tag}"))
        if "parallel" in kinds:
            self._parallel(number)

    def _pull(self, peer: RegistryPeer, reference: str) -> None:
        with tempfile.TemporaryDirectory(dir=self.directory) as place:
            peer.pull(reference, Path(place) / "pulled")

    def _parallel(self, number: int) -> None:
        """Eight images at once, each with layers of its own."""
        places = [self.directory / f"parallel-{n}" for n in range(PARALLEL)]
        for place in places:
            write_layout(place, 8, 4 * MIB)

        def work(peer: RegistryPeer) -> None:
            with ThreadPoolExecutor(PARALLEL) as pool:
                list(pool.map(lambda n: peer.push(places[n], f"small:p{number}.{n}"), range(PARALLEL)))

        self.measure("parallel", work)
        for place in places:
            shutil.rmtree(place)


def growth(directory: Path) -> float:
    """MiB by which the peak memory of a fresh Homeport grows while 1 GiB is pushed and pulled."""
    place = directory / "memory"
    place.mkdir()
    peer = homeport_registry(place)
    try:
        # The first push and pull load code; that belongs to the start, not to the growth.
        write_layout(place / "warm", 2, MIB)
        peer.push(place / "warm", "small:warm")
        peer.pull("small:warm", place / "warm-pulled")
        before = peer.memory_mib()
        write_layout(place / "big", *BIG)
        peer.push(place / "big", "big:memory")
        peer.pull("big:memory", place / "pulled")
        return peer.memory_mib("VmHWM") - before
    finally:
        peer.stop()
        shutil.rmtree(place)


def report(times: dict[str, dict[str, list[Spent]]]) -> bool:
    held = True
    for kind, by_peer in times.items():
        for column, what in enumerate(("wall", "cpu")):
            medians = {name: statistics.median(one[column] for one in runs) for name, runs in by_peer.items()}
            ratio = medians["homeport"] / max(medians["docker-registry"], 0.01)
            bar = BARS.get(f"{kind} {what}")
            held &= bar is None or ratio <= bar
            print(
                f"{kind:11} {what:4}  homeport {medians['homeport']:6.2f} s  docker-registry "
                f"{medians['docker-registry']:6.2f} s  ratio {ratio:.2f}"
                + ("" if bar is None else f"  (bar {bar}{'' if ratio <= bar else ', MISSED'})")
            )
    return held


def compare(directory: Path, rounds: int, kinds: set[str]) -> bool:
    held = True
    if kinds - {"many", "memory"}:
        bench = Bench(directory)
        try:
            for number in range(rounds):
                bench.round(number, kinds)
        finally:
            bench.close()
        held = report(bench.times)
    if "memory" in kinds:
        grown = growth(directory)
        held &= grown < GROWTH_BAR_MIB
        print(f"memory growth over 1 GiB in and out {grown:.1f} MiB  (bar {GROWTH_BAR_MIB:.0f})")
    if "many" in kinds:
        held &= many(directory)
    print("all bars held" if held else "A BAR WAS MISSED")
    return held


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--only", default=",".join(KINDS), help="of " + ",".join(KINDS))
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.port)
        return
    kinds = set(options.only.split(","))
    if kinds - set(KINDS):
        parser.error(f"--only takes {', '.join(KINDS)}")
    with tempfile.TemporaryDirectory(prefix="homeport-bench-", dir=os.environ.get("TMPDIR")) as directory:
        sys.exit(0 if compare(Path(directory), options.rounds, kinds) else 1)


if __name__ == "__main__":
    main()
