"""Tables of LEAN's bars as those of shares: by what each was called on the day, with its splits and dividends.

A ticker's file holds the bars of whatever was called so. Bars of the days on which the share had another name lie in
that name's file; those of another company that had the name are not its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from backbus.data.readers.headers import ADJ_CLOSE, DIVIDEND, SPLIT, extra_role
from backbus.data.readers.lean import (
    EVER,
    Action,
    Factors,
    KnownShares,
    Name,
    Place,
    actions_of,
    adjusting,
    date_of,
    factors_of,
    place_of,
)
from backbus.data.readers.table import Table, chosen
from backbus.errors import DataError, JobError
from backbus.market.columns import DELISTING
from backbus.market.panel import Floats, Ints
from backbus.market.timeframes import DAY_NS

if TYPE_CHECKING:
    from backbus.job.data import DataSettings

_LISTED = 20
_NEAR = 7
"""Bars that end so many days before a delisting end with it; so do those that end before a new name."""


class _Of(NamedTuple):
    """A table, and the market that it is of."""

    table: Table
    market: KnownShares
    place: Place


def by_shares(
    tables: Sequence[Table], markets: Mapping[str, KnownShares], settings: DataSettings
) -> tuple[list[Table], list[str]]:
    """The tables, those of LEAN's shares by the names of their days and with their actions; and what is to be said."""
    others, mine = list[Table](), list[_Of]()
    for table in tables:
        place = place_of(table.name)
        if place is not None and place.home in markets:
            mine.append(_Of(table, markets[place.home], place))
        else:
            others.append(table)
    if not mine:
        return others, []
    notes: list[str] = []
    called = [part for each in mine if (part := _called(each, mine, settings, notes)) is not None]
    if not called and not others:
        raise DataError("; ".join(notes))
    _refuse_old_names(called, settings)
    found = _with_actions(called, settings, notes)
    return [*others, *found], [*notes, *_elsewhere(called, settings)]


def _refuse_old_names(called: Sequence[_Of], settings: DataSettings) -> None:
    """Raise ``JobError`` for a name that no bars are of any more, where the share that had it has some."""
    shares = {share for each in called for share in each.table.symbols}
    for symbol in settings.symbols or ():
        for each in called:
            share = each.market.share(symbol)
            if symbol not in shares and share in shares:
                until = date_of(each.market.spans(symbol)[-1][0].last)
                raise JobError(
                    f"{symbol!r} is what {share} was called until {until}; ask for {share!r}, which has its bars too",
                    field="data.symbols",
                )


def _days(table: Table) -> Ints:
    values = table.stamps.values
    return values if table.stamps.kind == "date" else values // DAY_NS


def _called(one: _Of, mine: Sequence[_Of], settings: DataSettings, notes: list[str]) -> _Of | None:
    """The rows of the shares that the job is about, each under its own name."""
    table, market, (_, ticker, _) = one
    days = _days(table)
    shares = [ticker]
    codes = np.full(len(days), -1 if ticker in market.names else 0, dtype=np.int32)
    for name, share in market.spans(ticker):
        here = (days >= name.first) & (days <= name.last)
        if here.any():
            shares += [share] if share not in shares else []
            codes[here] = shares.index(share)
    strange = codes < 0
    if strange.any():
        last = date_of(int(days[strange].max()))
        notes.append(
            f"{table.name}: {int(strange.sum())} bars up to {last} are of days on which no share that is known was"
            f" called {ticker}, and were left out"
        )
    if settings.symbols is None:
        meant = {each.market.share(each.place.ticker) for each in mine if each.market is market}
        for share in shares:
            other = codes == shares.index(share)
            if share not in meant and other.any():
                last = date_of(int(days[other].max()))
                notes.append(
                    f"{table.name}: {int(other.sum())} bars up to {last} are of {share}, which was called {ticker}"
                    f" then, and were left out; data.symbols may name {share!r}"
                )
                codes[other] = -1
    kept = np.flatnonzero(codes >= 0)
    if not len(kept):
        return None
    there = np.unique(codes[kept])
    symbols = tuple(shares[code] for code in there.tolist())
    renamed = replace(
        chosen(table, kept) if len(kept) < len(days) else table,
        symbols=symbols,
        codes=None if len(symbols) == 1 else np.searchsorted(there, codes[kept]).astype(np.int32),
    )
    return one._replace(table=renamed)


def _elsewhere(called: Sequence[_Of], settings: DataSettings) -> Iterator[str]:
    """What shares were called before and after their bars, where these begin and end with a name."""
    seen: dict[tuple[int, str], tuple[KnownShares, set[str]]] = {}
    for table, market, place in called:
        for share in table.symbols:
            if settings.symbols is None or share in settings.symbols:
                seen.setdefault((id(market), share), (market, set()))[1].add(place.ticker)
    for (_, share), (market, tickers) in seen.items():
        time = _bars_of(share, market, called).time
        first, last = int(time[0]) // DAY_NS, int(time[-1]) // DAY_NS
        missing = [
            name
            for name in market.names.get(share, [])
            if name.ticker not in tickers and name.first < name.last and _in_range(name, settings)
        ]
        before = [name for name in missing if name.last < first]
        after = [name for name in missing if name.first > last]
        named = [name for name in missing if name not in (*before, *after)]
        named += before if any(name.last >= first - _NEAR for name in before) else []
        named += after if any(name.first <= last + _NEAR for name in after) else []
        if named:
            listed = ", ".join(map(_when, sorted(named, key=lambda name: name.first)))
            yield (
                f"{share} was called {listed}: its bars of then are in files of that name, which data.files does not"
                " name"
            )


def _in_range(name: Name, settings: DataSettings) -> bool:
    """Whether the job uses days of a name."""
    first, last = (None if day is None else day.isoformat()[:10] for day in (settings.start, settings.end))
    begins, ends = date_of(name.first).isoformat(), date_of(name.last).isoformat()
    return (first is None or ends >= first) and (last is None or begins <= last)


def _when(name: Name) -> str:
    until = date_of(name.last)
    return f"{name.ticker} from {date_of(name.first)} on" if until.year >= EVER else f"{name.ticker} until {until}"


@dataclass
class _BarsOfShare:
    """The bars of one share in order of time."""

    table: Ints
    row: Ints
    time: Ints
    """Nanoseconds on the wall."""

    def after(self, day: int) -> int:
        """The first bar after a day."""
        return int(np.searchsorted(self.time, (day + 1) * DAY_NS))


def _bars_of(share: str, market: KnownShares, called: Sequence[_Of]) -> _BarsOfShare:
    """Of trades alone where there are some, since quotes of the same minute stand beside them."""
    mine = [
        (number, each) for number, each in enumerate(called) if each.market is market and share in each.table.symbols
    ]
    if not all(each.place.quotes for _, each in mine):
        mine = [(number, each) for number, each in mine if not each.place.quotes]
    parts: list[tuple[Ints, Ints, Ints]] = []
    for number, (table, _, _) in mine:
        rows = np.arange(len(table))
        if table.codes is not None:
            rows = rows[table.codes == table.symbols.index(share)]
        time = table.stamps.values[rows] * (DAY_NS if table.stamps.kind == "date" else 1)
        parts.append((np.full(len(rows), number), rows, time))
    table_of, row, time = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.argsort(time, kind="stable")
    return _BarsOfShare(table_of[order], row[order], time[order])


def _with_actions(called: Sequence[_Of], settings: DataSettings, notes: list[str]) -> list[Table]:
    """The tables with columns of splits and dividends, and of delistings where the job reads that."""
    gone = extra_role(DELISTING)
    roles = [role for role in (SPLIT, DIVIDEND) if settings.names.get(role) != ""]
    columns = [
        {role: np.zeros(len(each.table)) for role in roles}
        | ({ADJ_CLOSE: each.table.numbers["close"].copy()} if roles else {})
        | ({gone: np.full(len(each.table), np.nan)} if DELISTING in settings.columns else {})
        for each in called
    ]
    known: list[str] = []
    unknown: list[str] = []
    shares = {(id(each.market), share): each.market for each in called for share in each.table.symbols}
    chosen_ones = None if settings.symbols is None else set(settings.symbols)
    for (_, share), market in shares.items():
        if chosen_ones is not None and share not in chosen_ones:
            continue
        bars = _bars_of(share, market, called)
        if share in market.factors and roles:
            name, path = market.factors[share]
            factors, left = factors_of(name, path)
            actions = actions_of(name, factors, dividends=DIVIDEND in roles)
            _adjust(share, factors, called, columns)
            splits, paid = _act(actions, bars, columns)
            if splits or paid:
                known.append(f"{share} ({_count(splits, 'split')}, {_count(paid, 'dividend')})")
            if left:
                notes.append(f"{name}: {left} lines hold no factor, and were left out, as LEAN does")
        elif roles:
            unknown.append(share)
        _delist(share, market, bars, called, columns, settings, notes)
    notes += _said(known, unknown, settings)
    return [_table(each, more, gone) for each, more in zip(called, columns, strict=True)]


def _adjust(
    share: str, factors: Sequence[Factors], called: Sequence[_Of], columns: Sequence[dict[str, Floats]]
) -> None:
    """Let bars of a share have the close that LEAN's factors adjust it to."""
    for (table, _, _), mine in zip(called, columns, strict=True):
        if share in table.symbols:
            close, adjusted = table.numbers["close"], mine[ADJ_CLOSE]
            rows = slice(None) if table.codes is None else table.codes == table.symbols.index(share)
            adjusted[rows] = close[rows] * adjusting(factors, _days(table)[rows])


def _act(actions: Sequence[Action], bars: _BarsOfShare, columns: Sequence[Mapping[str, Floats]]) -> tuple[int, int]:
    """Put actions into the first bar after their day, those before the first bar of all left out; how many there
    are."""
    splits = paid = 0
    for action in actions:
        at = bars.after(action.day)
        if not 0 < at < len(bars.time):
            continue
        mine, row = columns[int(bars.table[at])], int(bars.row[at])
        if DIVIDEND in mine and action.dividend:
            paid += 1
        if SPLIT in mine and action.split != 1.0:
            splits += 1
            mine[SPLIT][row] = action.split * (mine[SPLIT][row] or 1.0)
        if DIVIDEND in mine:
            mine[DIVIDEND][row] = mine[DIVIDEND][row] / action.split + action.dividend
    return splits, paid


def _delist(
    share: str,
    market: KnownShares,
    bars: _BarsOfShare,
    called: Sequence[_Of],
    columns: Sequence[Mapping[str, Floats]],
    settings: DataSettings,
    notes: list[str],
) -> None:
    """Have a share that was delisted paid off with the close of its last bar."""
    day = market.delisted(share)
    if day is None or settings.adjust != "events":
        return
    last = bars.after(day) - 1
    when = f"{share} was delisted after {date_of(day)}"
    if last < 0 or int(bars.time[last]) < (day - _NEAR) * DAY_NS:
        return
    table, row = int(bars.table[last]), int(bars.row[last])
    close = float(called[table].table.numbers["close"][row])
    if DELISTING not in settings.columns:
        notes.append(
            f'{when}: name "{DELISTING}" in data.columns, and each share is paid off with its last close, {close:g}'
        )
        return
    columns[table][extra_role(DELISTING)][row] = close
    notes.append(f"{when}: each share is paid off with its last close, {close:g}, as LEAN does")


def _said(known: Sequence[str], unknown: Sequence[str], settings: DataSettings) -> Iterator[str]:
    def listed(names: Sequence[str]) -> str:
        more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
        return ", ".join(names[:_LISTED]) + more

    if known:
        how = (
            'are not used: prices are as they are; set data.adjust = "events", "splits", "total_return" or "adj_close"'
            " unless that is meant"
            if settings.adjust == "none"
            else "are known from its factor files, dividends to the cent"
        )
        yield f"LEAN's actions of {listed(known)} {how}"
    if unknown:
        yield f"LEAN's folder has no factor file of {listed(unknown)}: no splits and no dividends are known"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _table(one: _Of, more: Mapping[str, NDArray[np.float64]], gone: str) -> Table:
    table = one.table
    headers = {role: "map_files" if role == gone else "factor_files" for role in more}
    return replace(table, numbers={**table.numbers, **more}, headers={**table.headers, **headers})
