"""Refusals of config-autoscaler that the upstream table leaves out."""

from __future__ import annotations

import pytest

from sandbox.errors import ExitCode, UsageError
from sandbox.mechanisms.autoscaling.config import ConfigRefused, parse_autoscaler_config


@pytest.mark.parametrize(
    "data, keys, kind",
    [
        ({"enable-scale-to-zero": "yes"}, ("enable-scale-to-zero",), "parse"),
        ({"stable-window": "60"}, ("stable-window",), "parse"),
        ({"max-scale": "3000000000"}, ("max-scale",), "parse"),
        ({"activator-capacity": "nan"}, ("activator-capacity",), "parse"),
        ({"scale-down-delay": "-1s"}, ("scale-down-delay",), "too_low"),
        ({"target-burst-capacity": "-2"}, ("target-burst-capacity",), "too_low"),
        ({"requests-per-second-target-default": "0"}, ("requests-per-second-target-default",), "too_low"),
        ({"panic-window-percentage": "0.5"}, ("panic-window-percentage",), "too_low"),
        ({"panic-window-percentage": "101"}, ("panic-window-percentage",), "too_high"),
        ({"initial-scale": "0"}, ("initial-scale",), "too_low"),
        ({"max-scale-limit": "-1"}, ("max-scale-limit",), "too_low"),
        ({"max-scale-limit": "5"}, ("max-scale",), "too_low"),
        ({"min-scale": "-1"}, ("min-scale",), "too_low"),
        ({"min-scale": "5", "max-scale": "4"}, ("min-scale", "max-scale"), "conflict"),
    ],
)
def test_one_bad_entry_refuses_the_map(data: dict[str, str], keys: tuple[str, ...], kind: str) -> None:
    with pytest.raises(ConfigRefused) as refused:
        parse_autoscaler_config(data)

    assert (refused.value.keys, refused.value.kind) == (keys, kind)


def test_a_refusal_is_the_users_to_mend_and_says_the_rule() -> None:
    with pytest.raises(UsageError) as refused:
        parse_autoscaler_config({"stable-window": "2h"})

    assert refused.value.exit_code == ExitCode.USAGE
    assert str(refused.value) == (
        "config-autoscaler: stable-window cannot be accepted\n  value: 7200.0\n  rule:  from 6s to 1h"
    )


def test_no_burst_capacity_is_no_limit_and_accepted() -> None:
    assert parse_autoscaler_config({"target-burst-capacity": "-1"}).target_burst_capacity == -1.0
