"""The numbers that records say things with, each read by its family's name: ``Reason.BUYING_POWER``.

A family is a tuple with names, because compiled code reads its members as constants. Beside a family stand the words
that tables, reports and error messages use for its members, in their order.
"""

from __future__ import annotations

from typing import NamedTuple


class _SignalKind(NamedTuple):
    """What a SIGNAL record is: a signal, an order that is asked for outright, or a term of its asset's next one."""

    DIRECTION: int = 0
    """The sign of ``value`` is the side (0: flat), its size the strength."""
    WEIGHT: int = 1
    """``value`` is the fraction of equity to hold, negative for short."""
    QUANTITY: int = 2
    """An order for ``value`` units, negative to sell."""
    CANCEL: int = 3
    """Takes back the order of this asset that was asked for in row ``Term.ROW`` with the ordinal ``value``. Every kind
    above it is a term."""


class _Term(NamedTuple):
    """Terms of a signal or an order; they come before it."""

    LIMIT: int = 8
    STOP: int = 9
    TRAIL: int = 10
    TRAIL_FRACTION: int = 11
    """What a trailing stop keeps away, in price units or as a fraction."""
    IN_FORCE: int = 12
    UNTIL: int = 13
    TAKE_PROFIT: int = 14
    TAKE_PROFIT_FRACTION: int = 15
    STOP_LOSS: int = 16
    STOP_LOSS_FRACTION: int = 17
    TRAILING_LOSS: int = 18
    TRAILING_LOSS_FRACTION: int = 19
    """Exits, as prices or as fractions of the entry's price."""
    AT_CLOSE: int = 20
    """It fills at the next close."""
    REDUCE: int = 21
    """It only lessens a position."""
    ROW: int = 22
    """The row of the order that GROUP, INSTEAD_OF or CANCEL name by its ordinal."""
    GROUP: int = 23
    """One cancels the other."""
    INSTEAD_OF: int = 24
    """It replaces another one."""
    ASSET: int = 25
    """The named order's asset, where it is another one."""
    TRAIL_FROM: int = 26
    TRAIL_FROM_FRACTION: int = 27
    """The price from which a trailing stop trails, or, of an exit, how far beyond its entry's price that lies."""
    TRAIL_THEN: int = 28
    """What a trailing stop keeps away from there on, as its TRAIL or TRAIL_FRACTION does before."""
    TRAILING_FROM: int = 29
    TRAILING_FROM_FRACTION: int = 30
    TRAILING_THEN: int = 31
    """The same of a trailing loss."""


class _Action(NamedTuple):
    """What an ORDER record does to an order."""

    PLACE: int = 0
    RESIZE: int = 1
    CANCEL: int = 2
    REFUSE: int = 3


class _Flag(NamedTuple):
    """Bits of an order."""

    REDUCES: int = 1
    """It only lessens a position."""
    ON_CLOSE: int = 2
    """It fills at this row's close."""
    SIZE_AT_OPEN: int = 4
    """Its size is decided at the open."""
    RELATIVE: int = 8
    """Its prices are fractions of its parent's."""
    REDUCE_ONLY: int = 16
    """Whatever it would fill beyond the position held is left out."""
    WHOLE: int = 32
    """It is for the whole position."""
    LISTED: int = 64
    """Orders of every kind may work beside it."""
    FORCED: int = 128
    """The account asked for it and not the strategy."""
    TURNED: int = 256
    """It was to lessen a position, and would open one by now: not looked at as such yet."""


class _OrderType(NamedTuple):
    """What an order waits for."""

    MARKET: int = 0
    LIMIT: int = 1
    STOP: int = 2
    STOP_LIMIT: int = 3
    TRAIL: int = 4
    TRAIL_PERCENT: int = 5
    MARKET_ON_CLOSE: int = 6
    LIMIT_ON_CLOSE: int = 7


class _InForce(NamedTuple):
    """How long an order works."""

    GOOD_TILL_CANCELLED: int = 0
    DAY: int = 1
    GOOD_TILL_DATE: int = 2
    GOOD_TILL_TIME: int = 3
    IMMEDIATE_OR_CANCEL: int = 4
    FILL_OR_KILL: int = 5
    AT_THE_OPEN: int = 6


class _FillRule(NamedTuple):
    """By which rule the market did what a FILL record says, where the order goes on or has filled."""

    AT_OPEN: int = 0
    AT_CLOSE: int = 1
    LIMIT_AT_OPEN: int = 2
    LIMIT_TOUCHED: int = 3
    STOP_AT_OPEN: int = 4
    STOP_TOUCHED: int = 5
    TRAIL_AT_OPEN: int = 6
    TRAIL_TOUCHED: int = 7
    LESSENED: int = 8
    STOP_BEFORE: int = 9
    HELD_BACK: int = 10
    TRAIL_BEGAN: int = 11


class _End(NamedTuple):
    """By which rule an order ended that did not fill whole; every rule of a FILL record from the first on is one."""

    DAY_OVER: int = 32
    DATE_OVER: int = 33
    NOT_AT_ONCE: int = 34
    NOT_WHOLE_AT_ONCE: int = 35
    NOT_AT_THE_OPEN: int = 36
    NOT_AT_THE_CLOSE: int = 37
    OTHER_FILLED: int = 38
    POSITION_CLOSED: int = 39
    PARENT_ENDED: int = 40
    EXIT_REPLACED: int = 41
    RUN_OVER: int = 42
    SPLIT_AWAY: int = 43
    DELISTED: int = 44
    EXIT_REACHED: int = 45


class _Cap(NamedTuple):
    """What lessened a fill."""

    NONE: int = 0
    VOLUME: int = 1
    POSITION: int = 2


class _Reason(NamedTuple):
    """Why an order is less than was wanted, was taken back, or was refused."""

    NONE: int = 0
    BUYING_POWER: int = 1
    REPLACED: int = 2
    BELOW_ONE_LOT: int = 3
    NOT_LISTED: int = 4
    SHORTS_NOT_ALLOWED: int = 5
    NO_VOLATILITY: int = 6
    ASKED: int = 7
    NOT_WORKING: int = 8
    IMPOSSIBLE: int = 9
    NOT_TRADED: int = 10
    NO_RATE: int = 11
    DELISTED: int = 12
    GROSS_LIMIT: int = 13
    NET_LIMIT: int = 14
    WEIGHT_LIMIT: int = 15
    POSITIONS_LIMIT: int = 16
    TURNOVER_LIMIT: int = 17
    MARGIN_CALL: int = 18
    DRAWDOWN_STOP: int = 19
    RUN_ENDS: int = 20
    NOT_A_MEMBER: int = 21
    LEFT_UNIVERSE: int = 22


class _BookingKind(NamedTuple):
    """What changed the book and was no fill."""

    INTEREST: int = 0
    FINANCING: int = 1
    BORROW: int = 2
    DIVIDEND: int = 3
    SPLIT: int = 4
    DELISTING: int = 5


SignalKind, Term, Action, Flag = _SignalKind(), _Term(), _Action(), _Flag()
OrderType, InForce = _OrderType(), _InForce()
FillRule, End, Cap = _FillRule(), _End(), _Cap()
Reason, BookingKind = _Reason(), _BookingKind()

SIGNAL_KINDS = (
    "direction",
    "weight",
    "order",
    "cancel",
    *(f"({code})" for code in range(4, 8)),
    "limit",
    "stop",
    "trail",
    "trail_fraction",
    "time_in_force",
    "until",
    "take_profit",
    "take_profit_fraction",
    "stop_loss",
    "stop_loss_fraction",
    "trailing_loss",
    "trailing_loss_fraction",
    "at_close",
    "reduce",
    "row",
    "group",
    "instead_of",
    "asset",
    "trail_from",
    "trail_from_fraction",
    "trail_then",
    "trailing_from",
    "trailing_from_fraction",
    "trailing_then",
)
ORDER_KINDS = ("place", "resize", "cancel", "refuse")
ORDER_TYPES = tuple(name.lower() for name in OrderType._fields)
TIMES_IN_FORCE = ("gtc", "day", "gtd", "gtt", "ioc", "fok", "open")
ENDS = End[0]
"""The first rule that ends an order."""
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
    "stop order: its stop was met before",
    "its stop was met, and its bar's volume let nothing fill",
    "its profit was reached: it trails from here on",
    *(f"({code})" for code in range(len(FillRule), ENDS)),
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
    "an exit of it was reached before it had filled whole",
)
EXPIRED = (
    End.DAY_OVER,
    End.DATE_OVER,
    End.NOT_AT_ONCE,
    End.NOT_WHOLE_AT_ONCE,
    End.NOT_AT_THE_OPEN,
    End.NOT_AT_THE_CLOSE,
    End.RUN_OVER,
)
"""Ends of orders whose time was over."""
CAPS = ("", "share of the bar's volume", "position held")
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
    "closing at the end",
    "the asset is not in the universe",
    "the asset left the universe",
)
FORCED_FOR = (Reason.MARGIN_CALL, Reason.DRAWDOWN_STOP, Reason.RUN_ENDS, Reason.LEFT_UNIVERSE)
"""Reasons of orders that the account itself asks for."""
BOOKING_KINDS = ("interest", "financing", "borrow", "dividend", "split", "delisting")
