"""How much of a sweep's best result may be luck: each statistic with what it says, in words.

The limits are those of docs/statistics.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

Grade = Literal["", "green", "yellow", "red"]
Verdict = tuple[str, Grade]


class LuckLine(NamedTuple):
    """One statistic."""

    title: str
    figure: str
    words: str
    """What it says, and what it is."""
    grade: Grade = ""
    """Green where it speaks for skill, red where it speaks for luck."""


_SURE, _LIKELY, _COIN = 0.95, 0.8, 0.5
"""Of probabilities that it is no luck: one of twenty, one of five, one of two."""
_HELD, _MOSTLY = 0.1, 0.3
"""Of the probability of overfitting; from a half on choosing was no better than drawing."""
_RARE, _SOME = 0.05, 0.2
"""Of p-values."""


def luck_lines(statistics: Mapping[str, Any]) -> Iterator[LuckLine]:
    """The lines of a sweep's statistics."""
    trials, hurdle = statistics["trials_family"], statistics.get("hurdle", 0.0)
    probability, chance, p_value = of_probability, of_overfitting, of_p_value
    told = (
        ("probabilistic_sharpe", "Probabilistic Sharpe", probability,
         f"probability that the best one's true Sharpe is above {hurdle:g}, were it the only trial"),
        ("deflated_sharpe_sweep", "Deflated Sharpe, sweep", probability,
         f"the same, knowing that it is the best of {statistics['trials_sweep']:,}"),
        ("deflated_sharpe_family", "Deflated Sharpe, all", probability,
         f"the same, knowing of all {trials:,} trials of this strategy on this market"),
        ("overfitting_probability", "Overfitting", chance,
         "probability that the best in one half of the time is below the median in the other"),
        ("spa_consistent", "Hansen's SPA", p_value, "p-value of a best as good without any skill"),
        ("reality_check", "White's reality check", p_value, "the same, by a test that one wild point can blind"),
    )  # fmt: skip
    for name, title, judge, meaning in told:
        value = statistics[name]
        if value is None:
            yield LuckLine(title, "–", f"{statistics['undefined'].get(name, 'undefined')} ({meaning})")
        else:
            verdict, colour = judge(value)
            yield LuckLine(title, f"{value:.3f}", f"{verdict} ({meaning})", colour)
    if statistics["sharpe_interval"] is not None:
        verdict, colour = of_interval(*statistics["sharpe_interval"])
        low, high = statistics["sharpe_interval"]
        meaning = f"{100 * statistics['confidence']:g} % confidence, knowing nothing of the selection"
        yield LuckLine("Sharpe interval", f"{low:.2f} to {high:.2f}", f"{verdict} ({meaning})", colour)
    if statistics["stability"] is not None:
        shape = statistics["stability"]["shape"]
        verdict, colour = _SHAPES[shape]
        yield LuckLine("Stability", shape, f"{verdict} (one step of one parameter away)", colour)


_SHAPES: Mapping[str, Verdict] = {
    "plateau": ("its neighbours are nearly as good", "green"),
    "slope": ("its neighbours lose a good part of it", "yellow"),
    "spike": ("its neighbours lose most of it: likely luck", "red"),
}


def of_probability(value: float) -> Verdict:
    """What a probability that it is skill says."""
    if value >= _SURE:
        return "luck alone hardly gives this", "green"
    if value >= _LIKELY:
        return "some evidence, no proof", "yellow"
    return ("weak: it may well be luck", "yellow") if value >= _COIN else ("no better than luck", "red")


def of_overfitting(value: float) -> Verdict:
    """What the probability of overfitting says."""
    if value <= _HELD:
        return "the choice held", "green"
    if value <= _MOSTLY:
        return "the choice mostly held", "yellow"
    if value < _COIN:
        return "the choice held little more often than not", "yellow"
    return "the choice did not hold: no better than drawing a point", "red"


def of_p_value(value: float) -> Verdict:
    """What a p-value says."""
    if value <= _RARE:
        return "luck alone hardly gives this", "green"
    return ("luck alone may give this", "yellow") if value <= _SOME else ("luck alone gives as much", "red")


def of_interval(low: float, high: float) -> Verdict:
    """What an interval of the Sharpe ratio says."""
    if low > 0.0:
        return "above 0 throughout", "green"
    return ("below 0 throughout", "red") if high < 0.0 else ("0 is within it", "yellow")
