"""Takes a page of docs/ apart and does what it says, in order, in an empty folder.

- "`ranker.yaml`:" on a line of its own before a fenced block: the block is that file. "Add to `ranker.yaml`:" puts it
  at the file's end.
- ```console: each line that begins with "$ " is a command. What follows it is the output it must have ("..." stands
  for anything within a line, a line "..." for any lines); where nothing follows, only the exit status counts. It
  must be 0, unless the next command is `echo $?`.
- ```python without a file name: run, one namespace a page.

Commands find `sandbox`, `pytest` and `python` of the interpreter that runs the tests. Chatter about progress and
compilation depends on the machine and is taken out. `python tests/docs/pages.py` writes the real outputs into the
pages (those that still fit their pattern stay as they are).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
SHELL = "/bin/bash"
TIMEOUT_S = 120
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"(?:^|\n)(Add to )?`([\w./-]+\.\w+)`:$")
_CHATTER = re.compile(r"^(compiling the simulation kernel.*|.* … \d+ s)\n", re.MULTILINE)
_ECHO = "echo $?"
_SHIMS = {
    "sandbox": "-m sandbox",
    # by its own name even where the package's entry point is installed: never twice, never missing
    "pytest": "-m pytest -p no:sandbox -p sandbox.pytest_plugin -p no:cacheprovider",
    "python": "",
}


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block; `file` is the name it is introduced with."""

    language: str
    text: str
    file: str
    line: int
    start: int  # of the text, in the page
    added: bool = False  # to the end of the file


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a console block and the output that the page shows for it."""

    text: str
    shown: str
    line: int
    start: int  # of the shown output, in the page


@dataclass(frozen=True, slots=True)
class Played:
    """A command and what it really said."""

    command: Command
    output: str
    status: int
    said_status: str = ""  # what the page says `echo $?` prints

    @property
    def fits(self) -> bool:
        return not self.command.shown or matches(self.command.shown, self.output)

    @property
    def ended_as_said(self) -> bool:
        return str(self.status) == (self.said_status or "0")


def pages() -> list[Path]:
    """All pages, without the news fragments."""
    return sorted(path for path in DOCS.rglob("*.md") if path.parent.name != "changes")


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a page."""
    found = []
    for match in _FENCE.finditer(text):
        before = text[: match.start()].rstrip()
        named = _NAMED.search(before)
        line = text.count("\n", 0, match.start()) + 1
        found.append(
            Block(match[1], match[2], named[2] if named else "", line, match.start(2), bool(named and named[1]))
        )
    return found


def commands(block: Block) -> Iterator[Command]:
    """The commands of a console block."""
    lines = block.text.splitlines(keepends=True)
    starts = [index for index, line in enumerate(lines) if line.startswith("$ ")]
    assert starts[:1] == [0], f"line {block.line}: a console block begins with a command"
    for index, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        at = block.start + sum(len(line) for line in lines[: index + 1])
        yield Command(lines[index][2:].strip(), "".join(lines[index + 1 : end]), block.line + index + 1, at)


def matches(shown: str, output: str) -> bool:
    """Does the output look like what is shown?

    >>> matches("a ... c\\n...\\nlast\\n", "a b c\\nmore\\n\\nlast\\n"), matches("a\\n", "b\\n")
    (True, False)
    """
    lines = [line.rstrip() for line in shown.rstrip().splitlines()]
    pattern = "".join(
        r"(?:[^\n]*\n)*?" if line == "..." else ".*?".join(map(re.escape, line.split("..."))) + r"\n" for line in lines
    )
    said = "".join(f"{line.rstrip()}\n" for line in output.rstrip().splitlines())
    return re.fullmatch(pattern, said) is not None


def play(path: Path, folder: Path) -> list[Played]:
    """Do what a page says, in `folder`; what its commands said."""
    played: list[Played] = []
    namespace: dict[str, object] = {"__name__": "page"}
    environment = _environment(folder)
    work = folder / "work"
    work.mkdir()
    for block in blocks(path.read_text(encoding="utf-8")):
        if block.file:
            (work / block.file).parent.mkdir(parents=True, exist_ok=True)
            with (work / block.file).open("a" if block.added else "w", encoding="utf-8") as file:
                file.write(f"\n\n{block.text}" if block.added else block.text)
        elif block.language == "python":
            code = compile("\n" * block.line + block.text, str(path), "exec")
            exec(code, namespace)
        elif block.language == "console":
            for command in commands(block):
                if command.text == _ECHO:
                    last = played[-1]
                    played[-1] = Played(last.command, last.output, last.status, command.shown.strip())
                else:
                    played.append(_run(command, work, environment))
    return played


def _run(command: Command, folder: Path, environment: dict[str, str]) -> Played:
    done = subprocess.run(
        [SHELL, "-c", command.text],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    return Played(command, _CHATTER.sub("", done.stdout), done.returncode)


def _environment(folder: Path) -> dict[str, str]:
    tools = folder / "bin"
    tools.mkdir()
    for name, arguments in _SHIMS.items():
        shim = tools / name
        shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n', encoding="utf-8")
        shim.chmod(0o755)
    path = os.pathsep.join([str(tools), os.environ.get("PATH", "")])
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))},
        "PATH": path,
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
        "COLUMNS": "100",
        "NO_COLOR": "1",
    }


def refresh(path: Path) -> int:
    """Write the real outputs of a page's commands into it; how many have changed."""
    with tempfile.TemporaryDirectory() as folder:
        played = play(path, Path(folder))
    text = path.read_text(encoding="utf-8")
    wrong = [one for one in played if not one.fits]
    for one in reversed(wrong):
        at = one.command.start
        output = "".join(f"{line.rstrip()}\n" for line in one.output.rstrip().splitlines())
        text = text[:at] + output + text[at + len(one.command.shown) :]
    path.write_text(text, encoding="utf-8")
    for one in played:
        if not one.ended_as_said:
            print(f"{path}:{one.command.line}: exit status {one.status}: {one.command.text}\n{one.output}")
    return len(wrong)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    for page in [Path(name).resolve() for name in sys.argv[1:]] or pages():
        print(f"{page.relative_to(ROOT)}: {refresh(page)} outputs written")
