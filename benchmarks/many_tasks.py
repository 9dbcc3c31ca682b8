"""Many tasks: how fast 50 start beside the same containers made by hand, and what 300 cost at once.

    python -m benchmarks.many_tasks [--blocks N] [--tasks N] [--crowd N]

The rate is measured from the first RunTask until the last task is RUNNING; by hand, until the last application was
started, four pairs at a time, since more only adds latency. The two take turns, each first in its turn.

Bars: a rate of at least 0.8 of that by hand; of 300 tasks none fails, and each costs the emulator less than 200 KiB;
their statistics cost it at most 5 % of a core. Needs a Docker Engine; removes what it makes, gently.
"""

from __future__ import annotations

import argparse
import statistics
import time

from benchmarks.crowd import Crowd, PairsByHand, busy, crowd
from benchmarks.peers import Peer

STATISTICS_S = 30.0
SETTLE_S = 10.0  # as often as the emulator takes a whole look at the engine
MOST_TURNS = 12


def rates(ours: Crowd, raw: PairsByHand, tasks: int, blocks: int) -> None:
    ours.start(2)  # the first of each loads images and makes the bridge
    ours.stop()
    raw.start(2)
    raw.remove()
    through: list[float] = []
    by_hand: list[float] = []
    for block in range(blocks):
        for turn in ("by hand", "homeport") if block % 2 else ("homeport", "by hand"):
            if turn == "by hand":
                by_hand.append(tasks / raw.start(tasks))
                raw.remove()
            else:
                through.append(tasks / ours.start(tasks, f"block {block + 1} of {blocks}"))
                ours.stop()
        print(
            f"  block {block + 1}: homeport {through[-1]:.2f}, by hand {by_hand[-1]:.2f} tasks/s; {busy()}", flush=True
        )
    ratio = statistics.median(a / b for a, b in zip(through, by_hand, strict=True))
    print(
        f"{f'{tasks} tasks started (tasks/s)':40} homeport {statistics.median(through):7.2f}   "
        f"by hand {statistics.median(by_hand):7.2f}   ratio {ratio:5.2f}   (bar: at least 0.8)"
    )


def at_once(ours: Crowd, tasks: int) -> None:
    """Leaves them running. Memory is that of the emulator's process, warm from the tasks before."""
    before, spent = ours.peer.resident_mib(), ours.peer.cpu_s()
    took = ours.start(tasks, "300 at once" if tasks == 300 else f"{tasks} at once")
    during, spent = ours.peer.resident_mib(), ours.peer.cpu_s() - spent
    each = (during - before) * 1024 / tasks
    print(f"{f'{tasks} tasks at once':40} none failed   {tasks / took:.2f} tasks/s, {took:.0f} s; {busy()}")
    print(f"{'  CPU of the emulator for each (ms)':40} {spent * 1000 / tasks:7.1f}")
    print(
        f"{'  memory of the emulator (MiB)':40} before {before:7.1f}   with {tasks} {during:7.1f}   "
        f"each {each:5.0f} KiB   (bar: less than 200)"
    )


def statistics_cost(ours: Crowd, tasks: int) -> None:
    """With them, without them, with them again: each on the same running tasks, which every restart adopts."""
    spent = {"with": [_idle(ours.peer)], "without": []}
    print(f"\r  statistics: restarting without them, with {tasks} tasks running", end="", flush=True)
    ours.peer.restart("--no-statistics")
    spent["without"].append(_idle(ours.peer))
    ours.peer.restart()
    spent["with"].append(_idle(ours.peer))
    print("\r" + " " * 80 + "\r", end="")
    on, off = statistics.median(spent["with"]), spent["without"][0]
    print(
        f"{f'statistics of {tasks} each second (% of a core)':40} with {100 * on:5.2f}   without {100 * off:5.2f}   "
        f"they cost {100 * (on - off):5.2f}   (bar: at most 5); {busy()}"
    )


def _idle(peer: Peer) -> float:
    """The part of a core that the emulator uses while nothing happens: once it is no more growing less, since it may
    still be taking its tasks back."""
    last = _used(peer, SETTLE_S)
    for _ in range(MOST_TURNS):
        before, last = last, _used(peer, SETTLE_S)
        if last > 0.8 * before:
            break
    return _used(peer, STATISTICS_S)


def _used(peer: Peer, seconds: float) -> float:
    spent, began = peer.cpu_s(), time.perf_counter()
    time.sleep(seconds)
    return (peer.cpu_s() - spent) / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", type=int, default=3)
    parser.add_argument("--tasks", type=int, default=50)
    parser.add_argument("--crowd", type=int, default=300)
    asked = parser.parse_args()
    with crowd() as ours:
        if asked.blocks:
            raw = PairsByHand()
            try:
                rates(ours, raw, asked.tasks, asked.blocks)
            finally:
                raw.close()
        if asked.crowd:
            if not asked.blocks:
                ours.start(2)
                ours.stop()
            at_once(ours, asked.crowd)
            statistics_cost(ours, asked.crowd)
            print(f"\r  stopping {asked.crowd} tasks", end="", flush=True)
            ours.stop()
            print(f"\r{'  memory once they have stopped (MiB)':40} {ours.peer.resident_mib():7.1f}")


if __name__ == "__main__":
    main()
