"""Which column of a price file is which, by the names that vendors give them, or by those that a job gives.

Case, spaces, dots, underscores, dashes, brackets and accents do not count. A name that can mean something else as well
(``Name``, ``Price``, ``Last``) is used only where no plainer one is there.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence

from backbus.errors import DataError, JobError
from backbus.market.columns import PRICES, QUOTES, SIDES

STAMP, TIME, SYMBOL, ADJ_CLOSE = "stamp", "time", "symbol", "adj_close"
SPLIT, DIVIDEND = "split", "dividend"
QUOTE = ("bid", "ask")
NUMBERS = (*PRICES, "volume", ADJ_CLOSE, SPLIT, DIVIDEND, *QUOTE, "bid_size", "ask_size", *QUOTES)

_PLAIN = {
    STAMP: (
        "date datetime timestamp time stamp dateandtime tradedate tradingdate opentime bartime day ts gmttime localtime"
        " windowstart tsevent traddt date1 datum timeutc dateutc datetimeutc dates dtyyyymmdd observationdate snappedat"
    ),
    SYMBOL: "symbol ticker asset instrument sym tckrsymb",
    "open": "open o openprice openingprice opnpric eroffnung eroeffnung eroffn erster pxopen 1open",
    "high": "high h highprice hghpric hoch tageshoch pxhigh 2high",
    "low": "low l lowprice lwpric tief tagestief pxlow 3low",
    "close": "close c closeprice closingprice close/last clspric schluss schlusskurs pxlast 4close",
    "volume": (
        "volume vol v volumetraded tradedvolume tottrdqty ttltradgvol ttltrdqnty totaltradedquantity volumefrom"
        " stuck stucke stuecke umsatzstuck pxvolume 5volume 6volume"
    ),
    ADJ_CLOSE: (
        "adjclose adjustedclose adjcloseprice adjustedcloseprice closeadj closeadjusted adjclosing 5adjustedclose"
    ),
    SPLIT: "split splits stocksplit stocksplits splitratio splitfactor splitcoefficient 8splitcoefficient",
    DIVIDEND: (
        "dividend dividends dividendamount divcash cashdividend exdividend exdividends exdiv dividendpershare"
        " 7dividendamount"
    ),
    "bid": "bid bidprice bestbid bestbidprice",
    "ask": "ask askprice bestask bestaskprice offer offerprice",
    "bid_size": "bidsize bidqty bidquantity bidvolume bestbidsize bestbidqty",
    "ask_size": "asksize askqty askquantity askvolume bestasksize bestaskqty offersize",
} | {f"{side}_{price}": f"{side}{price} {price}{side}" for side in SIDES for price in PRICES}
_WEAK = {
    STAMP: "unix unixtime unixtimestamp epoch t begin start tsrecv bizdt transacttime",
    SYMBOL: "name code security secid",
    "close": "last price tradeprice letzter zuletzt",
    "volume": "quantity qty size tradesize volumen umsatz",
}

_ROLES = {spelling: role for role, spellings in _PLAIN.items() for spelling in spellings.split()}
_WEAK_ROLES = {spelling: role for role, spellings in _WEAK.items() for spelling in spellings.split()}
_PANDAS_INDEX = "__index_level_0__"
"""What pandas calls an index without a name in a Parquet file."""
_OF_INDIA = {"tottrdqty", "ttltradgvol", "ttltrdqnty"}
_OTHER_FIELDS = ("capitalgains", "vwap", "repaired?")
_IGNORED = str.maketrans("", "", " _-.<>*()[]\t\"'\ufeff")
_QUOTED_IN = frozenset(
    [
        "usd",
        "usdt",
        "usdc",
        "busd",
        "fdusd",
        "tusd",
        "dai",
        "eur",
        "gbp",
        "jpy",
        "krw",
        "try",
        "chf",
        "aud",
        "cad",
        "brl",
        "inr",
    ]
)
"""Currencies in which prices of other things are quoted."""
_CALLED = {STAMP: "date"}
"""What users call a role, where that is another name."""
ROLES_BY_NAME = {_CALLED.get(role, role): role for role in (STAMP, TIME, SYMBOL, *NUMBERS)}


def plain(header: str) -> str:
    """A header without what does not count in it."""
    text = unicodedata.normalize("NFKD", header.strip().lower())
    return "".join(letter for letter in text if not unicodedata.combining(letter)).translate(_IGNORED)


def find_series(headers: Sequence[str]) -> int | None:
    """The column of a share's series, as India's exchanges list one symbol in several."""
    there = {plain(header): position for position, header in enumerate(headers)}
    if not there.keys() & _OF_INDIA:
        return None
    return there.get("series", there.get("sctysrs"))


def is_field(header: str) -> bool:
    """Whether a header is plainly a number of bars."""
    return (
        _ROLES.get(plain(header)) in (*PRICES, "volume", ADJ_CLOSE, SPLIT, DIVIDEND) or plain(header) in _OTHER_FIELDS
    )


def is_date_name(header: str) -> bool:
    """Whether a header is plainly a date's."""
    return _ROLES.get(plain(header)) == STAMP


def is_symbol_name(header: str) -> bool:
    """Whether a header is plainly an asset's."""
    return SYMBOL in (_ROLES.get(plain(header)), _WEAK_ROLES.get(plain(header)))


def extra_role(name: str) -> str:
    """What a further column is called among a table's numbers: no field's name."""
    return f"+{name}"


def find_extra(
    headers: Sequence[str], wanted: Sequence[str], file: str, names: Mapping[str, str] | None = None
) -> dict[str, int]:
    """Position of each further column that a job asks for, by its own name or the one that ``names`` gives. Raises
    ``JobError`` listing what was found."""
    found = {plain(header): position for position, header in reversed(list(enumerate(headers)))}
    theirs = {name: (names or {}).get(name, name) for name in wanted}
    missing = [name for name in wanted if plain(theirs[name]) not in found]
    if missing:
        listing = ", ".join(header.strip() for header in headers) or "nothing"
        name, field = missing[0], "data.columns"
        if theirs[name] != name:
            field = f"data.names.{name}"
        raise JobError(f"{file} has no column {theirs[name]!r} (found: {listing})", field=field)
    for name in wanted:
        if sum(header.strip() == theirs[name].strip() for header in headers) > 1:
            raise JobError(f"{file} has more than one column {theirs[name]!r}", field="data.columns")
    return {name: found[plain(theirs[name])] for name in wanted}


def names_columns(headers: Sequence[str], names: Mapping[str, str] | None = None) -> bool:
    """Whether these are names of columns, a date's among them."""
    there = [plain(header) for header in headers]
    roles = {_ROLES.get(each) or _WEAK_ROLES.get(each) for each in there} - {None}
    given = [theirs for theirs in (names or {}).values() if theirs]
    return len(roles) > 2 or (bool(given) and all(plain(theirs) in there for theirs in given))


def find_columns(
    headers: Sequence[str],
    file: str,
    line: int | None = 1,
    names: Mapping[str, str] | None = None,
    *,
    without_extremes: bool = False,
) -> dict[str, int]:
    """Position of each role's column: ``stamp``, the four prices, and where present time, symbol, volume, adj_close.

    Of trades only the close is there of the prices, of quotes bid and ask. ``time`` is there only beside a date column
    of its own. ``names`` are what a job calls columns, ours = theirs; a name that is empty takes no column.
    ``without_extremes`` says that a source may have neither high nor low. Raises ``DataError`` listing what was found
    where a required column is missing or two columns could be the same one.
    """
    found: dict[str, list[int]] = {}
    named = _named(headers, file, names or {})
    given = {position for position in named.values() if position is not None}
    for table in (_ROLES, _WEAK_ROLES):
        taken = {*found, *named}
        for position, header in enumerate(headers):
            role = table.get(plain(header))
            if role is not None and role not in taken and position not in given:
                found.setdefault(role, []).append(position)
    if "volume" not in (*found, *named) and (of_unit := _unit_volume(headers)) is not None:
        found["volume"] = [of_unit]
    found |= {role: [at] for role, at in named.items() if at is not None}
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
            wanted = _CALLED.get(role, role)
            raise DataError(
                f"{twice} are both a {wanted} column; keep one, or name it: data.names.{wanted} ="
                f' "{headers[positions[0]].strip()}" (found: {listing})',
                file=file,
                line=line,
            )
    needed: tuple[str, ...] = (STAMP, *PRICES)
    if not any(role in found for role in ("open", "high", "low")):
        if "close" in found:
            needed = (STAMP, "close")
        elif all(role in found for role in QUOTES):
            needed = (STAMP, *QUOTES)
        elif all(role in found for role in QUOTE):
            needed = (STAMP, *QUOTE)
    if without_extremes and "high" not in found and "low" not in found and "open" in needed:
        needed = (STAMP, "open", "close")
    missing = [_CALLED.get(role, role) for role in needed if role not in found]
    if missing:
        extremes = ', or say by data.high_low = "open_close" what stands for them' if missing == ["high", "low"] else ""
        headless = "" if line is None else ", or where the first line is a bar already, name all columns by data.header"
        raise DataError(
            f"no column for {', '.join(missing)} (found: {listing}); name it by data.names, as {missing[0]} ="
            f' "its name"{extremes}{headless}',
            file=file,
            line=line,
        )
    return {role: positions[0] for role, positions in found.items()}


def left_of(headers: Sequence[str], taken: Mapping[str, int]) -> tuple[str, ...]:
    """The columns that are taken for nothing, by their names."""
    positions = set(taken.values())
    return tuple(name for at, header in enumerate(headers) if at not in positions and (name := header.strip()))


def _named(headers: Sequence[str], file: str, names: Mapping[str, str]) -> dict[str, int | None]:
    """Positions of the columns that a job names; None where it says that there is none."""
    found: dict[str, int | None] = {}
    for ours, theirs in names.items():
        role = ROLES_BY_NAME.get(ours)
        if role is None:
            continue  # a further column
        if not theirs:
            found[role] = None
            continue
        exact = [position for position, header in enumerate(headers) if header.strip() == theirs.strip()]
        alike = [position for position, header in enumerate(headers) if plain(header) == plain(theirs)]
        if not alike:
            listing = ", ".join(header.strip() for header in headers) or "nothing"
            raise JobError(f"{file} has no column {theirs!r} (found: {listing})", field=f"data.names.{ours}")
        if len(exact or alike) > 1:
            raise JobError(f"{file} has more than one column {theirs!r}", field=f"data.names.{ours}")
        found[role] = (exact or alike)[0]
    return found


def _unit_volume(headers: Sequence[str]) -> int | None:
    """The column of ``Volume BTC`` and ``Volume USD`` that counts what is traded, and not what it costs."""
    units = {
        position: words[1].lower()
        for position, header in enumerate(headers)
        if len(words := header.replace("_", " ").strip().split()) == 2 and words[0].lower() in ("volume", "vol")
    }
    things = [position for position, unit in units.items() if unit not in _QUOTED_IN]
    return things[0] if len(units) == 2 and len(things) == 1 else None
