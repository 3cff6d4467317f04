"""The command `sandbox`: finds the verb, lets typer read its arguments, turns errors into exit codes.

A verb is one file in this folder with a function `command`: `list_.py` is `sandbox list`, its docstring's first
line is its line in the help. Nothing of a verb is imported before it is called, nor typer before that, so that
`sandbox --help` costs what Python costs. The only place that catches everything: what nobody foresaw becomes an
InternalError that says how to report it.
"""

from __future__ import annotations

import functools
import importlib
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from sandbox.errors import ExitCode, InternalError, SandboxError, UsageError

_FOLDER = Path(__file__).parent
_USAGE = "usage: sandbox VERB [ARGUMENTS] | sandbox VERB --help | sandbox --version"


def verbs() -> dict[str, Path]:
    """Every verb and its file."""
    files = sorted(path for path in _FOLDER.glob("*.py") if "\ndef command(" in path.read_text(encoding="utf-8"))
    return {path.stem.rstrip("_"): path for path in files}


def main(arguments: Sequence[str] | None = None) -> None:
    """What the console script calls."""
    sys.exit(run(list(sys.argv[1:] if arguments is None else arguments)))


def run(arguments: list[str]) -> int:
    """The exit status of `sandbox ARGUMENTS`."""
    return _status(lambda: _run(arguments))


def _run(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(_help(), file=sys.stdout if arguments else sys.stderr)
        return int(ExitCode.PASSED if arguments else ExitCode.USAGE)
    if arguments[0] == "--version":
        from importlib.metadata import version

        print(f"sandbox {version('serving-sandbox')}")
        return int(ExitCode.PASSED)
    return _call(arguments[0], arguments[1:])


def _call(verb: str, arguments: list[str]) -> int:
    known = verbs()
    if verb not in known:
        from difflib import get_close_matches

        near = get_close_matches(verb, list(known), n=1)
        rule = f"{f'did you mean {near[0]!r}? ' if near else ''}known: {', '.join(known)}"
        raise UsageError(f"there is no verb {verb!r}", value=verb, rule=rule, next_step="sandbox --help")
    import typer

    module = importlib.import_module(f"sandbox.cli.{known[verb].stem}")
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command(name=verb)(_at_the_edge(module.command))
    try:
        app(arguments, prog_name=f"sandbox {verb}")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return int(ExitCode.PASSED)


def _at_the_edge(command: Callable[..., int]) -> Callable[..., None]:
    """The verb with its status raised, errors told before typer sees them (it would say "Aborted" to Ctrl-C)."""

    @functools.wraps(command)
    def edge(*args: object, **kwargs: object) -> None:
        sys.exit(_status(lambda: command(*args, **kwargs)))

    return edge


def _status(call: Callable[[], int]) -> int:
    try:
        return call()
    except SandboxError as error:
        return _told(error)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return int(ExitCode.INTERRUPTED)
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.PASSED)
    except Exception as error:
        return _told(_unforeseen(error))


def _told(error: SandboxError) -> int:
    print(f"error: {error}", file=sys.stderr)
    return int(error.exit_code)


def _unforeseen(error: Exception) -> InternalError:
    """A defect of ours: the traceback goes into a file, the message says where."""
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="sandbox-", suffix=".txt", delete=False, encoding="utf-8") as file:
        file.write(f"sandbox {' '.join(sys.argv[1:])}\nPython {sys.version}\n\n")
        traceback.print_exception(error, file=file)
    where = traceback.extract_tb(error.__traceback__)[-1]
    return InternalError(
        f"a defect of the sandbox: {type(error).__name__}: {error}",
        value=f"{Path(where.filename).name}:{where.lineno}",
        rule="this is never your fault",
        next_step=f"please report it with the contents of {file.name}",
    )


def _help() -> str:
    lines = [f"  {verb:<8} {_first_line(path)}" for verb, path in verbs().items()]
    return "\n".join(
        [
            "Play model serving on Kubernetes in simulated time, and assert what must hold.",
            "",
            _USAGE,
            "",
            *lines,
            "",
            "exit status: 0 passed, 1 an expectation failed, 2 usage, 3 a defect of the sandbox, 4 environment not",
            "ready, 5 nothing ran, 6 inconclusive, 7 the world failed, 130 interrupted",
        ]
    )


def _first_line(path: Path) -> str:
    found = re.match(r'"""(.*?)(?:"""|$)', path.read_text(encoding="utf-8"), re.MULTILINE)
    return found.group(1).strip() if found else ""
