"""The requests of a run as a list, the same ones that the simulated world plays. See schedule.py."""

from sandbox.requests.schedule import Request, alias_table, requests_of, zipf_weights

__all__ = ["Request", "alias_table", "requests_of", "zipf_weights"]
