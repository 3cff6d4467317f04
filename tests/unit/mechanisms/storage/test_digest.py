"""A model's digest changes with anything that a server could load differently, and can be recomputed by sha256sum."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import UsageError
from sandbox.mechanisms.storage.digest import check_name, is_digest, model_digest


def of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


FILES = {"weights.bin": of(b"1"), "variables/0": of(b"2"), "Zeta": of(b"3"), "ü": of(b"4")}


def test_one_file_is_its_own_digest() -> None:
    assert model_digest({"model.onnx": of(b"1")}) == of(b"1")


def test_several_files_are_the_digest_of_what_sha256sum_prints() -> None:
    lines = "".join(f"{FILES[name][7:]}  {name}\n" for name in ["Zeta", "variables/0", "weights.bin", "ü"])

    assert model_digest(FILES) == of(lines.encode())


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum is not installed")
def test_the_documented_command_line_prints_the_same(tmp_path: Path) -> None:
    for name, content in {"weights.bin": b"1", "variables/0": b"2", "Zeta": b"3", "ü": b"4"}.items():
        tmp_path.joinpath(name).parent.mkdir(exist_ok=True)
        tmp_path.joinpath(name).write_bytes(content)
    command = "find * -type f | LC_ALL=C sort | xargs sha256sum | sha256sum"
    printed = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, check=True, text=True).stdout

    assert model_digest(FILES) == f"sha256:{printed.split()[0]}"


@pytest.mark.parametrize(
    "other",
    [
        {**FILES, "weights.bin": of(b"!")},
        {**FILES, "weights.bin": FILES["Zeta"], "Zeta": FILES["weights.bin"]},
        {**FILES, "one-more": of(b"")},
        {name: digest for name, digest in FILES.items() if name != "Zeta"},
        {("zeta" if name == "Zeta" else name): digest for name, digest in FILES.items()},
    ],
    ids=["byte", "swapped", "more", "less", "renamed"],
)
def test_any_other_files_have_another_digest(other: dict[str, str]) -> None:
    assert model_digest(other) != model_digest(FILES)


@given(st.permutations(sorted(FILES)))
def test_the_order_in_which_files_are_found_does_not_matter(names: list[str]) -> None:
    assert model_digest({name: FILES[name] for name in names}) == model_digest(FILES)


def test_no_files_have_no_digest() -> None:
    with pytest.raises(UsageError):
        model_digest({})


@pytest.mark.parametrize("text", [of(b""), "sha256:" + "0" * 64])
def test_a_digest_is_known_by_its_form(text: str) -> None:
    assert is_digest(text)


@pytest.mark.parametrize("text", ["", "0" * 64, "sha256:" + "0" * 63, "sha256:" + "A" * 64, "md5:" + "0" * 64, None, 1])
def test_what_is_no_digest_is_known_by_its_form(text: object) -> None:
    assert not is_digest(text)


@pytest.mark.parametrize("name", ["a", "a/b", ".hidden", "a b", "ü", "..a", "a/.model.json"])
def test_a_file_below_the_folder_may_have_any_printable_name(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "/a", "a/", "a//b", "..", "a/../b", "./a", "a\nb", "a\\b", "a\x00", ".model.json"]
)
def test_a_name_that_leads_out_or_can_not_be_printed_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="can't have this name"):
        check_name(name)
