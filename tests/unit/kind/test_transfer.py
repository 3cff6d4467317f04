"""A bundle goes through a file, whole or not at all; and old files go."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from small_parts import built, shell

from sandbox.errors import EnvironmentNotReady, UsageError
from sandbox.kind.bundle import Bundle, Category, Layout
from sandbox.kind.bundle.recipe import Recipe
from sandbox.kind.bundle.sweep import sweep
from sandbox.kind.bundle.transfer import bring_in, export
from sandbox.kind.bundle.workplace import Workplace


def program(text: str) -> Recipe:
    def make(place: Workplace) -> None:
        place.output.write_text(text)
        place.output.chmod(0o755)

    return Recipe(Category.BINARY, "kind", "v1", "a test", make, made_of={"text": text})


def ingredient() -> Recipe:
    return Recipe(Category.INGREDIENT, "dust", "v1", "a test", lambda place: place.output.write_text("dust") and None)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    built(tmp_path / "here", program("#!/bin/sh\n"), ingredient(), shell("a", "head -c 100000 /dev/zero > output"))
    return tmp_path / "here"


@pytest.mark.parametrize("name", ["b.tar", "b.tar.gz", "b.tar.zst"])
def test_a_bundle_comes_out_of_its_file_as_it_went_in(root: Path, tmp_path: Path, name: str) -> None:
    if name.endswith("zst") and shutil.which("zstd") is None:
        pytest.skip("needs zstd")

    assert 2 == export(root, tmp_path / name)
    assert 2 == bring_in(tmp_path / name, Layout(tmp_path / "there"))

    bundle = Bundle.open(tmp_path / "there")
    assert {"binary/kind", "image/a"} == set(bundle.lock.parts)
    assert (root / "image/a").read_bytes() == bundle.layout.file("image/a").read_bytes()
    assert bundle.binary("kind").stat().st_mode & 0o100
    assert [name] == [path.name for path in tmp_path.iterdir() if path.is_file()]


def test_a_file_cut_short_leaves_what_was_there(root: Path, tmp_path: Path) -> None:
    export(root, tmp_path / "b.tar")
    whole = (tmp_path / "b.tar").read_bytes()
    bring_in(tmp_path / "b.tar", Layout(tmp_path / "there"))
    before = (tmp_path / "there/bundle.lock.json").read_bytes()

    for length in (0, 100, 3000, len(whole) // 2):
        (tmp_path / "cut.tar").write_bytes(whole[:length])
        with pytest.raises(EnvironmentNotReady, match="this is no whole bundle"):
            bring_in(tmp_path / "cut.tar", Layout(tmp_path / "there"))

    assert before == (tmp_path / "there/bundle.lock.json").read_bytes()
    Bundle.open(tmp_path / "there")


def test_a_file_with_other_bytes_is_refused_by_its_digest(root: Path, tmp_path: Path) -> None:
    export(root, tmp_path / "b.tar")
    whole = (tmp_path / "b.tar").read_bytes()
    (tmp_path / "b.tar").write_bytes(whole.replace(b"\0" * 1000 + b"\0", b"\0" * 1000 + b"\1", 1))

    with pytest.raises(EnvironmentNotReady, match="image/a has sha256"):
        bring_in(tmp_path / "b.tar", Layout(tmp_path / "there"))

    assert not (tmp_path / "there/bundle.lock.json").exists()


def test_an_unfinished_bundle_is_not_exported(root: Path, tmp_path: Path) -> None:
    (root / "image/a").unlink()

    with pytest.raises(EnvironmentNotReady, match="image/a is gone"):
        export(root, tmp_path / "b.tar")


def test_a_name_that_says_no_compression_is_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="how to compress"):
        export(root, tmp_path / "b.zip")


def test_a_disk_that_is_full_is_told(root: Path) -> None:
    with pytest.raises(EnvironmentNotReady, match="could not be written"):
        export(root, Path("/proc/b.tar"))


# -- gc ------------------------------------------------------------------------------------------------------


def test_files_that_no_part_has_go(root: Path) -> None:
    (root / "image/old").write_text("old")
    (root / "work").mkdir()

    swept = sweep(Layout(root), ingredients=False)

    assert (("image/old",), 3) == (swept.files, swept.bytes)
    assert not (root / "work").exists()
    assert {"binary/kind", "image/a", "ingredient/dust"} == set(Bundle.open(root).lock.parts)


def test_ingredients_go_when_asked_and_come_back_with_the_next_build(root: Path) -> None:
    assert ("ingredient/dust",) == sweep(Layout(root), ingredients=True).files
    assert {"binary/kind", "image/a"} == set(Bundle.open(root).lock.parts)

    again = built(root, program("#!/bin/sh\n"), ingredient(), shell("a", "head -c 100000 /dev/zero > output"))

    assert ("ingredient/dust",) == again.made


def test_there_is_nothing_to_sweep_without_a_bundle(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentNotReady, match="there is no bundle here"):
        sweep(Layout(tmp_path), ingredients=False)


def test_the_lock_of_an_import_names_no_ingredient(root: Path, tmp_path: Path) -> None:
    export(root, tmp_path / "b.tar")
    bring_in(tmp_path / "b.tar", Layout(tmp_path / "there"))

    raw = json.loads((tmp_path / "there/bundle.lock.json").read_text())
    assert ["binary/kind", "image/a"] == sorted(raw["parts"])
