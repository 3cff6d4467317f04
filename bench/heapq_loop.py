"""M/M/60 as a plain Python loop over a heap of completions, as one writes it for a single afternoon.

The next arrival is kept beside the heap, completions are plain floats in it, waiting requests are instants in a deque,
and exponential times are drawn inline.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from math import log

from bench.system import MEAN_S, RATE, SERVERS


def play(requests: int, seed: int) -> float:
    """Mean wait of that many answered requests, seconds."""
    uniform = random.Random(seed).random
    push, pop = heapq.heappush, heapq.heappop
    gap, work = -1 / RATE, -MEAN_S
    completions: list[float] = []
    line: deque[float] = deque()
    arrival = 0.0
    waited = 0.0
    answered = 0
    while answered < requests:
        if completions and completions[0] <= arrival:
            now = pop(completions)
            answered += 1
            if line:
                waited += now - line.popleft()
                push(completions, now + work * log(1 - uniform()))
        else:
            if len(completions) < SERVERS:
                push(completions, arrival + work * log(1 - uniform()))
            else:
                line.append(arrival)
            arrival += gap * log(1 - uniform())
    return waited / requests
