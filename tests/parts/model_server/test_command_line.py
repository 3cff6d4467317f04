"""Arguments: what is wrong with them is said at once, with the exit code of its kind; stdout stays empty."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest

from fixtures.model_server.options import parse
from tests.parts import part
from tests.parts.model_server.processes import make_model


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return part.run("model_server", *arguments)


def test_help_names_every_option_with_its_meaning() -> None:
    done = run("--help")

    assert 0 == done.returncode
    assert "--slim" in done.stdout
    assert "STORAGE_URI" in run("--slim").stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "there is no model: give --model-dir, --model-uri or STORAGE_URI"),
        (("--model-dir", "/tmp", "--port", "many"), "invalid int value: 'many'"),
        (("--model-dir", "/tmp", "--most-bytes", "0"), "must be at least 1"),
        (("--model-uri", "gs://bucket/model"), "this storageUri is none that the object store stands in for"),
        (("--model-uri", "s3://bucket"), "a model has a path of its own in its bucket"),
    ],
)
@pytest.mark.parametrize("kind", ["--slim", "--grpc-port=0"], ids=["slim", "sdk"])
def test_a_wrong_argument_exits_2_and_says_why(kind: str, arguments: tuple[str, ...], message: str) -> None:
    done = run(kind, "--port", "0", *arguments)

    assert (2, "") == (done.returncode, done.stdout)
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_profile_exits_2_with_its_place(tmp_path: Path) -> None:
    profile = tmp_path / "profile.yaml"
    profile.write_text("default: {work: hard}\n")

    done = run("--slim", "--model-dir", str(make_model(tmp_path / "model")), "--profile", str(profile))

    assert 2 == done.returncode
    assert f"{profile}:1:17: profile: default.work is not known" in done.stderr


@pytest.mark.parametrize("kind", [("--slim",), ("--grpc-port", "0")], ids=["slim", "sdk"])
def test_a_port_that_is_taken_exits_4_and_says_which(kind: tuple[str, ...], tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        done = run(*kind, "--port", str(port), "--model-dir", str(make_model(tmp_path / "model")))

    assert (4, "") == (done.returncode, done.stdout)
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr


def test_the_cluster_says_who_it_is_by_environment() -> None:
    environment = {"K_REVISION": "ranker-00002", "HOSTNAME": "ranker-00002-x", "STORAGE_URI": "s3://m/ranker"}

    options = parse([], environment)

    assert ("ranker-00002", "ranker-00002-x", "s3://m/ranker") == (options.revision, options.pod, options.model_uri)
    assert options.model_dir is None


def test_options_win_over_the_environment() -> None:
    options = parse(["--model-uri", "s3://m/v2", "--pod", "own"], {"STORAGE_URI": "s3://m/v1", "HOSTNAME": "h"})

    assert ("s3://m/v2", "own") == (options.model_uri, options.pod)


def test_a_storage_uri_without_a_scheme_is_a_folder() -> None:
    options = parse([], {"STORAGE_URI": "/mnt/models"})

    assert (None, Path("/mnt/models")) == (options.model_uri, options.model_dir)
