"""How long a request may take: the request, response-start and idle time-outs of queue-proxy and activator.

`is_due` and `until_first_byte` are scalar functions in numba's subset; the simulated data plane, whose answers come
in one piece, needs no more. `TimedAnswer` is the whole of it as an object, for whoever answers byte by byte: it
says what the client gets when timers fire between writes. Times are integers of one unit, whichever.

Upstream: knative/serving pkg/http/handler/timeout.go. All three timers start when the request arrives. Leaves out
websockets (a hijacked connection has no time-outs).
"""

from __future__ import annotations

from dataclasses import dataclass, field

OFF = 0  # of the response-start and the idle time-out

OK, GATEWAY_TIMEOUT = 200, 504


def is_due(deadline: int, now: int) -> bool:
    """Has a timer gone off? It does at its instant, not after it."""
    return now >= deadline


def until_first_byte(request: int, response_start: int, idle: int) -> int:
    """After how long a request is ended that has not had a byte of answer.

    The idle timer counts from the arrival as long as nothing was written.

    >>> until_first_byte(300, 0, 0), until_first_byte(300, 60, 0), until_first_byte(300, 60, 5)
    (300, 60, 5)
    """
    earliest = request
    if response_start != OFF and response_start < earliest:
        earliest = response_start
    if idle != OFF and idle < earliest:
        earliest = idle
    return earliest


@dataclass(frozen=True, slots=True)
class Timeouts:
    """The three time-outs of a revision. request is always on."""

    request: int
    response_start: int = OFF
    idle: int = OFF


@dataclass(slots=True)
class TimedAnswer:
    """An answer being written under time-outs. `body` and `status` are what the client has got so far."""

    timeouts: Timeouts
    message: str  # what a time-out appends to the body
    arrived: int = 0
    status: int | None = None
    body: str = ""
    timed_out: bool = False
    last_write: int | None = field(default=None)

    # ---- the application's side; False: the request has been ended, the application gets an error

    def start(self, status: int, now: int) -> bool:
        """Send the status line; only the first one counts."""
        if self.timed_out:
            return False
        self.last_write = now
        if self.status is None:
            self.status = status
        return True

    def write(self, text: str, now: int) -> bool:
        """Send a piece of the body, after a status line of 200 if there was none."""
        if not self.start(OK, now):
            return False
        self.body += text
        return True

    def flush(self) -> bool:
        """Push out what was written so far."""
        return not self.timed_out

    def abort(self) -> bool:
        """The application panics. True: that reaches the server; after a time-out nobody is left to care."""
        return not self.timed_out

    # ---- the timers; True: this one ended the request

    def request_timer(self) -> bool:
        """The whole request took too long: it ends even in the middle of its answer, which keeps its status."""
        return self._end()

    def response_start_timer(self) -> bool:
        """Too long without a first byte. Once there is one, this timer means nothing."""
        return self.last_write is None and self._end()

    def idle_timer(self, now: int) -> bool:
        """Too long since the last byte; without any, the timer's going off is enough."""
        if self.last_write is not None and not is_due(self.last_write + self.timeouts.idle, now):
            return False
        return self._end()

    def advance(self, now: int) -> bool:
        """Let every timer go off that is due at `now`; True when the request has been ended, now or earlier."""
        t, since = self.timeouts, self.arrived
        if t.response_start != OFF and is_due(since + t.response_start, now):
            self.response_start_timer()
        if t.idle != OFF and is_due(since + t.idle, now):
            self.idle_timer(now)
        if is_due(since + t.request, now):
            self.request_timer()
        return self.timed_out

    def _end(self) -> bool:
        if self.timed_out:
            return False
        self.timed_out = True
        if self.status is None:
            self.status = GATEWAY_TIMEOUT
        self.body += self.message
        return True
