"""Which column of a price file is which, by the names that vendors give them.

Case, spaces, dots, underscores, dashes and angle brackets do not count. A name that can mean something else as well
(``Name``, ``Price``, ``Last``) is used only where no plainer one is there.
"""

from __future__ import annotations

from collections.abc import Sequence

from backbus.errors import DataError, JobError
from backbus.market.columns import PRICES

STAMP, TIME, SYMBOL, ADJ_CLOSE = "stamp", "time", "symbol", "adj_close"
SPLIT, DIVIDEND = "split", "dividend"
QUOTE = ("bid", "ask")
NUMBERS = (*PRICES, "volume", ADJ_CLOSE, SPLIT, DIVIDEND, *QUOTE, "bid_size", "ask_size")

_PLAIN = {
    STAMP: "date datetime timestamp time stamp dateandtime tradedate tradingdate opentime bartime day ts",
    SYMBOL: "symbol ticker asset instrument sym",
    "open": "open o openprice openingprice",
    "high": "high h highprice",
    "low": "low l lowprice",
    "close": "close c closeprice closingprice close/last",
    "volume": "volume vol v volumetraded tradedvolume",
    ADJ_CLOSE: "adjclose adjustedclose adjcloseprice adjustedcloseprice closeadj closeadjusted adjclosing",
    SPLIT: "split splits stocksplit stocksplits splitratio splitfactor splitcoefficient",
    DIVIDEND: "dividend dividends dividendamount divcash cashdividend",
    "bid": "bid bidprice bestbid bestbidprice",
    "ask": "ask askprice bestask bestaskprice offer offerprice",
    "bid_size": "bidsize bidqty bidquantity bidvolume bestbidsize bestbidqty",
    "ask_size": "asksize askqty askquantity askvolume bestasksize bestaskqty offersize",
}
_WEAK = {SYMBOL: "name code security", "close": "last price tradeprice", "volume": "quantity qty size tradesize"}

_ROLES = {spelling: role for role, spellings in _PLAIN.items() for spelling in spellings.split()}
_WEAK_ROLES = {spelling: role for role, spellings in _WEAK.items() for spelling in spellings.split()}
_PANDAS_INDEX = "__index_level_0__"
"""What pandas calls an index without a name in a Parquet file."""
_IGNORED = str.maketrans("", "", " _-.<>*\t\"'")


def plain(header: str) -> str:
    """A header without what does not count in it."""
    return header.strip().lower().translate(_IGNORED)


def extra_role(name: str) -> str:
    """What a further column is called among a table's numbers: no field's name."""
    return f"+{name}"


def find_extra(headers: Sequence[str], wanted: Sequence[str], file: str) -> dict[str, int]:
    """Position of each further column that a job asks for. Raises ``JobError`` listing what was found."""
    found = {plain(header): position for position, header in reversed(list(enumerate(headers)))}
    missing = [name for name in wanted if plain(name) not in found]
    if missing:
        listing = ", ".join(header.strip() for header in headers) or "nothing"
        raise JobError(f"{file} has no column {missing[0]!r} (found: {listing})", field="data.columns")
    return {name: found[plain(name)] for name in wanted}


def names_columns(headers: Sequence[str]) -> bool:
    """Whether these are names of columns, a date's among them."""
    roles = {_ROLES.get(plain(header)) or _WEAK_ROLES.get(plain(header)) for header in headers} - {None}
    return len(roles) > 2


def find_columns(headers: Sequence[str], file: str, line: int | None = 1) -> dict[str, int]:
    """Position of each role's column: ``stamp``, the four prices, and where present time, symbol, volume, adj_close.

    Of trades only the close is there of the prices, of quotes bid and ask. ``time`` is there only beside a date column
    of its own. Raises ``DataError`` listing what was found where a required column is missing or two columns could be
    the same one.
    """
    found: dict[str, list[int]] = {}
    for table in (_ROLES, _WEAK_ROLES):
        taken = set(found)
        for position, header in enumerate(headers):
            role = table.get(plain(header))
            if role is not None and role not in taken:
                found.setdefault(role, []).append(position)
    listing = ", ".join(repr(header.strip()) for header in headers) or "nothing"

    stamps = found.get(STAMP, [])
    if sorted(plain(headers[position]) for position in stamps) == ["date", "time"]:
        date, time = sorted(stamps, key=lambda position: plain(headers[position]))
        found[STAMP], found[TIME] = [date], [time]
    elif not stamps and headers and plain(headers[0]) in ("", "unnamed:0", "index"):
        found[STAMP] = [0]
    elif not stamps and _PANDAS_INDEX in headers:
        found[STAMP] = [headers.index(_PANDAS_INDEX)]

    for role, positions in found.items():
        if len(positions) > 1:
            twice = " and ".join(repr(headers[position].strip()) for position in positions)
            wanted = "date" if role == STAMP else role
            raise DataError(f"{twice} are both a {wanted} column; keep one (found: {listing})", file=file, line=line)
    needed: tuple[str, ...] = (STAMP, *PRICES)
    if not any(role in found for role in ("open", "high", "low")):
        if "close" in found:
            needed = (STAMP, "close")
        elif all(role in found for role in QUOTE):
            needed = (STAMP, *QUOTE)
    missing = ["date" if role == STAMP else role for role in needed if role not in found]
    if missing:
        raise DataError(
            f"no column for {', '.join(missing)} (found: {listing}); the first line must name the columns,"
            " such as Date,Open,High,Low,Close,Volume, or data.header does",
            file=file,
            line=line,
        )
    return {role: positions[0] for role, positions in found.items()}
