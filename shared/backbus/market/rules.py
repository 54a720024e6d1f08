"""The rules of one job as step functions read them: a record of numbers, and one line per asset; made once, never
changed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from backbus.market.columns import EVENTS
from backbus.market.panel import Block, Floats, sealed
from backbus.market.records import Records

RULES = np.dtype(
    [
        ("cash", "<f8"),
        ("leverage", "<f8"),
        ("size", "<f8"),
        ("max_weight", "<f8"),
        ("bars_per_year", "<f8"),
        ("volume_cap", "<f8"),
        ("assets", "<i8"),
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
        ("lists", "<i8"),
        ("each_row", "<i8"),
        ("observes", "<i8"),
        ("stepwise", "<i8"),
        ("checks", "<i8"),
        ("carries", "<i8"),
        ("acts", "<i8"),
        ("limited", "<i8"),
        ("tape_rows", "<i8"),
        ("settles", "<i8"),
        ("cash_only", "<i8"),
        ("take_profit", "<f8"),
        ("stop_loss", "<f8"),
        ("trailing_loss", "<f8"),
        ("buffer", "<f8"),
        ("band", "<f8"),
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
    ]
)
"""``volume_cap`` is 0 where there is none, ``capped`` 1 where any order may fill in part; ``each_row`` is 1 where no
order may be left alone, because slippage follows the market, and ``tape_rows`` is how far it looks back; ``observes``
is 1 where anything of the tape follows the market, ``stepwise`` where no row may be passed over, ``checks`` where the
account is looked at in every row, ``carries`` where cash or positions cost or bring something over time, ``acts``
where the data has splits and dividends, ``limited`` where risk has limits; ``lists`` is 1 where more than plain
market orders may work from the start; ``settles`` is 1 where any asset is a future, ``cash_only`` in an account
without shorts and leverage; the last three are the exits that come with each entry, as shares of its price, 0 where
there is none. Rates are of a year of ``year_days``; limits are shares of equity, infinite where there is none."""

TIERS = 8
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
        ("fee_minimum", "<f8"),
        ("fee_maximum", "<f8"),
        ("fee_share", "<f8"),
        ("maker", "<f8"),
        ("tier_from", "<f8", (TIERS,)),
        ("tier_fee", "<f8", (TIERS,)),
        ("slippage_model", "<i8"),
        ("fee_model", "<i8"),
        ("tiers", "<i8"),
        ("settles", "<i8"),
        ("maintenance", "<f8"),
        ("borrow", "<f8"),
        ("rate_of", "<i8"),
        ("inverse", "<i8"),
        ("traded", "<i8"),
    ]
)
"""What trading one asset is like. ``tick`` is 0 where prices can be anything, ``per_tick`` how many of them make 1,
or 0. ``settles`` is 1 for a future: no cash pays for its position, gains and losses go to cash at each close;
``margin`` is locked for each contract, ``maintenance`` must be kept. ``borrow`` is the yearly rate that a short
position costs. ``rate_of`` is the asset whose price is what one unit of this one's currency is worth in the
account's, or the ``inverse`` of that; -1 where it is the same currency. ``traded`` is 0 where no orders are taken."""

TAPE = np.dtype(
    [
        ("held", "<f8"),
        ("room", "<f8"),
        ("row", "<i8"),
        ("unit", "<f8"),
        ("rate", "<f8"),
        ("spread", "<f8"),
        ("deviation", "<f8"),
        ("mean_volume", "<f8"),
        ("traded", "<f8"),
        ("month", "<i8"),
        ("month_size", "<f8"),
        ("month_value", "<f8"),
        ("bars", "<i8"),
        ("pays", "<f8"),
        ("gone", "<i8"),
    ]
)
"""What is known of one asset's market: the position that its fills have made; units that the volume of the bar of
``row`` still lets fill; what one unit of price is worth in the account's currency, and one unit of the asset's; the
spread last seen; the deviation of returns; what each unit will be paid off with in the next row, because the asset is
delisted (NaN where it is not), and whether it has been."""

FIXED_QUANTITY, FIXED_CASH, PERCENT_OF_EQUITY, TARGET_WEIGHT, EQUAL_WEIGHT, VOLATILITY_TARGET = range(6)
SIZINGS = ("fixed_quantity", "fixed_cash", "percent_of_equity", "target_weight", "equal_weight", "volatility_target")

NO_SLIPPAGE, BASIS_POINTS_SLIPPAGE, HALF_SPREAD, SPREAD_SEEN, VOLUME_SHARE, SQUARE_ROOT = range(6)
NO_FEE, PER_SHARE, PER_ORDER, BASIS_POINTS_FEE, MAKER_TAKER = range(5)

WORST, OPEN_LOW_HIGH_CLOSE, OPEN_HIGH_LOW_CLOSE, NEAREST_FIRST = range(4)
PATHS = ("worst", "open-low-high-close", "open-high-low-close", "nearest-first")


CALL_ALL, CALL_PRO_RATA, CALL_LARGEST_FIRST = range(3)
CALL_RULES = ("all", "pro_rata", "largest_first")

FACTS = 4
SPREADS, SPLITS, DIVIDENDS, DELISTINGS = range(FACTS)
"""What else loops know of each bar: [rows, FACTS, assets]."""


class Rules(NamedTuple):
    """A job's numbers."""

    record: Records
    """One ``RULES`` record."""
    instruments: Records
    """[assets] ``INSTRUMENT`` records."""
    spread: str | None = None
    """The column of the data that quoted spreads are in."""

    def facts_of(self, block: Block) -> Floats:
        """[rows, FACTS, assets] quoted spreads, splits, dividends and delistings, NaN where there is none; [rows, 0,
        assets] where nothing looks at them."""
        if not self.record["acts"][0] and self.spread is None:
            return sealed(np.empty((len(block), 0, block.close.shape[1])))
        facts = np.full((len(block), FACTS, block.close.shape[1]), np.nan)
        names = (self.spread, *(EVENTS if self.record["acts"][0] else ()))
        for at, name in enumerate(names):
            if name is not None and name in block.extra:
                facts[:, at] = block.extra[name]
        return sealed(facts)

    @property
    def lists(self) -> bool:
        """Whether more than one market order per asset may work from the start."""
        return bool(self.record["lists"][0])


def blank_tape(instruments: Records) -> Records:
    """[assets] ``TAPE`` records before the first row."""
    tape = np.zeros(len(instruments), dtype=TAPE)
    tape["rate"] = np.where(instruments["rate_of"] >= 0, np.nan, 1.0)
    tape["unit"] = instruments["multiplier"] * tape["rate"]
    tape["pays"] = np.nan
    tape["row"] = -1
    tape["room"] = np.inf
    return tape


def blank_seen(rules: Rules) -> Floats:
    """[assets, 2 × (tape_rows + 1)] before the first row, [assets, 0] where costs do not look back."""
    rows = int(rules.record["tape_rows"][0])
    return np.zeros((len(rules.instruments), 2 * (rows + 1) if rows else 0))
