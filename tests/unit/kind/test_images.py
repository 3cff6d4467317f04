"""The images that the bundle makes, from small layers."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from sandbox.kind.bundle import bytecode
from sandbox.kind.bundle.archive import Runs
from sandbox.kind.bundle.image import image
from sandbox.kind.bundle.layer import Entry, write_layer
from sandbox.kind.bundle.layout import recipes_folder
from sandbox.kind.bundle.parts import fixtures
from sandbox.kind.bundle.parts.source import Source
from sandbox.kind.bundle.recipe import Recipe
from sandbox.kind.bundle.workplace import Workplace


def made(recipe: Recipe, folder: Path) -> tuple[dict[str, object], list[Path]]:
    """The configuration and the unpacked layers of an image whose inputs are small."""
    inputs = {}
    for part in recipe.inputs:
        inputs[part] = folder / part.replace("/", "-")
        write_layer(inputs[part], [Entry(f"/from/{part}", content=part.encode())])
    work = folder / "work"
    work.mkdir()
    recipe.make(Workplace(work, folder / "image.tar", folder / "log", inputs))
    unpacked = folder / "unpacked"
    with tarfile.open(folder / "image.tar") as tar:
        tar.extractall(unpacked, filter="data")
    (said,) = json.loads((unpacked / "manifest.json").read_text())
    layers = []
    for number, blob in enumerate(said["Layers"]):
        layers.append(folder / f"layer-{number}")
        with tarfile.open(unpacked / blob) as tar:
            tar.extractall(layers[-1], filter="fully_trusted")
    config: dict[str, object] = json.loads((unpacked / said["Config"]).read_text())["config"]
    return config, layers


def test_an_image_has_its_layers_below_and_its_programs_on_top(tmp_path: Path) -> None:
    file = tmp_path / "settings"
    file.write_text("quiet")
    recipe = image(
        "it",
        ["dev.local/it:v1"],
        "v1",
        Runs(["/bin/it"], user="65532", env={"A": "1"}),
        layers=["ingredient/below"],
        programs={"/bin/it": "ingredient/it"},
        files={"/etc/it": file},
    )

    config, layers = made(recipe, tmp_path)

    assert ("ingredient/below", "ingredient/it") == recipe.inputs
    assert "ingredient/below" == (layers[0] / "from/ingredient/below").read_text()
    assert (layers[1] / "bin/it").stat().st_mode & 0o111 == 0o111
    assert "quiet" == (layers[1] / "etc/it").read_text()
    assert (["/bin/it"], "65532") == (config["Entrypoint"], config["User"])
    assert config["Env"] == ["A=1", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]


@pytest.mark.parametrize("part", fixtures.PARTS)
def test_a_part_of_ours_has_all_of_the_sandbox_that_it_imports_and_no_more(part: str, tmp_path: Path) -> None:
    recipes = fixtures._part(Source.read(recipes_folder()), part)

    config, layers = made(recipes[1], tmp_path)

    app = layers[-1] / "app"
    assert ("65532", "/app") == (config["User"], config["WorkingDir"])
    assert (app / "fixtures" / part / "__main__.py").is_file()
    assert not [name for name in fixtures.UPPER if (app / "sandbox" / name).exists()]
    sources = [path.read_text(encoding="utf-8") for path in (app / "fixtures").rglob("*.py")]
    imported = {
        one for text in sources for one in re.findall(r"^ *(?:from|import) (sandbox[\w.]*)", text, re.MULTILINE)
    }
    assert "sandbox.errors" in imported
    env = {**os.environ, "PYTHONPATH": str(app)}
    told = f"import sandbox, fixtures, {', '.join(sorted(imported))}; print(sandbox.__file__)"
    result = subprocess.run(
        [sys.executable, "-c", told], env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (f"{app}/sandbox/__init__.py\n", "") == (result.stdout, result.stderr)
    assert "/usr/bin/python3" == str((layers[-1] / "usr/local/bin/python").readlink())


def test_sources_are_compiled_for_the_images_python(tmp_path: Path) -> None:
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    (tmp_path / "app").mkdir()
    (tmp_path / "app/good.py").write_text("GOOD = 1\n")
    (tmp_path / "app/template.py").write_text("{{ name }} =\n")

    bytecode.compile_tree(
        Workplace(tmp_path, tmp_path / "output", tmp_path / "log", {}), tmp_path / "app", "/app", here
    )

    (found,) = (tmp_path / "app/__pycache__").iterdir()
    assert found.name.startswith("good.")
    assert b"\x01\x00\x00\x00" == found.read_bytes()[4:8]  # PEP 552: by hash, unchecked
    assert b"/app/good.py" in found.read_bytes()
    assert str(tmp_path).encode() not in found.read_bytes()


def test_without_that_python_nothing_is_compiled_and_the_log_says_so(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app/good.py").write_text("GOOD = 1\n")

    bytecode.compile_tree(
        Workplace(tmp_path, tmp_path / "output", tmp_path / "log", {}), tmp_path / "app", "/app", "2.6"
    )

    assert "no Python 2.6 on this machine" in (tmp_path / "log").read_text()
    assert not (tmp_path / "app/__pycache__").exists()
