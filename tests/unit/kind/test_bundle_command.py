"""`sandbox bundle`, as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_parts import built, shell

from sandbox.cli.main import run


@pytest.fixture
def root(tmp_path: Path) -> str:
    built(tmp_path, shell("a", "printf aaaa > output"), shell("bb", "printf bbbb > output"))
    return str(tmp_path)


def test_list_shows_version_size_and_source(root: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == run(["bundle", "list", "--dir", root])

    assert ["image/a   v1  0.0 kB  a test", "image/bb  v1  0.0 kB  a test"] == capsys.readouterr().out.splitlines()


def test_list_speaks_json(root: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == run(["bundle", "list", "--dir", root, "--json"])

    said = json.loads(capsys.readouterr().out)
    assert ["image/a", "image/bb"] == [part["id"] for part in said["parts"]]
    assert (root, []) == (said["root"], said["missing"])


def test_verify_finds_a_truncated_file_and_exits_4(root: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == run(["bundle", "verify", "--dir", root])
    assert "intact: 2 parts" in capsys.readouterr().out

    (Path(root) / "image/a").write_bytes(b"aa")

    assert 4 == run(["bundle", "verify", "--dir", root])
    assert "image/a: image/a has 2 bytes, the lock says 4\n" == capsys.readouterr().out
    assert 4 == run(["bundle", "verify", "--dir", root, "--json"])
    assert not json.loads(capsys.readouterr().out)["intact"]


@pytest.mark.parametrize("action", ["list", "verify"])
def test_no_bundle_is_an_environment_that_is_not_ready(
    tmp_path: Path, action: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 4 == run(["bundle", action, "--dir", str(tmp_path)])
    assert "there is no bundle here" in capsys.readouterr().err


def test_jobs_are_for_building(root: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert 2 == run(["bundle", "list", "--dir", root, "--jobs", "2"])
    assert "--jobs goes with `build`" in capsys.readouterr().err


def test_a_bundle_goes_through_a_file(root: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, there = str(tmp_path / "b.tar.gz"), str(tmp_path / "there")

    assert 0 == run(["bundle", "export", file, "--dir", root])
    assert 0 == run(["bundle", "import", file, "--dir", there])
    assert 0 == run(["bundle", "verify", "--dir", there])

    assert [f"2 parts in {file}", f"2 parts in {there}"] == capsys.readouterr().out.splitlines()[:2]


def test_gc_says_what_it_removed(root: str, capsys: pytest.CaptureFixture[str]) -> None:
    (Path(root) / "image/old").write_bytes(b"x" * 2000)

    assert 0 == run(["bundle", "gc", "--dir", root])

    assert "removed 1 files, 2.0 kB\n" == capsys.readouterr().out


@pytest.mark.parametrize("words, what", [(["export"], "wants a file"), (["list", "x.tar"], "takes no file")])
def test_a_file_is_given_where_one_is_wanted(
    root: str, words: list[str], what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 2 == run(["bundle", *words, "--dir", root])
    assert what in capsys.readouterr().err
