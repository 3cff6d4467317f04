"""Where in a scenario file something was written, so that a message can point there.

Called by the scenario API while a scenario module is imported; goes out: a `Location` with the file and line of
the first frame outside of the sandbox itself.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sandbox.errors import Location

_OWN = str(Path(__file__).parent.parent)


def written_at() -> Location:
    """The caller's place outside of this package."""
    frame = sys._getframe(1)
    # "<string>" is what dataclasses compile their __init__ from
    while frame.f_back is not None and frame.f_code.co_filename.startswith((_OWN, "<string>")):
        frame = frame.f_back
    return Location(frame.f_code.co_filename, frame.f_lineno)
