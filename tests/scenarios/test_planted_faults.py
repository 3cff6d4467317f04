"""Each scenario fails when the mechanism or the manifest that it is about is spoiled."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.mechanisms.autoscaling import annotations
from sandbox.mechanisms.autoscaling.target import Target
from sandbox.mechanisms.rollout import kserve, kserve_status
from sandbox.scenario.model import Form
from sandbox.sim import revision

SPOILED_SPLIT = Path(__file__).parent / "spoiled_split.py"


def test_a_canary_that_gets_the_rest_instead_of_its_percent(monkeypatch, named, tmp_path):
    right = kserve.ksvc_traffic
    swapped = lambda percent, rolled, **rest: right(None if percent is None else 100 - percent, rolled, **rest)  # noqa: E731
    monkeypatch.setattr(kserve, "ksvc_traffic", swapped)

    assert "test_each_step_sends_its_share_to_the_canary" in named("canary_vs_blue_green").failing(Form.SHORT, tmp_path)


def test_an_autoscaled_canary_that_keeps_a_minimum_of_pods(copied, tmp_path):
    spoiled = copied(
        "canary_vs_blue_green", "autoscaled-v2-canary-5.yaml", before="minReplicas: 0", after="minReplicas: 8"
    )

    assert spoiled.failing(Form.SHORT, tmp_path) == {"test_an_autoscaled_canary_needs_less_than_two_sets_of_pods"}


def test_a_green_service_with_fewer_pods_than_blue(copied, tmp_path):
    spoiled = copied("canary_vs_blue_green", "green.yaml", before="minReplicas: 5", after="minReplicas: 3")

    assert "test_two_colours_request_twice_the_cpu_and_gpus" in spoiled.failing(Form.SHORT, tmp_path)


def test_a_cutover_that_leaves_half_of_the_weight_behind(copied, tmp_path):
    spoiled = copied("canary_vs_blue_green", "route-to-green.yaml", before="weight: 0", after="weight: 100")

    assert "test_the_misses_queue_at_a_predictor_sized_for_a_warm_cache" in spoiled.failing(Form.SHORT, tmp_path)


def test_cache_keys_that_name_the_version_where_they_should_not(copied, tmp_path):
    file = "short-cache-without-version.yaml"
    spoiled = copied("canary_vs_blue_green", file, before='Version: "false"', after='Version: "true"')

    assert spoiled.failing(Form.SHORT, tmp_path) == {
        "test_without_the_version_in_its_keys_the_cache_stays_warm",
        "test_and_answers_with_what_the_old_model_said",
    }


def test_a_rollback_that_forgets_what_was_rolled_out_before(monkeypatch, named, tmp_path):
    monkeypatch.setattr(
        kserve_status,
        "_follow",
        lambda status, service, percent: replace(status, rolled=service.ready) if percent == 100 else status,
    )

    assert named("bad_canary").failing(Form.SHORT, tmp_path) == {
        "test_each_step_has_the_traffic_table_that_the_book_keeping_says",
        "test_clients_see_the_shares_of_the_table",
        "test_a_percent_on_what_is_rolled_out_already_rolls_back_one_step",
    }


def test_a_split_that_ignores_the_weights():
    """The split is compiled into the kernel, so this one runs interpreted, in a process of its own."""
    ran = subprocess.run(
        [sys.executable, str(SPOILED_SPLIT)],
        env={**os.environ, "SANDBOX_INTERPRET": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    assert (ran.returncode, ran.stdout.split()) == (0, ["as-written:pass", "spoiled:fail"]), ran.stderr


def test_a_scaler_that_does_not_wait_for_the_grace_period(monkeypatch, named, tmp_path):
    right = revision.apply_scale
    monkeypatch.setattr(revision, "apply_scale", lambda given: right(replace(given, proxy_for_s=1e9)))

    assert "test_the_pod_goes_after_the_grace_period_where_the_activator_must_first_enter" in named(
        "scale_to_zero"
    ).failing(Form.SHORT, tmp_path)


def test_a_target_without_headroom(monkeypatch, named, tmp_path):
    monkeypatch.setattr(
        annotations, "per_pod_target", lambda metric, concurrency, config, target, utilization: Target(target, target)
    )

    assert "test_at_the_top_there_are_15_pods" in named("target_150_rps").failing(Form.SHORT, tmp_path)


def test_a_manifest_with_another_target(copied, tmp_path):
    spoiled = copied("target_150_rps", "annotations.yaml", before='"150"', after='"200"')

    assert {
        "test_at_every_tick_the_wanted_pods_follow_the_rate",
        "test_annotations_and_scale_target_mean_the_same",
    } <= (spoiled.failing(Form.FULL, tmp_path))


@pytest.mark.parametrize("entries", ["300", "12000"])
def test_a_cache_of_another_size(copied, tmp_path, entries):
    spoiled = copied("cache_halves_latency", "cache-half.yaml", before='"3082"', after=f'"{entries}"')

    assert {
        "test_the_hit_ratio_is_what_the_keys_and_the_entries_say",
        "test_the_mean_halves_where_h_is_half_and_the_look_up",
    } <= (spoiled.failing(Form.SHORT, tmp_path))
