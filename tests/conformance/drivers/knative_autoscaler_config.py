"""Drives knative_autoscaler_config.json through sandbox.mechanisms.autoscaling.config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pytest

from sandbox.mechanisms.autoscaling.config import ConfigRefused, parse_autoscaler_config


def parse(case: Mapping[str, Any], table: Mapping[str, Any]) -> None:
    want = case["want"]
    if "error" in want:
        with pytest.raises(ConfigRefused) as refused:
            parse_autoscaler_config(case["data"])
        assert list(refused.value.keys) == want["error"]["keys"]
        assert refused.value.kind == want["error"]["kind"]
    else:
        assert asdict(parse_autoscaler_config(case["data"])) == table["defaults"] | want["set"]


DRIVERS = {"cases": parse}
