"""Each expectation of each scenario fails when a mechanism, a manifest or a profile that it is about is spoiled.

FAULTS says what is spoiled and which expectations must fail; the last tests hold the list to the scenario files, so
that a new expectation needs a fault that it catches. All in the short form, in a copy of the scenario's folder.
Longer than other files because it is one list: what a fault is about stands in one line with what it must fail.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from sandbox.errors import UsageError
from sandbox.mechanisms.autoscaling import annotations
from sandbox.mechanisms.autoscaling.target import Target
from sandbox.mechanisms.rollout import kserve, kserve_status
from sandbox.mechanisms.scheduling import affinity, fit, placement
from sandbox.mechanisms.tenancy import quota, rbac
from sandbox.scenario.model import Form
from sandbox.sim import pods, revision
from sandbox.sim.namespaces import Namespaces

SPOILED_SPLIT = Path(__file__).parent / "spoiled_split.py"
Plant = Callable[[pytest.MonkeyPatch, Path], None]


@dataclass(frozen=True)
class Fault:
    """What is spoiled, how, and the expectations (without "test_") that must fail of it; `alone`: and no others."""

    what: str
    scenario: str
    plant: Plant
    fails: tuple[str, ...]
    alone: bool = False


def edited(file: str, before: str, after: str) -> Plant:
    """A file of the scenario says something else."""

    def plant(_: pytest.MonkeyPatch, folder: Path) -> None:
        text = (folder / file).read_text(encoding="utf-8")
        assert before in text
        (folder / file).write_text(text.replace(before, after), encoding="utf-8")

    return plant


def patched(module: object, name: str, spoil: Callable[..., object]) -> Plant:
    """`module.name` becomes what `spoil` makes of it."""
    return lambda monkeypatch, _: monkeypatch.setattr(module, name, spoil(getattr(module, name)))


def both(first: Plant, second: Plant) -> Plant:
    """Two things are spoiled at once."""

    def plant(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        first(monkeypatch, folder)
        second(monkeypatch, folder)

    return plant


def failing_model(work: str) -> Plant:
    """One request in a thousand, or five, is answered 500."""
    rate = "0.2" if work == "100ms" else "0.001"
    line = f"  serviceTime: constant({work})"
    return edited("profile.yaml", line, f"{line}\n  failureRate: {rate}")


def swapped_percent(right: Callable[..., object]) -> Callable[..., object]:
    return lambda percent, rolled, **rest: right(None if percent is None else 100 - percent, rolled, **rest)


def no_percent_0(right: Callable[..., object]) -> Callable[..., object]:
    """0 is taken for "not set"."""
    return lambda percent, rolled, **rest: right(percent or None, rolled, **rest)


def forgetful(_: object) -> Callable[..., object]:
    """What was rolled out before is not remembered."""
    return lambda status, service, percent: replace(status, rolled=service.ready) if percent == 100 else status


def hasty(right: Callable[..., object]) -> Callable[..., object]:
    """Any share of the traffic counts as rolled out in full."""
    return lambda status, service, percent: right(status, service, 100 if percent > 0 else percent)


def no_grace_period(right: Callable[..., object]) -> Callable[..., object]:
    return lambda given: right(replace(given, proxy_for_s=1e9))


def no_headroom(_: object) -> Callable[..., object]:
    return lambda metric, concurrency, config, target, utilization: Target(target, target)


def charged_to_b(right: Callable[..., object]) -> Callable[..., object]:
    """Whatever tenant a starts is charged to tenant b as well."""

    def admit(namespaces: Namespaces, namespace: str, *pod: object) -> object:
        if namespace == "tenant-a":
            right(namespaces, "tenant-b", *pod)
        return right(namespaces, namespace, *pod)

    return admit


FAULTS = [
    Fault(
        "a canary that gets the rest instead of its percent",
        "canary_vs_blue_green",
        patched(kserve, "ksvc_traffic", swapped_percent),
        ("each_step_sends_its_share_to_the_canary",),
    ),
    Fault(
        "an autoscaled canary that keeps a minimum of pods",
        "canary_vs_blue_green",
        edited("autoscaled-v2-canary-5.yaml", "minReplicas: 0", "minReplicas: 8"),
        ("an_autoscaled_canary_needs_less_than_two_sets_of_pods",),
        alone=True,
    ),
    Fault(
        "a canary of fewer pods",
        "canary_vs_blue_green",
        edited("ranker-v2-canary-5.yaml", "minReplicas: 5\n    maxReplicas: 5", "minReplicas: 4\n    maxReplicas: 4"),
        ("minreplicas_makes_a_canary_as_large_as_blue_green",),
    ),
    Fault(
        "a canary that begins with all of the traffic",
        "canary_vs_blue_green",
        edited("ranker-v2-canary-5.yaml", "canaryTrafficPercent: 5", "canaryTrafficPercent: 100"),
        ("a_canary_spreads_the_loss_of_the_cache_out", "a_step_loses_no_more_than_its_own_keys"),
    ),
    Fault(
        "a green service with fewer pods than blue",
        "canary_vs_blue_green",
        edited("green.yaml", "minReplicas: 5", "minReplicas: 3"),
        ("two_colours_request_twice_the_cpu_and_gpus",),
    ),
    Fault(
        "a cutover that leaves half of the weight behind",
        "canary_vs_blue_green",
        edited("route-to-green.yaml", "weight: 0", "weight: 100"),
        ("the_misses_queue_at_a_predictor_sized_for_a_warm_cache",),
    ),
    Fault(
        "keys with a head so hot that an empty cache hits at once",
        "canary_vs_blue_green",
        edited("canary_vs_blue_green.py", "s=0.6", "s=1.3"),
        ("the_cutover_empties_the_cache_at_once",),
    ),
    Fault(
        "a cache that holds a seventh of what it should",
        "canary_vs_blue_green",
        edited("short-cache.yaml", '"7500"', '"1000"'),
        ("the_cache_recovers_within_its_warm_up_time", "a_step_loses_no_more_than_its_own_keys"),
    ),
    Fault(
        "cache keys that name the version where they should not",
        "canary_vs_blue_green",
        edited("short-cache-without-version.yaml", 'Version: "false"', 'Version: "true"'),
        ("without_the_version_in_its_keys_the_cache_stays_warm", "and_answers_with_what_the_old_model_said"),
        alone=True,
    ),
    Fault(
        "a ranking model that fails now and then",
        "canary_vs_blue_green",
        failing_model("22ms"),
        ("nothing_fails_on_any_way",),
        alone=True,
    ),
    Fault(
        "a model worse than the step allows for",
        "bad_canary",
        edited("profile.yaml", "failureRate: 0.5", "failureRate: 0.9"),
        ("the_error_share_is_bounded_by_the_step",),
        alone=True,
    ),
    Fault(
        "a percent of 0 that is taken for none",
        "bad_canary",
        patched(kserve, "ksvc_traffic", no_percent_0),
        ("percent_0_restores_100_percent_to_the_previous_revision",),
    ),
    Fault(
        "a rollback that forgets what was rolled out before",
        "bad_canary",
        patched(kserve_status, "_follow", forgetful),
        (
            "each_step_has_the_traffic_table_that_the_book_keeping_says",
            "clients_see_the_shares_of_the_table",
            "a_percent_on_what_is_rolled_out_already_rolls_back_one_step",
        ),
        alone=True,
    ),
    Fault(
        "a canary that counts as rolled out in full",
        "bad_canary",
        patched(kserve_status, "_follow", hasty),
        ("both_of_two_successive_canaries_fall_back_to_the_last_full_rollout",),
    ),
    Fault(
        "a scaler that does not wait for the grace period",
        "scale_to_zero",
        patched(revision, "apply_scale", no_grace_period),
        ("the_pod_goes_after_the_grace_period_where_the_activator_must_first_enter",),
    ),
    Fault(
        "a stable window twice as long",
        "scale_to_zero",
        edited("short-autoscaler.yaml", 'stable-window: "15s"', 'stable-window: "30s"'),
        ("zero_is_wanted_when_the_stable_window_has_run_dry",),
    ),
    Fault(
        "an activator that is in the path of both",
        "scale_to_zero",
        edited("flowers-without-activator.yaml", 'capacity: "0"', 'capacity: "-1"'),
        ("the_activator_is_in_the_path_by_then",),
    ),
    Fault(
        "a queue-proxy that does not wait for quiet",
        "scale_to_zero",
        patched(pods, "DRAIN_QUIET_S", lambda quiet_s: quiet_s / 3),
        ("the_pod_drains_for_half_a_minute_more",),
        alone=True,
    ),
    Fault(
        "a pod that is ready before it can be",
        "scale_to_zero",
        edited("profile.yaml", "startup: constant(5s)", "startup: constant(1s)"),
        ("the_next_request_waits_for_a_pod_and_succeeds",),
        alone=True,
    ),
    Fault("an idle model that fails now and then", "scale_to_zero", failing_model("100ms"), ("nothing_fails",)),
    Fault(
        "a target without headroom",
        "target_150_rps",
        patched(annotations, "per_pod_target", no_headroom),
        ("at_the_top_there_are_15_pods", "every_decision_is_the_formula"),
    ),
    Fault(
        "a manifest with another target",
        "target_150_rps",
        edited("short-annotations.yaml", '"15"', '"20"'),
        ("at_every_tick_the_wanted_pods_follow_the_rate", "annotations_and_scale_target_mean_the_same"),
    ),
    Fault("a model that fails now and then", "target_150_rps", failing_model("20ms"), ("nothing_fails",), alone=True),
    *(
        Fault(
            f"a cache of {entries} entries",
            "cache_halves_latency",
            edited("cache-half.yaml", '"3082"', f'"{entries}"'),
            ("the_hit_ratio_is_what_the_keys_and_the_entries_say", "the_mean_halves_where_h_is_half_and_the_look_up"),
        )
        for entries in (300, 12000)
    ),
    Fault(
        "a look-up that takes ten times as long",
        "cache_halves_latency",
        edited("profile.yaml", "cacheTime: constant(1ms)", "cacheTime: constant(10ms)"),
        ("the_mean_falls_to_1_minus_h_plus_the_look_up", "a_hit_takes_the_look_up_and_no_more"),
    ),
    Fault(
        "a measurement that begins before the caches are full",
        "cache_halves_latency",
        edited("cache_halves_latency.py", 'short="2m"', 'short="5s"'),
        ("every_cache_is_warm_when_it_is_measured",),
    ),
    Fault(
        "a fifth of the requests",
        "cache_halves_latency",
        edited("cache_halves_latency.py", "rate=500", "rate=100"),
        ("there_are_look_ups_enough_to_tell_5_percent",),
    ),
    Fault("a slow model that fails now and then", "cache_halves_latency", failing_model("40ms"), ("nothing_fails",)),
    Fault(
        "a policy that lets tenant a in",
        "two_tenants",
        edited("policies.yaml", "[tenant-b,", "[tenant-a, tenant-b,"),
        ("a_may_not_call_b",),
    ),
    Fault(
        "an open cluster with policies",
        "two_tenants",
        edited("two_tenants.py", 'tenants("open.yaml"', 'tenants("open.yaml", "policies.yaml"'),
        ("where_nothing_forbids_it_a_calls_b",),
        alone=True,
    ),
    Fault(
        "an activator that is not in the path",
        "two_tenants",
        edited("ranker-behind-activator.yaml", 'capacity: "-1"', 'capacity: "0"'),
        ("behind_the_activator_a_policy_on_callers_does_not_see_a",),
        alone=True,
    ),
    Fault(
        "bindings that are for everybody",
        "two_tenants",
        patched(rbac, "_is", lambda _: lambda subject, user: True),
        ("a_reads_none_of_bs_objects",),
        alone=True,
    ),
    Fault(
        "a store that opens b's models to all",
        "two_tenants",
        edited("rights.yaml", "s3://models/tenant-b/", "s3://models/nobody/"),
        ("a_cannot_load_bs_model",),
        alone=True,
    ),
    Fault(
        "a larger quota for a",
        "two_tenants",
        edited("quotas.yaml", "requests.cpu: 1500m", "requests.cpu: 1750m"),
        ("as_burst_ends_at_its_quota",),
        alone=True,
    ),
    Fault(
        "a's pods that b is charged for",
        "two_tenants",
        patched(Namespaces, "admit", charged_to_b),
        ("bs_quota_is_untouched_by_as_burst", "b_gets_all_the_pods_it_needs"),
    ),
    Fault(
        "nodes that hold fewer pods than the quotas promise",
        "two_tenants",
        edited("nodes.yaml", 'cpu: "2"', "cpu: 1250m"),
        ("b_gets_all_the_pods_it_needs", "b_does_not_feel_as_burst"),
    ),
    Fault(
        "an open cluster with quotas",
        "two_tenants",
        edited("two_tenants.py", 'tenants("open.yaml"', 'tenants("open.yaml", "quotas.yaml", "defaults.yaml"'),
        ("without_quotas_as_burst_starves_b",),
        alone=True,
    ),
    Fault(
        "a quota that takes what says nothing for nothing",
        "two_tenants",
        patched(quota, "missing", lambda _: lambda demand, required: {}),
        ("a_quota_on_memory_lets_no_pod_in_whose_sidecar_is_silent",),
        alone=True,
    ),
    Fault(
        "defaults for requests only",
        "two_tenants",
        edited("defaults.yaml", "      default: {memory: 128Mi}\n", ""),
        ("with_defaults_for_silent_containers_the_same_quota_works",),
    ),
    Fault(
        "a quota that has not forgotten the sidecars",
        "two_tenants",
        edited("quota-without-sidecars.yaml", "1200m", "1500m"),
        ("a_quota_that_forgets_the_sidecars_is_short_of_pods",),
        alone=True,
    ),
    Fault(
        "a scheduler that does not look at labels",
        "gpu_by_type",
        patched(affinity, "wants", lambda _: lambda *node_and_pod: True),
        ("each_pod_runs_on_its_type",),
    ),
    Fault(
        "a scheduler to which everything fits",
        "gpu_by_type",
        patched(fit, "shortages", lambda _: lambda *amounts, **more: []),
        ("no_node_has_more_gpus_taken_than_it_has", "of_a_full_type_the_rest_is_pending"),
    ),
    Fault(
        "a scheduler that forgets a node when it complains",
        "gpu_by_type",
        patched(placement, "message", lambda right: lambda why: right(why[1:])),
        ("and_the_scheduler_says_why",),
        alone=True,
    ),
    Fault(
        "speech on a node that vision can fill",
        "gpu_by_type",
        both(edited("speech.yaml", "{gpu: t4}", "{gpu: a100}"), edited("nodes.yaml", 'gpu: "4"', 'gpu: "6"')),
        ("each_pod_runs_on_its_type", "the_other_type_grows_all_the_same", "the_others_do_not_notice"),
    ),
    Fault(
        "GPU services that fail now and then",
        "gpu_by_type",
        failing_model("40ms"),
        ("nothing_fails_while_vision_is_short",),
    ),
    Fault(
        "a new version that takes the other type",
        "gpu_by_type",
        edited("vision-v2.yaml", "{gpu: a100}", "{gpu: t4}"),
        ("each_pod_runs_on_its_type",),
    ),
    Fault(
        "a new version that asks for no GPU",
        "gpu_by_type",
        edited("vision-v2.yaml", ', nvidia.com/gpu: "1"}', "}"),
        ("a_new_version_waits_for_a_gpu_and_the_old_one_answers",),
    ),
    Fault(
        "taints that are only a wish",
        "gpu_by_type",
        edited("nodes.yaml", "effect: NoSchedule", "effect: PreferNoSchedule"),
        ("taints_keep_the_gpu_nodes_for_gpu_pods",),
        alone=True,
    ),
]


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.what for fault in FAULTS])
def test_a_planted_fault_fails_the_expectations_that_are_about_it(fault, copied, monkeypatch, tmp_path):
    spoiled = copied(fault.scenario)
    fault.plant(monkeypatch, spoiled.folder)
    failing, expected = spoiled.failing(Form.SHORT, tmp_path / "journals"), {f"test_{name}" for name in fault.fails}

    assert expected <= failing
    assert not fault.alone or failing == expected


def test_every_expectation_is_failed_by_a_fault(shipped):
    source = ast.parse(shipped.path.read_text(encoding="utf-8"))
    written = {one.name for one in source.body if isinstance(one, ast.FunctionDef) and one.name.startswith("test_")}
    failed = {f"test_{name}" for fault in FAULTS if fault.scenario == shipped.name for name in fault.fails}

    assert failed == written


def test_knative_refuses_a_selector_whose_flag_is_not_set(copied, monkeypatch):
    spoiled = copied("gpu_by_type")
    edited("features.yaml", "nodeselector: enabled", "nodeselector: disabled")(monkeypatch, spoiled.folder)

    with pytest.raises(UsageError, match=r"kubernetes\.podspec-nodeselector, which is disabled") as refused:
        spoiled.loaded(Form.FULL)

    assert refused.value.where.file.endswith("vision.yaml")


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
