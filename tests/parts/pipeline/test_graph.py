"""Steps find their place by the names of their inputs, and a new one is one new file (B6)."""

from __future__ import annotations

import filecmp
import inspect
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl
from ruamel.yaml import YAML

from fixtures.pipeline.__main__ import main
from fixtures.pipeline.cluster import Cluster
from fixtures.pipeline.graph import compile_to, ordered
from fixtures.pipeline.step import Step, discover
from sandbox.errors import UsageError

ROOT = Path(__file__).parents[3]
README = ROOT / "fixtures/pipeline/README.md"


def compiled(steps: tuple[Step, ...], path: Path, cluster: Cluster | None = None) -> list[dict[str, Any]]:
    compile_to(path, steps, cluster or Cluster())
    return list(YAML(typ="safe", pure=True).load_all(path.read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return compiled(discover(), tmp_path_factory.mktemp("spec") / "pipeline.yaml")[0]


def tasks(spec: dict[str, Any]) -> dict[str, list[str]]:
    return {name: task.get("dependentTasks", []) for name, task in spec["root"]["dag"]["tasks"].items()}


# -- the pipeline that is here


def test_the_compiled_pipeline_is_feature_training_registration_serving(spec: dict[str, Any]) -> None:
    expected = {"features": [], "train": ["features"], "register": ["features", "train"], "deploy": ["register"]}

    assert expected == tasks(spec)
    assert "2.1.0" == spec["schemaVersion"]


def test_every_step_runs_in_the_image_given_and_installs_nothing(tmp_path: Path) -> None:
    pipeline, platform = compiled(discover(), tmp_path / "p.yaml", Cluster("registry.local/p:python3.11", "keys"))
    executors = pipeline["deploymentSpec"]["executors"]
    pods = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    secrets = {name: one["secretAsEnv"] for name, one in pods.items() if "secretAsEnv" in one}

    assert {"registry.local/p:python3.11"} == {one["container"]["image"] for one in executors.values()}
    assert "pip install" not in str(executors)
    assert set(executors) == set(pods)
    assert {"/tmp"} == {volume["mountPath"] for one in pods.values() for volume in one["emptyDirMounts"]}
    assert {True} == {one["securityContext"]["runAsNonRoot"] for one in pods.values()}
    assert {"exec-features", "exec-register"} == set(secrets)
    assert {"keys"} == {entry["secretName"] for one in secrets.values() for entry in one}


def test_steps_on_a_cluster_read_hdfs_as_the_one_who_compiled_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANDBOX_HDFS_BUCKETS", "c3=models/hdfs")
    assert main(["compile", "-o", str(tmp_path / "p.yaml")]) == 0

    document = next(iter(YAML(typ="safe", pure=True).load_all((tmp_path / "p.yaml").read_text(encoding="utf-8"))))
    executors = document["deploymentSpec"]["executors"]
    told = {name: one["container"]["env"] for name, one in executors.items() if "env" in one["container"]}
    row = {"name": "SANDBOX_HDFS_BUCKETS", "value": "c3=models/hdfs"}
    assert {name: [row] for name in ("exec-features", "exec-register")} == told


def test_only_what_talks_to_the_store_is_never_taken_from_kfps_cache(spec: dict[str, Any]) -> None:
    cached = {
        name: task["cachingOptions"].get("enableCache", False) for name, task in spec["root"]["dag"]["tasks"].items()
    }

    assert {"features": False, "register": False, "train": True, "deploy": True} == cached


def test_compiling_again_gives_the_same_bytes(tmp_path: Path) -> None:
    compile_to(tmp_path / "a.yaml", discover(), Cluster())
    compile_to(tmp_path / "b.yaml", tuple(reversed(discover())), Cluster())

    assert (tmp_path / "a.yaml").read_bytes() == (tmp_path / "b.yaml").read_bytes()


# -- a step more


def copy_checkout(to: Path) -> None:
    for package in ("sandbox", "fixtures/pipeline", "fixtures/object_store"):
        shutil.copytree(ROOT / package, to / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "fixtures/__init__.py", to / "fixtures/__init__.py")


def compile_checkout(root: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "fixtures.pipeline", "compile", "-o", str(root / "pipeline.yaml")],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = next(iter(YAML(typ="safe", pure=True).load_all((root / "pipeline.yaml").read_text(encoding="utf-8"))))
    (root / "pipeline.yaml").unlink()
    assert isinstance(found, dict)
    return found


def differing(one: Path, other: Path) -> set[Path]:
    """Files that are in one tree only, or not the same in both."""
    names = {path.relative_to(tree) for tree in (one, other) for path in tree.rglob("*.*") if path.is_file()}
    names = {name for name in names if "__pycache__" not in name.parts}
    _, changed, missing = filecmp.cmpfiles(one, other, [str(name) for name in sorted(names)], shallow=False)
    return {Path(name) for name in (*changed, *missing)}


def test_one_new_file_adds_exactly_one_step(tmp_path: Path) -> None:
    """Through the command, in a copy of the checkout, with the step that the README shows."""
    copy_checkout(tmp_path / "before")
    shutil.copytree(tmp_path / "before", tmp_path / "after")
    new = Path("fixtures/pipeline/steps/announce.py")
    source = README.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    (tmp_path / "after" / new).write_text(source, encoding="utf-8")

    before, after = compile_checkout(tmp_path / "before"), compile_checkout(tmp_path / "after")

    assert {new} == differing(tmp_path / "before", tmp_path / "after")
    assert {**tasks(before), "announce": ["register"]} == tasks(after)
    assert {*before["components"], "comp-announce"} == set(after["components"])
    assert before["components"] == {name: one for name, one in after["components"].items() if name != "comp-announce"}


# -- mistakes in a new step


def step_like(name: str, inputs: tuple[str, ...], outputs: tuple[str, ...], after: tuple[str, ...] = ()) -> Step:
    """A step whose inputs and outputs are artifacts of these names."""

    def function() -> None: ...

    kinds = dict.fromkeys(inputs, dsl.Input[dsl.Artifact]) | dict.fromkeys(outputs, dsl.Output[dsl.Artifact])
    function.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind) for name, kind in kinds.items()]
    )
    component = dsl.component(function, base_image="python", install_kfp_package=False)
    return Step(name, f"steps/{name}.py", component, after=after)


@pytest.mark.parametrize(
    "new, message",
    [
        (step_like("late", ("verdict",), ()), "late takes 'verdict', which no step makes"),
        (step_like("twin", (), ("model",)), "'model', but step train has that name already"),
        (step_like("shadow", (), ("store",)), "'store', but the pipeline's parameters has that name already"),
        (step_like("lost", (), (), after=("nowhere",)), "comes after 'nowhere', which is no step"),
    ],
    ids=lambda value: value.name if isinstance(value, Step) else "",
)
def test_a_step_that_has_no_place_is_refused_and_its_file_named(new: Step, message: str) -> None:
    with pytest.raises(UsageError, match=message) as refused:
        ordered((*discover(), new), frozenset({"store", "log", "models", "name", "regularisation", "canary_percent"}))

    assert refused.value.where is not None
    assert f"steps/{new.name}.py" == refused.value.where.file


def test_steps_that_wait_for_each_other_are_refused() -> None:
    circle = (step_like("hen", ("egg",), ("hen_out",)), step_like("egg_step", ("hen_out",), ("egg",)))

    with pytest.raises(UsageError, match="wait for each other in a circle"):
        ordered(circle, frozenset())


def test_after_orders_steps_that_take_nothing_from_each_other() -> None:
    a, b = step_like("a", (), ()), step_like("b", (), ())

    assert ["b", "a"] == [one.name for one in ordered((replace(a, after=("b",)), b), frozenset())]
