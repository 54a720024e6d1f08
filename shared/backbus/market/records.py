"""The records that streams are made of, as packed little-endian structs.

One place says what a signal, an order and a fill look like: step functions write these records, the bus carries their
bytes, and the report tabulates them. Ids are derived, never random.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SIGNAL = np.dtype([("tick", "<i8"), ("asset", "<i4"), ("kind", "<i4"), ("value", "<f8")])
"""A wish, or one of its terms, which come before it.

``kind`` DIRECTION: the sign of ``value`` is the side (0: flat), its size the strength. WEIGHT: ``value`` is the share
of equity to hold, negative for short. QUANTITY: an order for ``value`` units, negative to sell. CANCEL: takes back the
order of this asset that was asked for in row AT_ROW with the ordinal ``value``. Every other kind is a term of the next
wish of the same asset."""

DIRECTION, WEIGHT, QUANTITY, CANCEL = 0, 1, 2, 3
(
    LIMIT_AT,
    STOP_AT,
    TRAIL_BY,
    TRAIL_SHARE,
    IN_FORCE,
    UNTIL,
    TAKE_PROFIT,
    TAKE_PROFIT_SHARE,
    STOP_LOSS,
    STOP_LOSS_SHARE,
    TRAILING_LOSS,
    TRAILING_LOSS_SHARE,
    AT_CLOSE,
    REDUCE,
    AT_ROW,
    GROUP_OF,
    INSTEAD_OF,
    AT_ASSET,
) = range(8, 26)
"""Terms: prices of the order; what a trailing stop keeps away, in price units or as a share; time in force, and its
end; exits, as prices or as shares of the entry's price; whether it fills at the next close, and only lessens a
position; the row of the order that GROUP_OF (one cancels the other), INSTEAD_OF (replace) or CANCEL name by its
ordinal, and its asset where it is another one."""

SIGNAL_KINDS = (
    "direction",
    "weight",
    "order",
    "cancel",
    *(f"({code})" for code in range(4, 8)),
    "limit",
    "stop",
    "trail",
    "trail_share",
    "time_in_force",
    "until",
    "take_profit",
    "take_profit_share",
    "stop_loss",
    "stop_loss_share",
    "trailing_loss",
    "trailing_loss_share",
    "at_close",
    "reduce",
    "row",
    "group",
    "instead_of",
    "asset",
)

ORDER = np.dtype(
    [
        ("tick", "<i8"),
        ("order", "<i8"),
        ("asset", "<i4"),
        ("kind", "<i4"),
        ("quantity", "<f8"),
        ("wanted", "<f8"),
        ("flags", "<i4"),
        ("reason", "<i4"),
        ("type", "<i4"),
        ("in_force", "<i4"),
        ("limit", "<f8"),
        ("stop", "<f8"),
        ("trail", "<f8"),
        ("until", "<i8"),
        ("parent", "<i8"),
        ("group", "<i8"),
    ]
)
"""``quantity`` is signed (buy > 0) and is what may fill; ``wanted`` was asked for before cash or risk cut it.

``stop`` of a trailing stop is the price that it starts from. With the flag RELATIVE, ``limit``, ``stop`` and a TRAIL's
``trail`` are shares of the price at which ``parent`` filled. ``until`` is a session, or an instant in microseconds.
``group`` is 0 for an order by itself, the id + 1 of the group's first order, and for exits -1 less their parent's
id."""

FILL = np.dtype(
    [
        ("tick", "<i8"),
        ("order", "<i8"),
        ("asset", "<i4"),
        ("rule", "<i2"),
        ("cap", "<i2"),
        ("quantity", "<f8"),
        ("price", "<f8"),
        ("reference", "<f8"),
        ("fee", "<f8"),
        ("unit", "<f8"),
        ("left", "<f8"),
    ]
)
"""What the market did to an order: a fill, or without a quantity what else became of it; with a ``rule`` from ENDS on
it has ended.

``reference`` is the market's price, ``price`` the one paid (slippage included), ``fee`` the commission in the account's
currency; ``unit`` is what one unit of price is worth in it; ``left`` may still fill. ``cap`` says what lessened a fill.
In an end, ``price`` is the order's own and ``reference`` the nearest that the market came to it."""

BOOKING = np.dtype(
    [
        ("tick", "<i8"),
        ("asset", "<i4"),
        ("kind", "<i4"),
        ("amount", "<f8"),
        ("quantity", "<f8"),
        ("basis", "<f8"),
    ]
)
"""What changed the book and was no fill. ``amount`` goes to cash, in the account's currency. ``quantity`` and ``basis``
are what it came from: days and money for INTEREST, FINANCING and BORROW (``asset`` is -1 for the first two); the
position and cash per unit for DIVIDEND and DELISTING; for SPLIT, the position after it, and its ratio."""

INTEREST, FINANCING, BORROW, DIVIDEND, SPLIT, DELISTING = range(6)
BOOKING_KINDS = ("interest", "financing", "borrow", "dividend", "split", "delisting")

Records = NDArray[np.void]

PLACE, RESIZE, TAKE_BACK, REFUSE = 0, 1, 2, 3
ORDER_KINDS = ("place", "resize", "cancel", "refuse")

REDUCES, ON_CLOSE, SIZE_AT_OPEN, RELATIVE, REDUCE_ONLY, WHOLE, LISTED, FORCED = 1, 2, 4, 8, 16, 32, 64, 128
"""Order flags: it only lessens a position; it fills at this row's close; its size is decided at the open; its prices
are shares of its parent's; whatever it would fill beyond the position held is left out; it is for the whole position;
orders of every kind may work beside it; the account asked for it and not the strategy."""

MARKET, LIMIT, STOP, STOP_LIMIT, TRAIL, TRAIL_PERCENT, MARKET_ON_CLOSE = range(7)
ORDER_TYPES = ("market", "limit", "stop", "stop_limit", "trail", "trail_percent", "market_on_close")

GOOD_TILL_CANCELLED, DAY, GOOD_TILL_DATE, GOOD_TILL_TIME, IMMEDIATE_OR_CANCEL, FILL_OR_KILL, AT_THE_OPEN = range(7)
TIMES_IN_FORCE = ("gtc", "day", "gtd", "gtt", "ioc", "fok", "open")

(
    AT_OPEN,
    ON_THE_CLOSE,
    LIMIT_AT_OPEN,
    LIMIT_TOUCHED,
    STOP_AT_OPEN,
    STOP_TOUCHED,
    TRAIL_AT_OPEN,
    TRAIL_TOUCHED,
    LESSENED,
) = range(9)
ENDS = 32
(
    DAY_OVER,
    DATE_OVER,
    NOT_AT_ONCE,
    NOT_WHOLE_AT_ONCE,
    NOT_AT_THE_OPEN,
    NOT_AT_THE_CLOSE,
    OTHER_FILLED,
    POSITION_CLOSED,
    PARENT_ENDED,
    EXIT_REPLACED,
    RUN_OVER,
    SPLIT_AWAY,
    ASSET_DELISTED,
) = range(ENDS, ENDS + 13)
FILL_RULES = (
    "market order at the open",
    "market order at the close",
    "limit order: the open was at its limit or better",
    "limit order: the price came to its limit",
    "stop order: the open was at its stop or beyond",
    "stop order: the price came to its stop",
    "trailing stop: the open was at its stop or beyond",
    "trailing stop: the price came to its stop",
    "lessened by what the other order of its group filled",
    *(f"({code})" for code in range(9, ENDS)),
    "expired with its session",
    "expired at its date",
    "was not filled at once",
    "could not be filled whole at once",
    "was not filled at the open",
    "was not filled at the close",
    "the other order of its group filled",
    "its position was closed",
    "the order that it belongs to ended",
    "exits of a newer order took its place",
    "still working when the run ended",
    "less than one lot was left of it after a split",
    "its asset was delisted",
)
EXPIRED = (
    DAY_OVER,
    DATE_OVER,
    NOT_AT_ONCE,
    NOT_WHOLE_AT_ONCE,
    NOT_AT_THE_OPEN,
    NOT_AT_THE_CLOSE,
    RUN_OVER,
)
"""Ends of orders whose time was over."""
NO_CAP, VOLUME_CAP, POSITION_CAP = range(3)
CAPS = ("", "share of the bar's volume", "position held")

(
    NO_REASON,
    BUYING_POWER,
    REPLACED,
    BELOW_ONE_LOT,
    NOT_LISTED,
    SHORTS_NOT_ALLOWED,
    NO_VOLATILITY,
    ASKED,
    NOT_WORKING,
    IMPOSSIBLE,
    NOT_TRADED,
    NO_RATE,
    DELISTED,
    GROSS_LIMIT,
    NET_LIMIT,
    WEIGHT_LIMIT,
    POSITIONS_LIMIT,
    TURNOVER_LIMIT,
    MARGIN_CALL,
    DRAWDOWN_STOP,
) = range(20)
REASONS = (
    "",
    "not enough buying power",
    "replaced by a newer signal",
    "less than one lot",
    "no bar of this asset yet",
    "short positions are not allowed",
    "too few bars to know its volatility",
    "the strategy took it back",
    "the order to be replaced works no more",
    "its prices or terms are impossible",
    "the asset is not for trading",
    "no rate of its currency yet",
    "the asset was delisted",
    "gross exposure limit",
    "net exposure limit",
    "limit of one asset's weight",
    "limit of the number of positions",
    "turnover limit",
    "margin call",
    "drawdown stop",
)

NO_ORDER = -1
_ASSET_BITS, _ORDINAL_BITS = 20, 11
MAX_ASSETS = 1 << _ASSET_BITS
MAX_ORDINAL = (1 << _ORDINAL_BITS) - 1
EXITS = 3
ORDINALS_OF_ONE = 1 + EXITS
"""Ordinals that an order takes with its exits: its own, take profit, stop loss, trailing loss."""
ROW_SCALE, ASSET_SCALE = 1 << (_ASSET_BITS + _ORDINAL_BITS), 1 << _ORDINAL_BITS


def order_id(row: int, asset: int, ordinal: int) -> int:
    """The id of an order: the row it was decided in, its asset, its ordinal among that asset's orders of the row."""
    return (row << (_ASSET_BITS + _ORDINAL_BITS)) | (asset << _ORDINAL_BITS) | ordinal


def order_parts(order: int) -> tuple[int, int, int]:
    """The row, asset and ordinal that an order id is made of."""
    return (
        order >> (_ASSET_BITS + _ORDINAL_BITS),
        (order >> _ORDINAL_BITS) & (MAX_ASSETS - 1),
        order & ((1 << _ORDINAL_BITS) - 1),
    )


def empty(dtype: np.dtype[np.void], size: int = 0) -> Records:
    """An array of ``size`` zeroed records."""
    return np.zeros(size, dtype=dtype)


def frozen(records: Records) -> Records:
    """A read-only copy, made by way of bytes: numpy copies an array of records field by field."""
    return np.frombuffer(records.tobytes(), dtype=records.dtype)


def joined(parts: Sequence[Records]) -> Records:
    """The records of at least one part, one after the other; read-only where there are several.

    By way of bytes: numpy takes 8 µs to compare the fields of two arrays of records before it joins them.
    """
    if len(parts) == 1:
        return parts[0]
    return np.frombuffer(b"".join([part.tobytes() for part in parts]), dtype=parts[0].dtype)
