"""freqtrade: its table of backtest cases (``tests/optimize/test_backtest_detail.py``), read as data.

A case is a few candles with signals, a stop, targets by age, perhaps a trailing stop and prices of limit orders; and
what came of it: the sum of the trades' profits, rounded to three places, and each trade's reason and candles.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.compared.figures import Row
from tools.compared.playing import Played, Trade, play
from tools.compared.sources import keywords, tree, value

ENGINE = "freqtrade"
CHECKOUT = "freqtrade"
TEST = Path("tests") / "optimize" / "test_backtest_detail.py"
ABOUT = """
Each case is [one job](../tools/compared/jobs/freqtrade.toml): stop, first target and trailing stop are
`portfolio.exits`, later targets and limit prices are asked for by
[the strategy](../tools/compared/jobs/candles.py). A line tells the sum of the trades' profits, and of each trade its
reason with the candles of its entry and its exit. Ours is under `execution.path = "worst"` unless the last column says
otherwise; where another path gives theirs, it is named. Theirs is no one path: a stop goes before a target, as under
`worst` (cases 4 and 6), and a trailing stop follows the high before it is met, as under `open-high-low-close` (9 and
12). A target must be exceeded there, where a touch is enough here:
targets are set a billionth further.
"""
PATHS = ("worst", "open-high-low-close", "open-low-high-close", "nearest-first")


@dataclass(frozen=True)
class Case:
    """One case of the table."""

    number: int
    data: list[list[Any]]
    stop_loss: float
    roi: dict[str, float]
    profit_perc: float
    trades: list[str]
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def theirs(self) -> str:
        """The line that is published."""
        return line(self.profit_perc, self.trades)


def line(profit: float, trades: list[str]) -> str:
    """What came of a case."""
    return "; ".join([f"{round(profit, 3) + 0.0:.3f}", *trades])


def cases(file: Path) -> list[Case]:
    """The table, case by case."""
    found = []
    for node in tree(file).body:
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
            continue
        name = getattr(node.targets[0], "id", "")
        if name[:2] != "tc" or not name[2:].isdigit():
            continue
        told = keywords(node.value)
        listed = told.pop("trades")
        assert isinstance(listed, ast.List)
        trades = [trade(one) for one in listed.elts]
        plain = {key: value(one) for key, one in told.items()}
        main = {key: plain.pop(key) for key in ("data", "stop_loss", "roi", "profit_perc")}
        found.append(Case(int(name[2:]), trades=trades, options=plain, **main))
    return found


def trade(node: ast.expr) -> str:
    """A trade's reason, and the candles of its entry and exit."""
    assert isinstance(node, ast.Call)
    told = keywords(node)
    reason = told["exit_reason"]
    assert isinstance(reason, ast.Attribute)
    return f"{reason.attr.lower()} {value(told['open_tick'])}-{value(told['close_tick'])}"


def rows(checkout: Path) -> Iterator[Row]:
    """Each case under the worst path, and where that is not theirs, which path is."""
    for case in cases(checkout / TEST):
        lines = {path: told(case, played(case, path)) for path in PATHS}
        ours = lines["worst"]
        same = [path for path in PATHS if lines[path] == case.theirs]
        why = WHY.get(case.number, "")
        if same and same[0] != "worst":
            why = f"theirs is `{same[0]}`" + (f": {why}" if why else "")
        yield Row(f"{case.number}: {described(case)}", "profit; trades", case.theirs, ours, why)


def described(case: Case) -> str:
    """A case in a few words."""
    options = case.options
    parts = [f"stop {-case.stop_loss:g}"]
    parts += [f"target {share:g}" + (f" from {age} min" if age != "0" else "") for age, share in case.roi.items()]
    if options.get("trailing_stop"):
        trail = options.get("trailing_stop_positive")
        offset = options.get("trailing_stop_positive_offset", 0.0)
        own = trail and not options.get("use_custom_stoploss")
        parts.append("trailing" + (f" by {trail:g} from {offset:g}" if own else ""))
    for option, words in (("custom_entry_price", "entry at"), ("adjust_entry_price", "then at")):
        parts += [f"{words} {options[option]:g}"] if options.get(option) else []
    parts += [f"exit at {options['custom_exit_price']:g}"] if options.get("custom_exit_price") else []
    parts += [f"leverage {options['leverage']:g}"] if "leverage" in options else []
    return ", ".join(parts)


def played(case: Case, path: str) -> Played:
    """A case as a job."""
    import pandas as pd

    options, leverage = case.options, case.options.get("leverage", 1.0)
    stamps = pd.date_range("2018-10-03", periods=len(case.data), freq="1h")
    bars = pd.DataFrame([[float(one) for one in candle[1:6]] for candle in case.data], index=stamps)
    bars.columns = ["open", "high", "low", "close", "volume"]
    signals = ("enter_long", "exit_long", "enter_short", "exit_short")
    at = {
        name: [candle[0] for candle in case.data if len(candle) > 6 + place and candle[6 + place] == 1]
        for place, name in enumerate(signals)
    }
    exits: dict[str, float] = {}
    first = case.roi.get("0", 1.0)
    if first < 1.0:
        exits["take_profit"] = first / leverage * (1.0 + NEXT_TO_NOTHING)
    stop, closer = -case.stop_loss / leverage, options.get("trailing_stop_positive")
    if not options.get("trailing_stop"):
        exits["stop_loss"] = stop
    elif closer is None or options.get("use_custom_stoploss"):
        exits["trail"] = stop
    elif options.get("trailing_only_offset_is_reached"):
        exits |= {"stop_loss": stop, "trail": closer, "trail_from": options["trailing_stop_positive_offset"]}
    else:
        exits |= {"trail": stop, "trail_then": closer, "trail_from": NEXT_TO_NOTHING}
    strategy: dict[str, Any] = {
        **{name: found for name, found in at.items() if not name.startswith("exit") or options.get("use_exit_signal")},
        "entry": options.get("custom_entry_price") or 0.0,
        "entry_then": options.get("adjust_entry_price") or 0.0,
        "again": "adjust_entry_price" in options,
        "exit": options.get("custom_exit_price") or 0.0,
        "targets": [[float(age), share] for age, share in case.roi.items()],
    }
    account = {
        "exits": exits,
        "leverage": leverage,
        "sizing": {"model": "percent_of_equity", "percent": 100.0 * leverage},
    }
    return play("freqtrade", bars={"A": bars}, strategy=strategy, portfolio=account, execution={"path": path})


NEXT_TO_NOTHING = 1e-9
"""A profit that any gain is; and by how much a target is exceeded that is not just met."""


def told(case: Case, run: Played) -> str:
    """What came of it here."""
    leverage = case.options.get("leverage", 1.0)
    profit = sum(one.pnl / (one.quantity * one.entry_price) * leverage for one in run.trades)
    return line(profit, [f"{reason(case, run, one)} {one.entry_row}-{one.exit_row}" for one in run.trades])


def reason(case: Case, run: Played, one: Trade) -> str:
    """Why a trade was left, in their words."""
    side = 1.0 if one.side == "long" else -1.0
    fill = next(fill for fill in run.fills if fill.row == one.exit_row and fill.quantity * side < 0.0)
    if fill.moment == "CLOSE_MATCH":
        return "force_exit"
    signals = [candle[0] for candle in case.data if any(candle[at] == 1 for at in (7, 9) if at < len(candle))]
    if fill.rule.startswith("market") and one.exit_row - 1 not in signals:
        return "roi"  # a target below nothing
    if case.options.get("custom_exit_price") or fill.rule.startswith("market"):
        return "exit_signal"
    for word, told in (("trailing", "trailing_stop_loss"), ("stop", "stop_loss")):
        if fill.rule.startswith(word):
            return told
    return "roi"


AT_OPEN = "a limit beyond the market fills at the open here, the better price; there at its own, or the bar's worst"
FROM_ORDER = "a trade begins with its order there, here with its fill"
AT_LAST_OPEN = "what is left at the end is closed at the last bar's open there, here at its close"
THROUGH = "the open is beyond the stop: the fill is there here; at the stop there, since the bar comes back to it"
WHY = {
    9: "the high is taken to come before the low there",
    11: THROUGH,
    12: "the high is taken to come before the low there",
    16: "the age of 65 minutes is within a bar, which counts as left at its low there; here at the next open",
    20: "the age of 119 minutes is within a bar there and its target the price; here the next open is better than that",
    24: f"{THROUGH}, and the target comes first",
    40: f"{AT_OPEN}: 5000, of which the stop is met a bar later",
    44: AT_OPEN,
    45: AT_LAST_OPEN,
    46: AT_LAST_OPEN,
    48: f"{AT_OPEN}: 4900, not 5200; {FROM_ORDER}",
    49: FROM_ORDER,
    52: f"{AT_OPEN}: 4900, not 5200; {FROM_ORDER}",
    53: FROM_ORDER,
}
