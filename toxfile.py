"""A plugin of tox: lets it find the Pythons that pyenv keeps and does not have switched on.

pyenv's shim `python3.12` is on the PATH and fails unless that version is switched on; the interpreters behind it
are appended to the PATH, for tox's own process only.
"""

from __future__ import annotations

import os
from pathlib import Path

_ROOT = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
_FOUND = [str(path) for path in sorted(_ROOT.glob("versions/3.1[123].*/bin"))]

os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", ""), *_FOUND])
