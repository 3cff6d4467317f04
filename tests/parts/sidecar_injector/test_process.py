"""The injector as a process: one command, one line when it serves, health, metrics, and a quiet end."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.parts.part import run
from tests.parts.sidecar_injector.pods import patch_of, review, transformer_pod
from tests.parts.sidecar_injector.running import Caller, Injector, eventually, serving


def test_health_says_that_it_lives_and_is_ready(injector: Injector) -> None:
    assert injector.operation("/healthz") == (200, '{"live":true}')
    assert injector.operation("/readyz") == (200, '{"ready":true}')
    assert injector.operation("/nothing")[0] == 404


def test_metrics_count_reviews_by_outcome_and_say_when_certificates_end(injector: Injector, caller: Caller) -> None:
    def counts() -> list[float]:
        outcomes = ("injected", "untouched", "skipped")
        return [injector.metric(f'sidecar_injector_reviews_total{{outcome="{one}"}}') for one in outcomes]

    before = counts()
    for pod in (transformer_pod(), transformer_pod(cache="false"), transformer_pod(config="unknown")):
        caller.post(review(pod))

    assert [after - earlier for after, earlier in zip(counts(), before, strict=True)] == [1, 1, 1]
    for certificate in ("serving", "authority"):
        assert injector.metric(f'sidecar_injector_certificate_end_seconds{{certificate="{certificate}"}}') > 1.7e9
    assert injector.metric("sidecar_injector_review_seconds_count") >= 3


def test_a_foreign_namespace_is_left_alone_where_the_injector_is_told_which_are_its_own(configs: Path) -> None:
    with serving("--config-dir", str(configs), "--only-namespace", "shop") as running, Caller(running) as caller:
        own, foreign = (caller.post(review(transformer_pod(config=None), where))[1] for where in ("shop", "other"))

    assert patch_of(own)
    assert set(foreign["response"]) == {"uid", "allowed"}


def test_a_pod_that_was_skipped_is_named_in_the_log(configs: Path) -> None:
    with serving("--config-dir", str(configs)) as running, Caller(running) as caller:
        caller.post(review(transformer_pod(config="unknown")))
        log = running.log

    assert "shop/ranker-transformer-00001-deployment-6c9d-: no transformer cache was injected: there is no" in log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_status_0(configs: Path, number: signal.Signals) -> None:
    with serving("--config-dir", str(configs)) as running:
        ca = Path(running.ca)
        with Caller(running) as caller:
            assert caller.post(review(transformer_pod()))[0] == 200
            assert running.part.stop(number) == 0

        assert not ca.exists()
        assert "Traceback" not in running.log


def test_it_serves_on_after_sigterm_though_not_ready(configs: Path) -> None:
    """Endpoints follow readiness with a delay; whoever still comes is answered."""
    with serving("--config-dir", str(configs), "--drain-delay", "3s") as running:
        running.part.process.send_signal(signal.SIGTERM)
        eventually("not ready", lambda: running.operation("/readyz")[0] == 503)

        with Caller(running) as caller:
            status, answer = caller.post(review(transformer_pod()))

    assert status == 200
    assert patch_of(answer)
    assert running.part.process.returncode == 0


def test_a_changed_config_map_holds_for_the_next_pod_when_the_old_one_has_aged(tmp_path: Path) -> None:
    def write(cpu: str) -> None:
        (tmp_path / "c.yaml").write_text(
            f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: warm, namespace: shop}}\ndata: {{cpu: {cpu}}}\n"
        )

    write("50m")
    with serving("--config-dir", str(tmp_path), "--config-ttl", "200ms") as running, Caller(running) as caller:

        def cpu() -> object:
            (added,) = [
                one for one in patch_of(caller.post(review(transformer_pod()))[1]) if "containers/-" in one["path"]
            ]
            return added["value"]["resources"]["requests"]["cpu"]

        assert cpu() == "50m"
        write("70m")
        assert eventually("the new value", lambda: cpu() == "70m", within_s=5)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ([], 2, "one of the arguments --config-dir --in-cluster is required"),
        (["--config-dir", "/nowhere"], 2, "there is no such folder"),
        (["--in-cluster"], 4, "this is not a pod"),
        (["--config-dir", ".", "--config-ttl", "soon"], 2, "soon"),
        (["--config-dir", ".", "--config-timeout", "2s"], 2, "below 2s"),
        (["--config-dir", ".", "--authority-life", "24h"], 2, "--authority-life is at least"),
        (["--config-dir", ".", "--host", "192.0.2.1"], 4, "cannot listen"),
    ],
)
def test_a_start_that_cannot_succeed_says_why(arguments: list[str], status: int, said: str) -> None:
    ended = run("sidecar_injector", *arguments)

    assert (ended.returncode, ended.stdout) == (status, "")
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_help_names_every_option_with_its_default() -> None:
    ended = run("sidecar_injector", "--help")

    assert ended.returncode == 0
    for option in ("--config-dir", "--in-cluster", "--image", "--config-ttl", "--certificate-life", "--drain-delay"):
        assert option in ended.stdout
    assert "(default: 10s)" in " ".join(ended.stdout.split())
