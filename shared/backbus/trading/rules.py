"""The rules of one job as step functions read them: a record of numbers, and one line per asset; made once, never
changed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from backbus.jit.arrays import read_only
from backbus.job.costs import MOST_TIERS
from backbus.job.own_models import BoundModel
from backbus.market.columns import EVENTS, MEMBER, OWN_SESSION, QUOTES
from backbus.market.panel import Block, Floats
from backbus.trading.records import Records

RULES = np.dtype(
    [
        ("cash", "<f8"),
        ("leverage", "<f8"),
        ("size", "<f8"),
        ("max_weight", "<f8"),
        ("volume_cap", "<f8"),
        ("sizing", "<i8"),
        ("volatility_rows", "<i8"),
        ("shorts", "<i8"),
        ("fill_at_close", "<i8"),
        ("size_at_open", "<i8"),
        ("path", "<i8"),
        ("trail_by_close", "<i8"),
        ("wait_for_volume", "<i8"),
        ("capped", "<i8"),
        ("daily", "<i8"),
        ("rows", "<i8"),
        ("needs_order_lists", "<i8"),
        ("slippage_follows_market", "<i8"),
        ("costs_follow_market", "<i8"),
        ("no_row_skipped", "<i8"),
        ("checks_account", "<i8"),
        ("has_margin", "<i8"),
        ("looks_at_closes", "<i8"),
        ("ends_flat", "<i8"),
        ("fees_in_size", "<i8"),
        ("by_quotes", "<i8"),
        ("has_financing", "<i8"),
        ("has_corporate_actions", "<i8"),
        ("universe", "<i8"),
        ("own_sessions", "<i8"),
        ("limited", "<i8"),
        ("lookback_rows", "<i8"),
        ("has_futures", "<i8"),
        ("cash_only", "<i8"),
        ("take_profit", "<f8"),
        ("stop_loss", "<f8"),
        ("trailing_loss", "<f8"),
        ("trailing_gain", "<f8"),
        ("trailing_then", "<f8"),
        ("cash_buffer", "<f8"),
        ("drift_band", "<f8"),
        ("cash_rate", "<f8"),
        ("debit_rate", "<f8"),
        ("year_days", "<f8"),
        ("maintenance", "<f8"),
        ("call_rule", "<i8"),
        ("gross_limit", "<f8"),
        ("net_limit", "<f8"),
        ("weight_limit", "<f8"),
        ("positions_limit", "<f8"),
        ("turnover_limit", "<f8"),
        ("drawdown_limit", "<f8"),
        ("own_models", "<i8"),
        ("own_costs", "<i8"),
        ("own_sizing", "<i8"),
        ("sizing_context", "<i8"),
        ("own_margin", "<i8"),
        ("margin_context", "<i8"),
    ]
)
"""``volume_cap`` is 0 where there is none, ``capped`` 1 where any order may fill in part; ``needs_order_lists`` where
more than plain market orders may work from the start. ``slippage_follows_market`` is 1 where no order may be left
alone, and ``lookback_rows`` is how far it looks back; ``costs_follow_market`` where anything of the market's state
does, rates of currencies included; ``no_row_skipped`` where no row may be passed over, ``checks_account`` where the
account is looked at in every row, ``has_margin`` where it can be called, ``looks_at_closes`` where something may be
decided at a close that nobody has asked for, ``has_financing`` where cash or positions cost or bring something over
time, ``has_corporate_actions`` where the data has splits and dividends, ``universe`` what becomes of positions in
assets that leave it (0 where there is none), ``own_sessions`` where days end for each asset by its own market,
``limited`` where risk has limits, ``has_futures`` where any asset is one, ``by_quotes`` where orders fill at bid and
ask; ``cash_only`` in an account without shorts and leverage. ``take_profit``, ``stop_loss`` and ``trailing_loss`` are
the exits that come with each entry, as fractions of its price, 0 where there is none; ``trailing_gain`` is the profit
from which the last trails, ``trailing_then`` by how much from there on, NaN where it does from the entry on. Rates are
of a year of ``year_days``; limits are fractions of equity, infinite where there is none. ``own_models`` is 1 where any
model is a user's function, ``own_costs`` where slippage or commission is; ``own_sizing`` and ``own_margin`` are the
addresses of such, 0 where there is none, and what is called a context the address of a function's own numbers."""

INSTRUMENT = np.dtype(
    [
        ("lot", "<f8"),
        ("tick", "<f8"),
        ("per_tick", "<f8"),
        ("multiplier", "<f8"),
        ("margin", "<f8"),
        ("slippage", "<f8"),
        ("slippage_limit", "<f8"),
        ("fee", "<f8"),
        ("fee_order", "<f8"),
        ("fee_minimum", "<f8"),
        ("fee_maximum", "<f8"),
        ("fee_share", "<f8"),
        ("maker", "<f8"),
        ("tier_from", "<f8", (MOST_TIERS,)),
        ("tier_fee", "<f8", (MOST_TIERS,)),
        ("slippage_model", "<i8"),
        ("fee_model", "<i8"),
        ("tiers", "<i8"),
        ("settles", "<i8"),
        ("maintenance", "<f8"),
        ("borrow", "<f8"),
        ("rate_of", "<i8"),
        ("inverse", "<i8"),
        ("traded", "<i8"),
        ("bars_per_year", "<f8"),
        ("asset", "<f8"),
        ("own_slippage", "<i8"),
        ("slippage_context", "<i8"),
        ("own_fee", "<i8"),
        ("fee_context", "<i8"),
    ]
)
"""What trading one asset is like. ``tick`` is 0 where prices can be anything, ``per_tick`` how many of them make 1,
or 0. ``settles`` is 1 for a future: no cash pays for its position, gains and losses go to cash at each close;
``margin`` is locked for each contract, ``maintenance`` must be kept. ``borrow`` is the yearly rate that a short
position costs. ``rate_of`` is the asset whose price is what one unit of this one's currency is worth in the
account's, or the ``inverse`` of that; -1 where it is the same currency. ``traded`` is 0 where no orders are taken.
``bars_per_year`` is what volatility is counted up by. ``asset`` is its place among the symbols; ``own_slippage`` and
``own_fee`` are the addresses of a user's functions, as in RULES."""


class _Sizing(NamedTuple):
    """How much a signal holds."""

    FIXED_QUANTITY: int = 0
    FIXED_CASH: int = 1
    PERCENT_OF_EQUITY: int = 2
    TARGET_WEIGHT: int = 3
    EQUAL_WEIGHT: int = 4
    VOLATILITY_TARGET: int = 5
    OWN: int = 6


class _Path(NamedTuple):
    """Which way a price takes within a bar."""

    WORST: int = 0
    OPEN_LOW_HIGH_CLOSE: int = 1
    OPEN_HIGH_LOW_CLOSE: int = 2
    NEAREST_FIRST: int = 3


class _CallRule(NamedTuple):
    """What a margin call sells."""

    ALL: int = 0
    PRO_RATA: int = 1
    LARGEST_FIRST: int = 2


class _Fact(NamedTuple):
    """What else loops know of each bar: [rows, FACTS, assets]."""

    SPREAD: int = 0
    SPLIT: int = 1
    DIVIDEND: int = 2
    DELISTING: int = 3
    MEMBER: int = 4
    SESSION: int = 5
    TIME: int = 6
    """The bar's end in seconds since 1970: only where a model is a user's function."""
    BID: int = 7
    """Open, high, low and close of what is bid."""
    ASK: int = 11
    """And of what is asked."""


class _Universe(NamedTuple):
    """Whether a universe says what may be traded, and what becomes of positions in assets that leave it."""

    NONE: int = 0
    CLOSE: int = 1
    KEEP: int = 2


Sizing, Path, CallRule, Fact, Universe = _Sizing(), _Path(), _CallRule(), _Fact(), _Universe()
SHARED = (Sizing.EQUAL_WEIGHT, Sizing.VOLATILITY_TARGET)
"""Sizes that assets share."""
SIZINGS = (
    *("fixed_quantity", "fixed_cash", "percent_of_equity", "target_weight", "equal_weight", "volatility_target", "own"),
)
PATHS = ("worst", "open-low-high-close", "open-high-low-close", "nearest-first")
CALL_RULES = ("all", "pro_rata", "largest_first")
FACTS, QUOTED_FACTS = Fact.BID, Fact.BID + len(QUOTES)
NS = 1e9


class Rules(NamedTuple):
    """A job's numbers."""

    record: Records
    """One ``RULES`` record."""
    instruments: Records
    """[assets] ``INSTRUMENT`` records."""
    spread: str | None = None
    """The column of the data that quoted spreads are in."""
    own: tuple[BoundModel, ...] = ()
    """Functions of the user's, which live as long as this."""

    def facts_of(self, block: Block) -> Floats:
        """[rows, FACTS, assets] quoted spreads, splits, dividends, delistings, members, sessions of their own, and
        the bars' ends where models are a user's; [rows, QUOTED_FACTS, assets] with what is bid and asked; NaN where
        there is none. [rows, 0, assets] where nothing looks at them."""
        acts, chosen = bool(self.record["has_corporate_actions"][0]), bool(self.record["universe"][0])
        apart, quoted = bool(self.record["own_sessions"][0]), bool(self.record["by_quotes"][0])
        if not (acts or chosen or apart or quoted or self.own or self.spread is not None):
            return read_only(np.empty((len(block), 0, block.close.shape[1])))
        facts = np.full((len(block), QUOTED_FACTS if quoted else FACTS, block.close.shape[1]), np.nan)
        if self.own:
            facts[:, Fact.TIME] = (block.end / NS)[:, None]
        columns: dict[str, int] = {} if self.spread is None else {self.spread: Fact.SPREAD}
        columns |= {name: Fact.SPLIT + at for at, name in enumerate(EVENTS)} if acts else {}
        columns |= {MEMBER: Fact.MEMBER} if chosen else {}
        columns |= {OWN_SESSION: Fact.SESSION} if apart else {}
        columns |= {name: Fact.BID + at for at, name in enumerate(QUOTES)} if quoted else {}
        for name, fact in columns.items():
            if name in block.extra:
                facts[:, fact] = block.extra[name]
        return read_only(facts)

    @property
    def notes(self) -> list[str]:
        """What is to be said of the user's functions, each once."""
        return list(dict.fromkeys(note for model in self.own for note in model.notes))

    def look_at_own(self, cash: Floats, *, over: bool) -> None:
        """Raise StrategyError where a user's function did what none may, or left the account of [rows] ``cash`` with
        a debt that it cannot have; ``over``: the run has ended."""
        for model in self.own:
            model.look(over=over)
        if self.own and self.record["cash_only"][0] and bool((cash < 0.0).any()):
            raise self.own[0].overdrawn(float(cash.min()))

    @property
    def needs_order_lists(self) -> bool:
        """Whether more than one market order per asset may work from the start."""
        return bool(self.record["needs_order_lists"][0])
