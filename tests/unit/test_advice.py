"""What an error of the data advises leads on: the setting is set, and the job runs or says something else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from backbus.data import load_panel
from backbus.errors import BackbusError
from backbus.job.data import DataSettings
from backbus.job.parsing import override_field, parse
from backbus.market.panel import Panel

H = "Date,Open,High,Low,Close,Volume\n"
GOOD = "2024-01-02,10,12,9,11,100\n2024-01-03,11,13,10,12,200\n2024-01-04,12,14,11,13,300\n"
ACTIONS = "Date,Open,High,Low,Close,Volume,Dividends,Stock Splits\n"

FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "twice": (H + GOOD + "2024-01-04,12,14,11,13,300\n", {}),
    "unsorted": (H + GOOD + "2024-01-01,12,14,11,13,300\n", {}),
    "missing": (H + GOOD + "2024-01-05,,14,11,13,300\n", {}),
    "negative": (H + GOOD + "2024-01-05,-1,14,11,13,300\n", {}),
    "a volume below zero": (H + GOOD + "2024-01-05,12,14,11,13,-1\n", {}),
    "impossible": (H + GOOD + "2024-01-05,12,10,11,13,300\n", {}),
    "in the future": (H + GOOD + "2199-01-05,12,14,11,13,300\n", {}),
    "a live row": (
        H
        + GOOD.replace(",1", " 00:00,1", 0)
        .replace("02,", "02 00:00,")
        .replace("03,", "03 00:00,")
        .replace("04,", "04 00:00,")
        + "2024-01-05 15:04,12,14,11,13,300\n",
        {},
    ),
    "the clock": (
        H + "".join(f"2024-03-10 0{hour}:30,1,1,1,1,1\n" for hour in (1, 2, 3, 4)),
        {"timezone": "America/New_York"},
    ),
    "no volume is kept": (H + GOOD + "2024-01-05,12,14,11,13,0\n", {"repair": {"zero_volume": "refuse"}}),
    "an odd interval": (
        H + "".join(f"2024-01-02 {at},1,1,1,1,1\n" for at in ("09:00", "10:00", "11:00", "12:00", "12:30", "13:00")),
        {"repair": {"intervals": "refuse"}},
    ),
    "day or month": ("Date,Open,High,Low,Close\n01/02/2024,1,1,1,1\n02/02/2024,1,1,1,1\n", {}),
    "day or month, with a time": ("Date,Open,High,Low,Close\n01.02.2024 10:00,1,1,1,1\n01.02.2024 11:00,1,1,1,1\n", {}),
    "digits": ("Date,Open,High,Low,Close\n01022024,1,1,1,1\n02022024,1,1,1,1\n", {}),
    "ten digits": ("Date,Open,High,Low,Close\n1401160930,1,1,1,1\n1401160931,1,1,1,1\n", {}),
    "a decimal comma": ("Date;Open;High;Low;Close\n2024-01-02;1,500;1,500;1,500;1,500\n", {}),
    "names": ("Day;First;High;Low;Close\n2024-01-02;1;1;1;1\n", {}),
    "neither high nor low": ("Date,Open,Close\n2024-01-02,1,1\n2024-01-03,1,2\n", {}),
    "two dates": ("Date,Timestamp,Open,High,Low,Close\n2024-01-02,2024-01-02,1,1,1,1\n", {}),
    "adjusted already": (
        ACTIONS + "2020-08-28,125,126,124,124.8,1000,0,0\n2020-08-31,127,131,126,129,1000,0,4\n",
        {"adjust": "splits"},
    ),
    "no dividends": (H + GOOD, {"adjust": "total_return"}),
    "no splits": (H + GOOD, {"adjust": "events"}),
    "no adjusted close": (H + GOOD, {"adjust": "adj_close"}),
    "trades": ("Date,Price,Size\n2024-01-02 10:00:01,1,1\n2024-01-02 10:00:02,1,1\n2024-01-02 10:05:02,1,1\n", {}),
    "sessions of parts of a day": (
        H + "".join(f"2024-01-02 {at},1,1,1,1,1\n" for at in ("10:00", "11:00", "12:00")),
        {"dates": {"marks": "session"}},
    ),
}
"""Files that are refused, each with a setting that helps."""


def load(folder: Path, text: str, settings: dict[str, Any]) -> Panel:
    (folder / "A.csv").write_text(text)
    return load_panel(parse(DataSettings, settings, within=("data",)), {"A.csv": folder / "A.csv"})


def advised(message: str) -> list[tuple[str, str]]:
    """Settings and values that a message names: each of ``data.x = "one" or "other"``."""
    found = []
    for name, values in re.findall(r'data\.([a-z_.]+[a-z_]) = ("[^"]*"(?: or "[^"]*")*)', message):
        found += [(name, value) for value in re.findall(r'"([^"]*)"', values)]
    for name, values in re.findall(r'data\.([a-z_.]+[a-z_]), one of ((?:"[^"]*"(?:, )?)+)', message):
        found += [(name, value) for value in re.findall(r'"([^"]*)"', values)]
    return found


@pytest.mark.parametrize("fault", FAULTS)
def test_what_an_error_advises_leads_on(tmp_path, fault):
    text, settings = FAULTS[fault]
    with pytest.raises(BackbusError) as refused:
        load(tmp_path, text, settings)
    message = str(refused.value)
    choices = advised(message)
    if fault == "names":
        assert "name it by data.names" in message
        choices = [("names.open", "First")]
    if fault == "trades":
        assert 'such as "1m"' in message
        choices = [("bars", "1m")]
    if fault == "sessions of parts of a day":
        choices = [("dates.marks", "begin"), ("dates.marks", "end")]
    assert choices, message
    went_on = 0
    for name, value in choices:
        changed: dict[str, Any] = {
            key: dict(each) if isinstance(each, dict) else each for key, each in settings.items()
        }
        override_field(changed, f'{name}="{value}"')
        try:
            load(tmp_path, text, changed)
        except BackbusError as error:
            assert str(error) != message, (name, value)
        else:
            went_on += 1
    assert went_on, (message, choices)
