"""`python -m bench`: requests per second of our kernel and of what else there is, side by side on this machine.

    python -m bench [--json]        mmc, platform, heapq, simpy, ciw: best of three rounds each, about 40 s
    python -m bench day [--json]    a day of 300 million requests: time and memory

Each runs on one core, in a process of its own, and is warm when the clock starts. The rounds go around all of them, so
that a slow minute of the machine hits all alike.
"""

from __future__ import annotations

import argparse
import json
import platform as machine
import sys
from datetime import UTC, datetime
from pathlib import Path

from bench import day, one

ROUNDS = 3
REQUESTS = {"mmc": 20_000_000, "platform": 12_000_000, "heapq": 1_500_000, "simpy": 150_000, "ciw": 40_000}
WHAT = {
    "mmc": "our kernel, M/M/60 at 1,000 rps",
    "platform": "our full platform path, 60 pods at 20,000 rps",
    "heapq": "plain heapq loop, M/M/60",
    "simpy": "SimPy, M/M/60",
    "ciw": "Ciw, M/M/60",
}


def _measure() -> dict[str, float]:
    """Best requests per second of each."""
    best = dict.fromkeys(REQUESTS, 0.0)
    for seed in range(1, ROUNDS + 1):
        for name, requests in REQUESTS.items():
            rate = requests / one.seconds(name, requests, seed)
            best[name] = max(best[name], rate)
            print(f"round {seed}: {name} {rate:,.0f}/s", file=sys.stderr)
    return best


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
    rates = _measure()
    if as_json:
        print(json.dumps({"requests_per_s": {name: round(rate) for name, rate in rates.items()}, **_about()}))
        return
    print(" · ".join(_about().values()) + "\n")
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
