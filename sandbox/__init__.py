"""The serving sandbox: play a model-serving scenario on Kubernetes and assert what must hold.

This is the whole public API for scenario files; everything else is reached through the `runs` fixture. The names are
imported when they are first used (PEP 562), because small servers import `sandbox.mechanisms` and none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["Inconclusive", "Measured", "Scenario", "at", "traffic", "within"]

if TYPE_CHECKING:
    from sandbox.journal.measured import Inconclusive, Measured, within
    from sandbox.scenario import traffic
    from sandbox.scenario.api import Scenario, at
else:  # type checkers must not see a __getattr__: any name would be one of the package's
    _MODULES = {
        "Inconclusive": "sandbox.journal.measured",
        "Measured": "sandbox.journal.measured",
        "Scenario": "sandbox.scenario.api",
        "at": "sandbox.scenario.api",
        "traffic": "sandbox.scenario.traffic",
        "within": "sandbox.journal.measured",
    }

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
        from importlib import import_module

        module = import_module(_MODULES[name])
        # A module is exported itself. Kept, so that the next use costs nothing.
        found = globals()[name] = module if module.__name__.endswith(f".{name}") else getattr(module, name)
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
