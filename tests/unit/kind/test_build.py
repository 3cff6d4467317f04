from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import small_parts
from small_parts import built, shell

from sandbox.errors import EnvironmentNotReady, InternalError
from sandbox.kind.bundle.holding import held
from sandbox.kind.bundle.layout import Layout
from sandbox.kind.bundle.lock import read_lock
from sandbox.kind.bundle.part import Category
from sandbox.kind.bundle.recipe import Recipe
from sandbox.kind.bundle.workplace import Workplace


def names(ids: tuple[str, ...]) -> set[str]:
    return {one.partition("/")[2] for one in ids}


def until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, f"waited 20 s for {what}"
        time.sleep(0.02)


# -- only what changed ---------------------------------------------------------------------------------------


def test_a_build_makes_every_part_and_records_its_digest(tmp_path: Path) -> None:
    result = built(
        tmp_path, shell("a", "printf hello > output"), shell("b", 'cat "$A" "$A" > output', inputs=["image/a"])
    )

    assert {"a", "b"} == names(result.made)
    assert b"hellohello" == (tmp_path / "image/b").read_bytes()
    part = result.lock.parts["image/a"]
    assert ("image/a", 5) == (part.file, part.bytes)
    assert "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" == part.sha256
    assert result.lock == read_lock(Layout(tmp_path).lock_file)


def test_a_second_build_makes_nothing(tmp_path: Path) -> None:
    recipes = shell("a", "date +%s%N > output"), shell("b", 'cat "$A" > output', inputs=["image/a"])
    built(tmp_path, *recipes)
    before = (tmp_path / "image/b").read_bytes()

    again = built(tmp_path, *recipes)

    assert ((), {"a", "b"}) == (again.made, names(again.kept))
    assert before == (tmp_path / "image/b").read_bytes()


def test_a_changed_recipe_is_made_again_with_all_that_stand_on_it(tmp_path: Path) -> None:
    b, c = shell("b", 'cat "$A" > output', inputs=["image/a"]), shell("c", "echo c > output")
    built(tmp_path, shell("a", "echo 1 > output"), b, c)

    again = built(tmp_path, shell("a", "echo 2 > output"), b, c)

    assert ({"a", "b"}, {"c"}) == (names(again.made), names(again.kept))
    assert b"2\n" == (tmp_path / "image/b").read_bytes()


def test_a_part_made_again_with_the_same_bytes_leaves_the_others_alone(tmp_path: Path) -> None:
    b = shell("b", 'cat "$A" > output', inputs=["image/a"])
    built(tmp_path, shell("a", "echo 1 > output"), b)

    again = built(tmp_path, shell("a", "echo 1 >output"), b)

    assert ({"a"}, {"b"}) == (names(again.made), names(again.kept))


def test_a_part_whose_file_is_gone_or_cut_short_is_made_again(tmp_path: Path) -> None:
    recipes = shell("a", "echo a > output"), shell("b", "echo b > output")
    built(tmp_path, *recipes)
    (tmp_path / "image/a").unlink()
    (tmp_path / "image/b").write_bytes(b"")

    assert {"a", "b"} == names(built(tmp_path, *recipes).made)


def test_a_part_that_no_recipe_makes_any_more_leaves_the_lock(tmp_path: Path) -> None:
    built(tmp_path, shell("a", "echo a > output"), shell("b", "echo b > output"))

    assert {"image/a"} == set(built(tmp_path, shell("a", "echo a > output")).lock.parts)


# -- killed, interrupted -------------------------------------------------------------------------------------


def start_build(root: Path, *scripts: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, small_parts.__file__, str(root), *scripts])


def test_a_killed_build_goes_on_where_it_was(tmp_path: Path) -> None:
    slow = "echo half > output; : > ../../second-started; sleep 5"
    process = start_build(tmp_path, "echo 0 > output", slow)
    until((tmp_path / "second-started").exists, "the second part to be in the making")
    process.kill()
    process.wait(20)
    assert not (tmp_path / "image/p1").exists()

    again = built(tmp_path, shell("p0", "echo 0 > output"), shell("p1", "echo 1 > output"))

    assert ({"p1"}, {"p0"}) == (names(again.made), names(again.kept))
    assert not (tmp_path / "work").exists()


def test_ctrl_c_ends_the_commands_too(tmp_path: Path) -> None:
    process = start_build(tmp_path, "echo $$ > ../../pid; sleep 60 & wait")
    until(lambda: (tmp_path / "pid").exists() and bool((tmp_path / "pid").read_text()), "the command to run")
    child = int((tmp_path / "pid").read_text())
    process.send_signal(signal.SIGINT)

    assert process.wait(20) != 0
    until(
        lambda: not Path(f"/proc/{child}").exists() or "zombie" in Path(f"/proc/{child}/status").read_text(), "its end"
    )


# -- what fails ----------------------------------------------------------------------------------------------


def test_all_parts_that_fail_are_named_with_their_logs_and_the_rest_is_made(tmp_path: Path) -> None:
    recipes = [
        shell("bad", "echo reason one >&2; exit 3"),
        shell("worse", "echo reason two; exit 4"),
        shell("needs-bad", 'cat "$BAD" > output', inputs=["image/bad"]),
        shell("good", "sleep 0.2; echo good > output"),
    ]

    with pytest.raises(EnvironmentNotReady) as caught:
        built(tmp_path, *recipes)

    message = str(caught.value)
    assert "2 of the bundle's parts could not be made: image/bad, image/worse; 1 more need them" in message
    assert str(tmp_path / "logs/image/bad.log") in message
    assert "reason one" in (tmp_path / "logs/image/bad.log").read_text()
    assert "sh ended with status 4\nreason two" in (tmp_path / "logs/image/worse.log").read_text()
    assert (tmp_path / "image/good").exists()
    mended = [shell("bad", "echo mended > output"), shell("worse", "echo mended > output"), *recipes[2:]]
    assert {"bad", "worse", "needs-bad"} == names(built(tmp_path, *mended).made)


def test_a_full_disk_stops_the_build_and_says_how_to_go_on(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentNotReady) as caught:
        built(
            tmp_path,
            shell("first", "echo 1 > output"),
            shell("big", "dd if=/dev/zero of=/dev/full bs=64k count=1"),
            jobs=1,
        )

    message = str(caught.value)
    assert "the disk is full while image/big was made" in message
    assert "GB free" in message
    assert "run the same command again: it goes on from here" in message
    assert (tmp_path / "image/first").exists()


def test_a_full_disk_is_told_from_our_own_writing_too(tmp_path: Path) -> None:
    def make(place: Workplace) -> None:
        with Path("/dev/full").open("wb") as stream:
            stream.write(b"x" * 100_000)

    full = Recipe(Category.IMAGE, "full", "v1", "a test", make)
    with pytest.raises(EnvironmentNotReady, match="the disk is full while image/full was made"):
        built(tmp_path, full)


def test_a_command_that_takes_too_long_is_ended_and_told(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentNotReady, match="image/slow"):
        built(tmp_path, shell("slow", "echo waiting; sleep 60", limit_s=0.3))

    assert "sh has not ended after 0 s" in (tmp_path / "logs/image/slow.log").read_text()


def test_a_tool_that_is_missing_is_named(tmp_path: Path) -> None:
    def make(place: Workplace) -> None:
        place.run(["no-such-tool"], limit_s=5)

    with pytest.raises(EnvironmentNotReady, match="image/x"):
        built(tmp_path, Recipe(Category.IMAGE, "x", "v1", "a test", make))

    assert "no-such-tool is not installed" in (tmp_path / "logs/image/x.log").read_text()


def test_a_recipe_that_writes_nothing_fails(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentNotReady, match="image/nothing"):
        built(tmp_path, shell("nothing", "true"))


def test_recipes_that_need_each_other_are_a_defect(tmp_path: Path) -> None:
    with pytest.raises(InternalError, match="need each other"):
        built(tmp_path, shell("a", "true", inputs=["image/b"]), shell("b", "true", inputs=["image/a"]))


# -- several at a time ---------------------------------------------------------------------------------------


def overlap(root: Path, **lanes: str) -> bool:
    """Were two parts in the making at the same time?"""
    script = ": > ../../on-{0}; sleep 0.3; ls ../.. | grep -c ^on- > output; rm ../../on-{0}"
    built(root, *(shell(name, script.format(name), lane=lane) for name, lane in lanes.items()))
    return "2\n" in [(root / f"image/{name}").read_text() for name in lanes]


def test_parts_are_made_side_by_side(tmp_path: Path) -> None:
    assert overlap(tmp_path, a="", b="")


def test_parts_of_one_lane_are_made_one_after_the_other(tmp_path: Path) -> None:
    assert not overlap(tmp_path, a="go", b="go")


def test_two_builds_of_one_bundle_do_not_run_at_once(tmp_path: Path) -> None:
    with held(tmp_path / "build.lock"), pytest.raises(EnvironmentNotReady) as caught:
        built(tmp_path, shell("a", "echo a > output"))

    assert f"process {os.getpid()} holds {tmp_path / 'build.lock'}" in str(caught.value)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(EnvironmentNotReady, match="cannot be made"):
        built(tmp_path / "file" / "bundle", shell("a", "echo a > output"))
