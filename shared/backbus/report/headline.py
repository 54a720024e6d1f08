"""What a result was, in sentences: what was traded, when, by which rule, what came out, how much of it may be luck."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from backbus.performance.report import Report
from backbus.performance.summary import DISTRIBUTION_TITLES, percent, title_of, written
from backbus.report.conventions import FORMULAS, KEY, figures_told
from backbus.report.luck import sharpe_doubt
from backbus.runs.advice import advice_of
from backbus.runs.luck import luck_lines
from backbus.runs.shown import RunShown, SweepShown

SYMBOLS = 5
Line = tuple[str, str, str]
"""Name, value, meaning."""
KINDS = {
    "run": "run",
    "sweep": "sweep",
    "walk_forward": "walk-forward",
    "cpcv": "combinatorial cross-validation",
    "monte_carlo": "Monte-Carlo sweep",
    "comparison": "comparison",
}
_TAILS = {"q01": "1 %", "q99": "99 %"}
"""Quantiles of many markets that the page has and the terminal's table has not."""
_SPREAD = ("total_return", "annual_return", "volatility", "sharpe", "max_drawdown", "trades")


class PageWords:
    """All that a page says in words."""

    notes: Sequence[str] = ()
    warnings: Sequence[str] = ()
    read: Sequence[str] = ()

    def __init__(self, kind: str, name: str) -> None:
        self.kind, self.name = kind, name
        self.sentences: list[str] = []
        self.luck: list[Line] = []
        self.key: list[Line] = []
        """Figures that come first: title, value, formula."""
        self.figures: list[dict[str, str]] = []
        self.spread: list[list[str]] = []
        """Of searches over many runs: a line for each figure."""


class Words(PageWords):
    """All that a page says in words of one result."""

    def __init__(self, result: RunShown | SweepShown) -> None:
        if isinstance(result, RunShown):
            super().__init__("run", result.summary.name)
            self._run(result)
        else:
            super().__init__(result.kind, result.summary["name"])
            self._search(result)

    # --- runs ------------------------------------------------------------------------------------------------------

    def _run(self, run: RunShown) -> None:
        report = run.summary
        self.notes = (*advice_of(report, run.settings or None), *report.notes)
        self.warnings, self.read = report.warnings, report.read
        metrics = report.metrics.model_dump()
        by = strategy_of(run.settings)
        self.sentences = [
            f"{by} {'traded' if report.counts.fills else 'was given'} {symbols_of(report)}, {period_of(report)}."
        ]
        self.sentences += _came_of(report)
        if report.buy_and_hold is not None:
            held = "The same asset, bought" if report.assets == 1 else "The same assets, bought for equal parts"
            told = percent(report.buy_and_hold)
            self.sentences.append(f"{held} at the first close and held to the last, returned {told}.")
        doubt = sharpe_doubt(report)
        if doubt is not None and metrics["sharpe"] is not None:
            self.sentences.append(
                f"Its Sharpe ratio is {metrics['sharpe']:.2f} ± {doubt.error:.2f} (one standard error of "
                f"{report.sessions:,} sessions): were this the only trial, the true one is above 0 with a probability "
                f"of {100.0 * doubt.probability:.1f} %. How many others were tried, this run does not know."
            )
            self.luck = [
                ("Standard error", f"{doubt.error:.2f}", "of the annual Sharpe ratio, by its length and its tails"),
                (
                    "Probabilistic Sharpe",
                    f"{doubt.probability:.3f}",
                    "that the true one is above 0, were it the only trial",
                ),
            ]
        elif metrics["sharpe"] is None:
            why = report.undefined.get("sharpe", "it is not defined")
            self.sentences.append(f"How much of it may be luck cannot be said: there is no Sharpe ratio ({why}).")
        self.key = [(title_of(name), written(name, metrics[name]), FORMULAS[name]) for name in KEY]
        self.figures = figures_told(metrics, report.undefined)

    # --- searches --------------------------------------------------------------------------------------------------

    def _search(self, search: SweepShown) -> None:
        summary = search.summary
        settings = search.settings or summary.get("job", {})
        self.name, self.notes = summary["name"], tuple(summary.get("notes", ()))
        self.warnings = self.read = ()
        of = {"sweep": "points", "monte_carlo": "markets", "walk_forward": "folds", "cpcv": "splits"}[self.kind]
        listed = summary.get(of)
        count = len(listed) if isinstance(listed, list) else summary["points"]
        failed = f", of which {summary['failed']:,} failed" if summary["failed"] else ""
        by, where = searched(settings), data_of(settings)
        goal = "" if self.kind == "monte_carlo" else f", by {_goal(summary['objective'])}"  # no market is chosen
        self.sentences = [f"A {KINDS[self.kind]} of {by} on {where}: {count:,} {of}{failed}{goal}."]
        {"walk_forward": self._folds, "cpcv": self._splits, "monte_carlo": self._markets, "sweep": self._points}[
            self.kind
        ](summary)

    def _points(self, summary: Mapping[str, Any]) -> None:
        best = summary["best"]
        if best is None:
            self.sentences.append("No point has the objective.")
        else:
            self.sentences.append(f"The best is {params_of(best['params'])}: {_came(best['metrics'])}.")
            self._of_figures(best["metrics"])
        statistics = summary.get("statistics")
        if statistics is None:
            return
        self.luck = [line[:3] for line in luck_lines(statistics)]
        deflated = statistics["deflated_sharpe_family"]
        if deflated is not None:
            self.sentences.append(
                f"It was chosen from {statistics['trials_family']:,} trials: knowing that, its true Sharpe ratio is "
                f"above what luck alone would have given with a probability of {100.0 * deflated:.1f} %."
            )
        if "trials_family_told" in summary:
            self.notes = (*self.notes, f"counted: {summary['trials_family_told']}")

    def _folds(self, summary: Mapping[str, Any]) -> None:
        figures = summary["figures"]
        if figures:
            self.sentences.append(f"Joined, the ranges that the choice had not seen came to {_came(figures)}.")
            self._of_figures(figures)
        changes, efficiency = summary["parameter_changes"], summary["efficiency"]
        self.luck = [
            ("Parameter changes", f"{changes['any']} of {changes['of']}", "folds that chose others than before")
        ]
        if efficiency is not None:
            meaning = "annual return of the joined ranges over the mean of the folds' in train"
            self.luck.insert(0, ("Efficiency", f"{efficiency:.3f}", meaning))
            self.sentences.append(
                f"Of what the choices brought where they were made, {100 * efficiency:.0f} % was left after."
            )

    def _splits(self, summary: Mapping[str, Any]) -> None:
        self._distribution(summary["distribution"], "paths")
        told_of = summary["degradation"]
        if told_of is not None:
            goal = summary["objective"].removeprefix("-")
            self.sentences.append(
                f"{title_of(goal)} of the best was {told_of['in_sample']:.3g} in train and "
                f"{told_of['out_of_sample']:.3g} in test."
            )
            if told_of["overfitting_probability"] is not None:
                share = told_of["overfitting_probability"]
                meaning = "splits in which the best in train is no better in test than the median point"
                self.luck = [("Overfitting", f"{share:.3f}", meaning)]
                self.sentences.append(
                    f"In {100 * share:.0f} % of the splits it was no better in test than the median point."
                )

    def _markets(self, summary: Mapping[str, Any]) -> None:
        self._distribution(summary["distribution"], "markets")

    def _distribution(self, figures: Mapping[str, Any], of: str) -> None:
        known = {name: one for name, one in figures.items() if one is not None and name in FORMULAS}
        returned = known.get("total_return")
        if returned is not None:
            low, middle, high = (written("total_return", returned[name]) for name in ("q05", "q50", "q95"))
            self.sentences.append(
                f"Over {returned['of']:,} {of} the return was {middle} in the median, from {low} in the 5th percentile "
                f"to {high} in the 95th, and below 0 in {100.0 * returned['negative']:.0f} %."
            )
            self.luck = [("Below 0", f"{returned['negative']:.3f}", f"share of the {of} that lost")]
        titles = {**DISTRIBUTION_TITLES, **_TAILS}
        columns = [name for name in next(iter(known.values()), {}) if name not in ("of", "negative")]
        self.spread = [["", *(titles.get(name, name) for name in columns)]] if columns else []
        for name, one in known.items():
            self.spread.append([title_of(name), *(written(name, one[column]) for column in columns)])
        for name in _SPREAD:
            if name in known:
                self.key.append((f"{title_of(name)}, median", written(name, known[name]["q50"]), FORMULAS[name]))

    def _of_figures(self, metrics: Mapping[str, Any]) -> None:
        self.key = [
            (title_of(name), written(name, metrics[name]), FORMULAS[name])
            for name in KEY
            if metrics.get(name) is not None
        ]
        self.figures = figures_told(metrics, {})


def _goal(objective: str) -> str:
    """What points are compared by, in words."""
    return f"the least {title_of(objective[1:])}" if objective.startswith("-") else title_of(objective)


def strategy_of(settings: Mapping[str, Any]) -> str:
    """The strategy with its parameters."""
    strategy = dict(settings.get("strategy") or {})
    use = str(strategy.pop("use", "") or "a strategy")
    return f"{use} ({params_of(strategy)})" if strategy else use


def searched(settings: Mapping[str, Any]) -> str:
    """The strategy with the parameters that a search leaves as they are, and the names of those that it varies."""
    varied = [name.removeprefix("strategy.") for name in ((settings.get("sweep") or {}).get("parameters") or {})]
    strategy = {name: one for name, one in (settings.get("strategy") or {}).items() if name not in varied}
    over = f" over {_some(varied)}" if varied else ""
    return f"{strategy_of({'strategy': strategy})}{over}"


def params_of(params: Mapping[str, Any]) -> str:
    """``fast 20, slow 100``."""
    return ", ".join(f"{name.removeprefix('strategy.')} {value}" for name, value in params.items()) or "the only one"


def data_of(settings: Mapping[str, Any]) -> str:
    """Which prices a job names."""
    data, simulator = settings.get("data") or {}, settings.get("simulator")
    if simulator:
        return f"simulated markets of {', '.join(str(one['symbol']) for one in simulator['assets'][:SYMBOLS])}"
    if data.get("symbols"):
        return _some(data["symbols"])
    named = data.get("dataset") or ", ".join(data.get("files") or ()) or data.get("query")
    return str(named) if named else "bars that were handed over"


def symbols_of(report: Report) -> str:
    """What was traded."""
    return _some(report.symbols)


def _some(symbols: Any) -> str:
    some = list(symbols[:SYMBOLS])
    if len(symbols) > SYMBOLS:
        return f"{', '.join(some)} and {len(symbols) - SYMBOLS:,} more"
    return " and ".join([", ".join(some[:-1]), some[-1]]) if len(some) > 1 else "".join(some)


def period_of(report: Report) -> str:
    """When."""
    if not report.rows:
        return "without one row to trade"
    bars = f"{report.rows:,} {'row' if report.rows == 1 else 'rows'}"
    if report.rows > report.sessions and report.first_time is not None:
        return f"{report.first_time} to {report.last_time} UTC ({bars})"
    return f"{report.first_session} to {report.last_session} ({bars})"


def _came_of(report: Report) -> list[str]:
    metrics, counts = report.metrics, report.counts
    if not counts.fills:
        refused = f"; {counts.refused:,} wishes were refused" if counts.refused else ""
        return [f"Nothing was traded{refused}."]
    still = f", and {metrics.open_trades:,} still open" if metrics.open_trades else ""
    traded, came = f"{metrics.trades:,} trades closed{still}", _came(metrics.model_dump())
    return [f"{came[0].upper()}{came[1:]}; {traded}, for {written('fees', metrics.fees)} in fees."]


def _came(metrics: Mapping[str, Any]) -> str:
    parts = [f"a return of {written('total_return', metrics.get('total_return'))}"]
    if metrics.get("annual_return") is not None:
        parts[0] += f" ({written('annual_return', metrics['annual_return'])} a year)"
    if metrics.get("max_drawdown") is not None:
        parts.append(f"with a deepest drawdown of {written('max_drawdown', metrics['max_drawdown'])}")
    if metrics.get("sharpe") is not None:
        parts.append(f"and a Sharpe ratio of {metrics['sharpe']:.2f}")
    return " ".join(parts)
