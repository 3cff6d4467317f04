"""M/M/60 in Ciw: a network of one node, simulated until enough customers have finished."""

from __future__ import annotations

import ciw

from bench.system import MEAN_S, RATE, SERVERS


def play(requests: int, seed: int) -> float:
    """Mean wait of that many finished requests, seconds."""
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(RATE)],
        service_distributions=[ciw.dists.Exponential(1 / MEAN_S)],
        number_of_servers=[SERVERS],
    )
    ciw.seed(seed)
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_customers(requests, method="Finish")
    waits = [record.waiting_time for record in simulation.get_all_records()]
    return sum(waits) / len(waits)
