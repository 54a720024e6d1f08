"""How many sessions a year has on each exchange, for annualising: the same whatever release of a calendar is installed.

Counted with exchange_calendars 4 over the years 2000 to 2019, or those that follow the slash.
"""

from __future__ import annotations

SESSIONS_PER_YEAR = 252.0
"""Of a market whose calendar is not known."""
DAYS_PER_YEAR = 365.0
"""Of a market that never closes."""
SIX_DAYS_A_WEEK = 313.0
"""Of one that opens on Sunday evening, by dates of UTC."""

_YEARS = 20
_COUNTED = (
    "24/5:5217 24/7:7305 AIXK:733/3 BVMF:4949 CMES:5157 IEPA:5156 XAMS:5112 XASX:5060 XBDA:5024 XBKK:4897 "
    "XBOG:4876 XBOM:4946 XBRA:4986 XBRU:5112 XBUD:4990 XBUE:4932 XCBF:5035 XCSE:5000 XDUB:5070 XDUS:5077 "
    "XEEE:5089 XETR:5077 XEUR:5089 XFRA:5077 XHAM:5077 XHEL:5022 XHKG:4931 XICE:4979 XIDX:4888 XIST:5023 "
    "XJSE:4998 XKAR:4959 XKLS:4927 XKRX:4936 XLIM:5021 XLIS:5093 XLIT:4986 XLJU:4969 XLON:5054 XLUX:5117 "
    "XMAD:5077 XMEX:5039 XMIL:5073 XMOS:4975 XNYS:5031 XNZE:5025 XOSL:5017 XPAR:5113 XPHS:4920 XPRA:5015 "
    "XRIS:5018 XSAU:994/4 XSES:5018 XSGO:4986 XSHG:4846 XSTO:5020 XSTU:5089 XSWX:5019 XTAI:4931 XTAL:5032 "
    "XTKS:4906 XTSE:5023 XWAR:5006 XWBO:4959 XZAG:4972 us_futures:5160 "
)
_ALIASES = (
    "ARCX:XNYS ASX:XASX BATS:XNYS BMF:BVMF BSE:XBOM CBOT:CMES CFE:XCBF CME:CMES COMEX:CMES FWB:XFRA "
    "HKEX:XHKG ICE:IEPA ICEUS:IEPA JKT:XIDX JPX:XTKS LSE:XLON LUXSE:XLUX NASDAQ:XNYS NYFE:IEPA NYMEX:CMES "
    "NYSE:XNYS OOTC:XNYS OSE:XOSL SIX:XSWX SSE:XSHG TSX:XTSE XASE:XNYS XNAS:XNYS XTSX:XTSE "
)
_COUNTS = dict(entry.split(":") for entry in _COUNTED.split())
_NAMES = dict(entry.split(":") for entry in _ALIASES.split())


def sessions_per_year(calendar: str | None) -> float:
    """Sessions in an average year of an exchange_calendars calendar; 252 where it is none, or not in the list."""
    if calendar is None:
        return SESSIONS_PER_YEAR
    count, _, years = _COUNTS.get(_NAMES.get(calendar, calendar), "").partition("/")
    return int(count) / int(years or _YEARS) if count else SESSIONS_PER_YEAR
