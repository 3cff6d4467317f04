"""The verbs: JSON on stdout, reasons on stderr, the sandbox's exit codes."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

from fixtures.object_store.__main__ import main
from fixtures.object_store.command_line import parse, serve
from tests.parts.object_store.models import folder_of
from tests.parts.object_store.running import RunningStore

README = Path(__file__).resolve().parents[3] / "fixtures" / "object_store" / "README.md"


@pytest.fixture
def at_store(store: RunningStore, monkeypatch: pytest.MonkeyPatch) -> RunningStore:
    for name, value in store.environment.items():
        monkeypatch.setenv(name, value)
    return store


@pytest.mark.usefixtures("at_store")
def test_upload_download_verify_and_digest_say_the_same_digest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANDBOX_HDFS_BUCKETS", "c3=models/cli")
    model = str(folder_of(tmp_path / "m", {"a": b"1", "b": b"2"}))

    statuses = [
        main(["upload", model, "hdfs://c3:8020/ranker", "--model", "ranker"]),
        main(["download", "s3://models/cli/ranker", str(tmp_path / "got")]),
        main(["verify", "hdfs://c3/ranker"]),
        main(["verify", str(tmp_path / "got")]),
        main(["digest", "s3://models/cli/ranker"]),
        main(["digest", model]),
    ]

    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [0] * 6 == statuses
    assert len({one["digest"] for one in answers}) == 1
    assert [2] * 6 == [one["bytes"] for one in answers]


@pytest.mark.usefixtures("at_store")
def test_a_model_that_is_refused_is_exit_1_with_both_digests(
    at_store: RunningStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["upload", str(folder_of(tmp_path / "m", {"a": b"1"})), "s3://models/cli/swapped"])
    at_store.client().fput_object("models", "cli/swapped/a", __file__)

    status = main(["download", "s3://models/cli/swapped", str(tmp_path / "got")])

    error = capsys.readouterr().err
    assert status == 1
    assert hashlib.sha256(b"1").hexdigest() in error
    assert hashlib.sha256(Path(__file__).read_bytes()).hexdigest() in error
    assert at_store.secret_key not in error


def test_a_mounted_model_is_verified_where_the_translator_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANDBOX_PVC_ROOT", str(tmp_path))
    folder_of(tmp_path, {"models/ranker/weights.bin": b"1"})

    assert main(["where", "pvc://models/ranker"]) == 0
    assert main(["verify", "pvc://models/ranker", "--digest", f"sha256:{hashlib.sha256(b'1').hexdigest()}"]) == 0
    assert main(["verify", "pvc://models/ranker", "--digest", f"sha256:{hashlib.sha256(b'2').hexdigest()}"]) == 1
    assert main(["verify", "pvc://models/absent"]) == 2

    assert json.loads(capsys.readouterr().out.splitlines()[0])["is"] == f"{tmp_path}/models/ranker"


def test_without_an_endpoint_the_message_says_how_to_get_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SANDBOX_S3_ENDPOINT", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)

    assert main(["download", "s3://models/x", str(tmp_path)]) == 2

    assert "python -m fixtures.object_store serve" in capsys.readouterr().err


@pytest.mark.parametrize("uri", ["gs://bucket/x", "s3://", "hdfs://", "s3://key:secret@models/x", "x"])
def test_a_uri_that_leads_nowhere_is_exit_2_without_what_stands_before_the_at(
    uri: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["where", uri]) == 2

    error = capsys.readouterr().err
    assert "rule:" in error
    assert "secret@" not in error


def test_serve_is_the_verb_if_none_is_given() -> None:
    assert parse([]).run is serve
    assert parse(["--port", "0", "--bucket", "a", "--bucket", "b"]).bucket == ["a", "b"]
    assert parse(["--egress", "1Mi"]).egress == 1024 * 1024


@pytest.mark.parametrize("keys", [{}, {"AWS_ACCESS_KEY_ID": "only-one"}, {"AWS_SECRET_ACCESS_KEY": "only-the-other"}])
def test_a_store_that_others_reach_is_not_served_without_keys_of_its_own(
    keys: dict[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in keys.items():
        monkeypatch.setenv(name, value)

    assert main(["serve", "--host", "0.0.0.0", "--port", "0"]) == 2

    assert "only-the-other" not in capsys.readouterr().err


def test_sizes_that_are_none_are_refused_by_the_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--egress", "fast"])

    assert "no number of bytes" in capsys.readouterr().err


def test_the_readme_names_every_option_and_verb(capsys: pytest.CaptureFixture[str]) -> None:
    page = README.read_text()
    for verb in ("serve", "upload", "download", "verify", "digest", "where"):
        with pytest.raises(SystemExit, match="0"):
            main([verb, "--help"])
        options = set(re.findall(r"--[a-z][a-z-]+", capsys.readouterr().out)) - {"--help"}

        assert f"`{verb}`" in page
        assert not {one for one in options if f"`{one}" not in page}
