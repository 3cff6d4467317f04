"""What a model's container does with one request: how long it works, whether it fails, what a batch costs.

Comes in: a profile's values and a request's number; goes out: nanoseconds and decisions. The simulated kernel
compiles the scalar functions, model servers call them, and `ServiceTimes` holds for a server what the kernel holds
in its arrays. With the same seed, stream and number both worlds draw the same service time to the nanosecond
(tests/unit/mechanisms/serving/test_work.py).

Left out: waiting for a worker. That is a queue, which each world has in its own form.
"""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.mechanisms.routing.split import SPAN
from sandbox.mechanisms.serving.draws import Cells, constant, mix64, quantile_cells, sample, stream, uniform53
from sandbox.profiles import Distribution

NS = 1_000_000_000
TIME_GRID_NS = 1.0  # values of service-time tables are whole nanoseconds


def draw_number(index: int, inner: int) -> int:
    """The draw of request `index` of a flow; `inner` is 1 for a transformer's call to its predictor, else 0.

    >>> draw_number(7, 0), draw_number(7, 1)
    (14, 15)
    """
    return 2 * index + inner


def failure_threshold(rate: float) -> int:
    """A share of failing requests as a number of equally likely draws."""
    return round(rate * SPAN)


def fails(draw: int, threshold: int) -> bool:
    """Is the request with this draw, in [0, SPAN), one that is answered 500?"""
    return draw < threshold


def batch_ns(service_ns: int, instances: int, speedup: float) -> int:
    """How long one request with n instances takes: the service time × (1 + (n − 1)/speedup). No instances: nothing.

    >>> batch_ns(40, 5, 1.0), batch_ns(40, 5, 2.0), batch_ns(40, 1, 4.0), batch_ns(40, 0, 1.0)
    (200, 120, 40, 0)
    """
    if instances < 1:
        return 0
    return round(service_ns * (1.0 + (instances - 1) / speedup))


def service_cells(distribution: Distribution) -> list[float]:
    """The quantile table of a service time, in nanoseconds."""
    return quantile_cells(lambda u: distribution.quantile(u) * NS, TIME_GRID_NS)


@dataclass(frozen=True, slots=True)
class ServiceTimes:
    """The draws of one stream of requests: name it as the simulated world does, flow/FLOW/NUMBER.

    >>> times = ServiceTimes.of(Distribution("constant", {"value": 0.04}), 0.5, seed=1, name="flow/ranker/0")
    >>> times.service_ns(3), sum(times.failing(i) for i in range(1000))
    (40000000, 478)
    """

    table: int
    cells: Cells
    service_stream: int
    fail_stream: int
    threshold: int

    @staticmethod
    def of(distribution: Distribution, failure_rate: float, seed: int, name: str) -> ServiceTimes:
        cells = service_cells(distribution)
        only = min(cells) == max(cells)  # as DataPlane.new_table does: one value needs no table
        return ServiceTimes(
            table=constant(int(cells[0])) if only else 0,
            cells=() if only else tuple(cells),
            service_stream=stream(seed, f"{name}/service"),
            fail_stream=stream(seed, f"{name}/fail"),
            threshold=failure_threshold(failure_rate),
        )

    def service_ns(self, number: int) -> int:
        """How long a worker works on one instance of the request with this draw."""
        return int(sample(self.cells, self.table, mix64(self.service_stream, number)))

    def failing(self, number: int) -> bool:
        """Is it answered 500? It takes its time all the same."""
        return fails(uniform53(mix64(self.fail_stream, number)), self.threshold)
