"""`python -m bench`: requests per second of our kernel and of what else there is, side by side on this machine.

    python -m bench [--json]        mmc, platform, heapq, simpy, ciw: best of three rounds each, about 40 s
    python -m bench day [--json]    a day of 300 million requests: time and memory

Everything runs on one core. The rounds go around all of them, so that a slow minute of the machine hits all alike.
"""

from __future__ import annotations

import argparse
import json
import platform as machine
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bench import ciw_network, day, heapq_loop, mmc, platform, simpy_store
from bench.system import checked

ROUNDS = 3
REQUESTS = {"mmc": 20_000_000, "platform": 12_000_000, "heapq": 1_500_000, "simpy": 150_000, "ciw": 40_000}
WHAT = {
    "mmc": "our kernel, M/M/60 at 1,000 rps",
    "platform": "our full platform path, 60 pods at 20,000 rps",
    "heapq": "plain heapq loop, M/M/60",
    "simpy": "SimPy, M/M/60",
    "ciw": "Ciw, M/M/60",
}


def _play_platform(requests: int, seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        platform.play(requests, seed, Path(folder) / "run")


def _plays() -> dict[str, Callable[[int, int], object]]:
    baselines = {"mmc": mmc.play, "heapq": heapq_loop.play, "simpy": simpy_store.play, "ciw": ciw_network.play}
    plays: dict[str, Callable[[int, int], object]] = {
        name: lambda requests, seed, play=play: checked(play(requests, seed), requests)
        for name, play in baselines.items()
    }
    plays["platform"] = _play_platform
    return plays


def _measure() -> tuple[dict[str, float], float]:
    """Best requests per second of each, and how long the kernel took to compile (or to load)."""
    plays = _plays()
    began = time.perf_counter()
    _play_platform(1000, 0)
    compile_s = time.perf_counter() - began
    best = dict.fromkeys(REQUESTS, 0.0)
    for seed in range(1, ROUNDS + 1):
        for name, requests in REQUESTS.items():
            began = time.perf_counter()
            plays[name](requests, seed)
            best[name] = max(best[name], requests / (time.perf_counter() - began))
            print(f"round {seed}: {name} {requests / (time.perf_counter() - began):,.0f}/s", file=sys.stderr)
    return best, compile_s


def cpu() -> str:
    """The processor's name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return machine.processor() or "unknown"
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _about() -> dict[str, str]:
    return {"cpu": cpu(), "python": machine.python_version(), "date": datetime.now(UTC).date().isoformat()}


def _side_by_side(as_json: bool) -> None:
    rates, compile_s = _measure()
    if as_json:
        print(
            json.dumps({"requests_per_s": {k: round(v) for k, v in rates.items()}, "compile_s": compile_s, **_about()})
        )
        return
    print(" · ".join(_about().values()) + f" · kernel ready after {compile_s:.1f} s\n")
    for name, rate in rates.items():
        ratios = f"{rate / rates['heapq']:7.2f} x heapq {rate / rates['simpy']:8.2f} x simpy"
        print(f"{name:9} {rate:12,.0f}/s  {ratios}  {WHAT[name]}")


def _whole_day(as_json: bool, share: float) -> None:
    result = day.measure(share)
    if as_json:
        print(json.dumps({**result, **_about()}))
        return
    print(" · ".join(_about().values()) + "\n")
    print(f"{result['requests']:,.0f} requests in {result['wall_s']:.1f} s: {result['requests_per_s']:,.0f}/s")
    print(
        f"memory at 1 % of the day {result['rss_start_mb']:.0f} MB, growth to the end {result['rss_growth_mb']:.0f} MB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("what", nargs="?", choices=["all", "day"], default="all")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--share", type=float, default=1.0, help="how much of the day to play")
    arguments = parser.parse_args()
    if arguments.what == "day":
        _whole_day(arguments.json, arguments.share)
    else:
        _side_by_side(arguments.json)


if __name__ == "__main__":
    main()
