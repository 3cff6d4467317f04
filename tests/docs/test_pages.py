"""The documentation does what it says: commands, files, links, options, words."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pages import DOCS, ROOT, blocks, commands, matches, pages, play

from sandbox.cli.main import verbs
from sandbox.manifests.reader import Text, read_manifests

PAGES = pages()
NAMES = [str(path.relative_to(DOCS)) for path in PAGES]
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


def prose(path: Path) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def links(path: Path) -> list[str]:
    return [link for link in LINK.findall(prose(path)) if "://" not in link]


def anchors(path: Path) -> set[str]:
    """The anchors that a code host makes of headings."""
    headings = re.findall(r"^#+ +(.*)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=NAMES)
def test_every_command_says_what_the_page_shows(path: Path, tmp_path: Path) -> None:
    played = play(path, tmp_path)

    wrong = [f"{path}:{one.command.line}: {one.command.text}\n{one.output}" for one in played if not one.fits]
    assert not wrong, "\n\n".join([*wrong, "python tests/docs/pages.py writes the real outputs into the pages"])
    ended = [f"{path}:{one.command.line}: exit {one.status}\n{one.output}" for one in played if not one.ended_as_said]
    assert not ended, "\n\n".join(ended)


@pytest.mark.parametrize("path", PAGES, ids=NAMES)
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    broken = []
    for link in links(path):
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)

    assert broken == []


def test_every_page_is_reached_from_the_index() -> None:
    reached, ahead = set(), [DOCS / "README.md"]
    while ahead:
        path = ahead.pop()
        if path not in reached:
            reached.add(path)
            found = [(path.parent / link.partition("#")[0]).resolve() for link in links(path)]
            ahead += [one for one in found if one.suffix == ".md" and DOCS in one.parents]

    assert {path for path in PAGES if path not in reached} == set()


@pytest.mark.parametrize("path", PAGES, ids=NAMES)
def test_every_manifest_on_a_page_is_accepted(path: Path) -> None:
    for block in blocks(path.read_text(encoding="utf-8")):
        accepted = block.language == "yaml" and not block.file.startswith("refused")
        # kind's own configuration is no object of a cluster
        if accepted and re.search(r"^apiVersion: (?!kind\.x-k8s\.io)", block.text, re.MULTILINE):
            read = read_manifests(Text(block.text, f"{path.name}:{block.line}"))

            assert read.objects


# -- the command line ----------------------------------------------------------------------------------------


def documented_options(verb: str) -> set[str]:
    text = (DOCS / "reference" / "cli.md").read_text(encoding="utf-8")
    section = re.search(rf"^## sandbox {verb}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert section, f"cli.md has no section '## sandbox {verb}'"
    return set(re.findall(r"^\| `(--[a-z-]+)", section[1], re.MULTILINE))


def real_options(verb: str) -> set[str]:
    command = [sys.executable, "-m", "sandbox", verb, "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    return set(re.findall(r"^\W*(--[a-z-]+)", done.stdout, re.MULTILINE)) - {"--help"}


@pytest.mark.parametrize("verb", sorted(verbs()))
def test_cli_md_has_exactly_the_options_of(verb: str) -> None:
    assert real_options(verb) == documented_options(verb)


def test_cli_md_has_exactly_the_verbs() -> None:
    text = (DOCS / "reference" / "cli.md").read_text(encoding="utf-8")

    assert sorted(verbs()) == sorted(re.findall(r"^## sandbox (\w+)$", text, re.MULTILINE))


def test_cli_md_has_exactly_the_options_of_the_pytest_plugin() -> None:
    plugin = importlib.import_module("sandbox.pytest_plugin")
    source = Path(str(plugin.__file__)).read_text(encoding="utf-8")
    text = (DOCS / "reference" / "cli.md").read_text(encoding="utf-8")
    section = text.partition("## The pytest plugin")[2].partition("\n## ")[0]

    assert set(re.findall(r'addoption\("(--[a-z-]+)"', source)) == set(re.findall(r"^\| `(--[a-z-]+)", section, re.M))


def test_errors_md_has_exactly_the_exit_codes() -> None:
    from sandbox.errors import ExitCode

    text = (DOCS / "reference" / "errors.md").read_text(encoding="utf-8")

    assert [int(one) for one in ExitCode] == [int(one) for one in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)]


# -- other lists that must agree with the code ---------------------------------------------------------------


def test_dependencies_md_explains_every_dependency() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    names = {re.split(r"[\[<>=~! ]", one)[0] for one in wanted}
    text = (DOCS / "reference" / "dependencies.md").read_text(encoding="utf-8")

    assert names == set(re.findall(r"^\| `([\w.-]+)` \|", text, re.MULTILINE))


def test_profile_md_has_exactly_the_keys_of_a_profile() -> None:
    from sandbox.manifests.profile_file import MODEL_KEYS, PLATFORM_KEYS

    text = (DOCS / "reference" / "profile.md").read_text(encoding="utf-8")

    assert {*MODEL_KEYS, *PLATFORM_KEYS} == set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))


def test_manifests_md_names_every_kind_and_every_key_of_the_cache() -> None:
    from sandbox.manifests.cache_config import CONFIG, ENABLED, KEYS
    from sandbox.manifests.reader import _DECODERS

    text = (DOCS / "reference" / "manifests.md").read_text(encoding="utf-8")

    assert [name for name in (*KEYS, ENABLED, CONFIG) if f"`{name}`" not in text] == []
    assert [kind for _, kind in _DECODERS if kind not in text] == []


def test_journal_md_has_every_word_of_the_schema() -> None:
    from sandbox.journal.schema import SCHEMA_VERSION, Gauge, RecordKind, What

    text = (DOCS / "reference" / "journal.md").read_text(encoding="utf-8")

    assert [one.name for one in (*What, *Gauge) if f"`{one.name}`" not in text] == []
    assert [one.value for one in RecordKind if f"`{one.value}`" not in text] == []
    assert f"schema version is {SCHEMA_VERSION}." in text


def test_scenario_api_md_names_everything_public() -> None:
    import sandbox
    from sandbox.journal.run import Run
    from sandbox.journal.window import Window
    from sandbox.scenario.api import FAULTS, SHORT_KEYS

    text = (DOCS / "reference" / "scenario-api.md").read_text(encoding="utf-8")
    members = [name for one in (Run, Window) for name in vars(one) if not name.startswith("_")]
    words = [*sandbox.__all__, *FAULTS, *SHORT_KEYS, *members]

    assert sorted({word for word in words if not re.search(rf"`[^`]*\b{re.escape(word)}\b[^`]*`", text)}) == []


def test_the_glossary_has_each_word_once_and_in_order() -> None:
    words = re.findall(r"^\*\*([^*]+)\*\*", (DOCS / "glossary.md").read_text(encoding="utf-8"), re.MULTILINE)

    assert words == sorted(set(words), key=str.lower)


@pytest.mark.parametrize("path", PAGES, ids=NAMES)
def test_a_page_uses_the_glossary_s_words(path: Path) -> None:
    """Words that the glossary says not to use, outside of code."""
    text = re.sub(r"`[^`]*`", "", prose(path))
    avoided = re.findall(r"not \*([^*]+)\*", (DOCS / "glossary.md").read_text(encoding="utf-8"))

    assert avoided
    if path.name != "glossary.md":
        assert [word for word in avoided if re.search(rf"\b{re.escape(word)}s?\b", text, re.IGNORECASE)] == []


# -- the extractor itself ------------------------------------------------------------------------------------


def test_a_named_block_is_a_file_and_a_console_block_commands() -> None:
    text = "`a/b.yaml`:\n\n```yaml\nx: 1\n```\n\nRun it:\n\n```console\n$ one\nsaid\n$ two\n```\n"
    file, console = blocks(text)

    assert ("a/b.yaml", "x: 1\n") == (file.file, file.text)
    assert [("one", "said\n"), ("two", "")] == [(one.text, one.shown) for one in commands(console)]


@pytest.mark.parametrize(
    "shown, fits",
    [("a b\n", True), ("a ...\n", True), ("...\n", True), ("a\n", False), ("a b\nc\n", False), ("a b\n...\n", True)],
)
def test_three_dots_stand_for_anything_and_nothing_else_does(shown: str, fits: bool) -> None:
    assert fits == matches(shown, "a b\n")
