"""What trading cost, from gross to net, and which asset brought what."""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.figures.lines import rows_of
from backbus.figures.registry import NothingToShow, figure
from backbus.figures.style import BLUE, GREEN, RED, dress
from backbus.market.panel import Floats
from backbus.runs.shown import RunShown

MOST_ASSETS = 40
"""Assets that have a bar of their own; the others are one together."""


def steps(run: RunShown) -> list[tuple[str, float]]:
    """From gross to net: what prices brought, less each cost, in cash units; they sum up to what the account gained."""
    metrics, booked = run.summary.metrics, run.summary.booked
    gained = (metrics.final_equity if metrics.final_equity is not None else np.nan) - run.cash
    fees, slippage = metrics.fees or 0.0, metrics.slippage or 0.0
    other = sum(booked.values())
    gross = gained + fees + slippage - other
    named = [(name, amount) for name, amount in sorted(booked.items()) if amount]
    return [("gross", gross), ("commission", -fees), ("slippage", -slippage), *named, ("net", gained)]


@figure("costs", "what prices brought, and what of it commission, slippage and holding took")
def costs(run: RunShown) -> Any:
    """A waterfall from gross to net."""
    import plotly.graph_objects as go

    if not run.summary.counts.fills:
        raise NothingToShow("nothing was traded")
    told = steps(run)
    kinds = ["absolute", *["relative"] * (len(told) - 2), "total"]
    drawn = go.Waterfall(
        x=[name for name, _ in told],
        y=[amount for _, amount in told],
        measure=kinds,
        text=[f"{amount:,.2f}" for _, amount in told],
        textposition="outside",
        increasing={"marker": {"color": GREEN}},
        decreasing={"marker": {"color": RED}},
        totals={"marker": {"color": BLUE}},
        connector={"line": {"width": 1, "color": "#8a929c"}},
    )
    found = go.Figure(drawn)
    dress(found, "From gross to net", height=360)
    found.update_yaxes(title_text="cash units")
    return found


def contributions(run: RunShown) -> tuple[list[str], Floats]:
    """Each asset's profit, open positions valued at the last close, the greatest first; fees are in it."""
    symbols = run.column("trades", "symbol").astype(str)
    pnl = run.column("trades", "pnl")
    names, place = np.unique(symbols, return_inverse=True)
    total = np.zeros(len(names))
    np.add.at(total, place, pnl)
    order = np.argsort(-total, kind="stable")
    return [str(name) for name in names[order]], total[order]


@figure("contribution", "what each asset brought")
def contribution(run: RunShown) -> Any:
    """Bars in cash units."""
    import plotly.graph_objects as go

    rows_of(run, "trades", "no trade was made")
    names, total = contributions(run)
    if len(names) > MOST_ASSETS:
        half = MOST_ASSETS // 2
        rest = f"{len(names) - MOST_ASSETS} others"
        names = [*names[:half], rest, *names[-half:]]
        total = np.concatenate((total[:half], [total[half:-half].sum()], total[-half:]))
    colours = [GREEN if value >= 0.0 else RED for value in total]
    found = go.Figure(go.Bar(x=total, y=names, orientation="h", marker={"color": colours}))
    dress(found, "Contribution of each asset", height=120 + 20 * len(names))
    found.update_yaxes(autorange="reversed", type="category", automargin=True)
    found.update_xaxes(title_text="cash units")
    return found
