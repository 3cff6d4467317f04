"""A cluster's API through the bundle's kubectl: the Kube that components get.

Comes in: the program and a kubeconfig file; goes out: JSON objects. kubectl and not a client library, because what is
asked here is server-side apply of large manifests, and lists twice a second at most; the bundle has it, of the
cluster's own version. The user's kubeconfig is never read: each call names ours. Each call has a time limit.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox.errors import WorldError
from sandbox.kind.stack.component import Object

MANAGER = "sandbox"  # the field manager of what we apply as it is
CALL_S, APPLY_S = 20.0, 120.0


@dataclass(frozen=True, slots=True)
class Kubectl:
    """A Kube (component.py)."""

    program: Path
    kubeconfig: Path

    def apply(self, text: str, *, manager: str = MANAGER) -> None:
        force = ["--server-side", "--force-conflicts", f"--field-manager={manager}"]
        self._run(["apply", *force, "-f", "-"], text=text, limit_s=APPLY_S)

    def define(self, text: str) -> None:
        self.apply(text)
        end = time.monotonic() + APPLY_S
        while True:
            try:
                self._run(["wait", "--for=condition=Established", "-f", "-"], text=text, limit_s=APPLY_S)
                return
            except WorldError as error:
                # `kubectl wait` (v1.34.2) fails at once for an object that has no conditions at all yet.
                if "accessor error" not in str(error.value) or time.monotonic() >= end:
                    raise
                time.sleep(0.3)

    def items(self, kinds: str, namespace: str = "") -> list[Object]:
        where = ["--namespace", namespace] if namespace else ["--all-namespaces"]
        answer = json.loads(self._run(["get", kinds, *where, "--output", "json"]))
        return list(answer["items"])

    def patch(self, kind: str, name: str, namespace: str, patch: object, *, subresource: str = "") -> None:
        where = ["--namespace", namespace] if namespace else []
        below = [f"--subresource={subresource}"] if subresource else []
        self._run(["patch", kind, name, *where, *below, "--type=json", f"--patch={json.dumps(patch)}"])

    def delete(self, text: str) -> None:
        self._run(["delete", "--ignore-not-found", "--wait=false", "-f", "-"], text=text, limit_s=APPLY_S)

    def logs(self, pod: str, namespace: str, container: str, lines: int) -> str:
        return self._run(["logs", pod, "--namespace", namespace, "--container", container, f"--tail={lines}"])

    def _run(self, arguments: Sequence[str], *, text: str = "", limit_s: float = CALL_S) -> str:
        command = [str(self.program), f"--kubeconfig={self.kubeconfig}", *arguments]
        shown = f"kubectl --kubeconfig={self.kubeconfig} {' '.join(arguments)}"
        environment = {name: value for name, value in os.environ.items() if name != "KUBECONFIG"}
        try:
            done = subprocess.run(
                command, input=text, capture_output=True, text=True, timeout=limit_s, check=False, env=environment
            )
        except subprocess.TimeoutExpired:
            raise WorldError("the cluster does not answer", value=shown, rule=f"within {limit_s:.0f} s") from None
        if done.returncode:
            raise WorldError("kubectl failed", value=done.stderr.strip()[-1500:], rule=shown)
        return done.stdout
