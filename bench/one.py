"""`python -m bench.one NAME REQUESTS SEED`: plays one contestant in a process of its own, prints the seconds it took.

A process each, because what one leaves in memory slows the next: the plain loop loses a quarter after a platform run.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from bench.system import checked

BASELINES = {"mmc": "mmc", "heapq": "heapq_loop", "simpy": "simpy_store", "ciw": "ciw_network"}
WARM_UP = 1000  # requests: loads what is loaded on first use


def _play(name: str) -> Callable[[int, int], object]:
    if name == "platform":
        return _play_platform
    play: Callable[[int, int], float] = import_module(f"bench.{BASELINES[name]}").play
    return lambda requests, seed: checked(play(requests, seed), requests)


def _play_platform(requests: int, seed: int) -> None:
    from bench import platform

    with tempfile.TemporaryDirectory() as folder:
        platform.play(requests, seed, Path(folder) / "run")


def seconds(name: str, requests: int, seed: int) -> float:
    """Play in a new process."""
    command = [sys.executable, "-m", "bench.one", name, str(requests), str(seed)]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def main(name: str, requests: int, seed: int) -> None:
    play = _play(name)
    play(WARM_UP, 0)
    began = time.perf_counter()
    play(requests, seed)
    print(time.perf_counter() - began)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
