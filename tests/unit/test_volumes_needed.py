"""Fills that depend on volumes are refused where a market has none; nothing waits for ever without a word."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from backbus.engine.inputs import open_inputs
from backbus.errors import JobError
from backbus.job.job import Job


def frame(volume: float | None) -> pd.DataFrame:
    index = pd.date_range("2024-01-01", periods=5, freq="D")
    columns = dict.fromkeys(("open", "high", "low", "close"), 10.0)
    return pd.DataFrame(columns if volume is None else {**columns, "volume": volume}, index=index)


def opened(frames: dict[str, pd.DataFrame], execution: dict[str, Any], **more: Any) -> None:
    open_inputs(Job.parse({"strategy": {"use": "x"}, "execution": execution, **more}), frames)


NEEDING = [
    ({"volume_cap": 0.1}, "execution.volume_cap"),
    ({"no_volume": "wait"}, "execution.no_volume"),
    ({"slippage": {"model": "volume_share"}}, "execution.slippage"),
    ({"slippage": {"model": "square_root"}}, "execution.slippage"),
]


@pytest.mark.parametrize(("execution", "field"), NEEDING)
@pytest.mark.parametrize("volume", [None, 0.0])
def test_a_setting_that_needs_volumes_is_refused_without_them(execution, field, volume):
    with pytest.raises(JobError, match=f"^{field}: needs volumes, and A has none in any bar"):
        opened({"A": frame(volume)}, execution)
    opened({"A": frame(5.0)}, execution)


def test_each_asset_that_is_traded_needs_its_own():
    frames = {"A": frame(5.0), "EUR": frame(None)}
    with pytest.raises(JobError, match="EUR has none in any bar"):
        opened(frames, {"volume_cap": 0.1})
    opened(frames, {"volume_cap": 0.1}, instruments=[{"symbols": "EUR", "traded": False}])
    opened(
        frames, {"slippage": {"model": "square_root"}}, instruments=[{"symbols": "EUR", "slippage": {"model": "none"}}]
    )


def test_the_columns_that_there_are_are_listed():
    odd = frame(None).assign(Lots=5.0)
    with pytest.raises(JobError, match=r"no column was taken for the volume \(others there: 'Lots'\)"):
        opened({"A": odd}, {"volume_cap": 0.1})


def test_nothing_else_needs_volumes():
    opened({"A": frame(None)}, {})
    opened({"A": frame(None)}, {"slippage": {"model": "bps", "bps": 1.0}})
