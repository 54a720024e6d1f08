"""One run's market, without sockets: opens and orders in, fills out. Jobs that ask for more are refused.

Orders are plain market orders, one of each asset. They fill whole, at the next open of their asset.
"""

import array
import math
import struct
from collections import deque

PHASES, OPEN_MATCH, CLOSE_MATCH = 6, 1, 5
PLACE, RESIZE, CANCEL = 0, 1, 2
REDUCES, SIZED_AT_OPEN = 1, 4
ORDINALS = 1 << 11
AT_OPEN, RUN_OVER = 0, 42
ORDER = struct.Struct("<qqiiddiiiidddqqqddd")
FILL = struct.Struct("<qqihhdddddd")
COMMISSIONS = ("none", "per_share", "per_order", "bps")
EVENTS = {"split", "dividend", "delisting"}
ABLE = "this order layer fills plain market orders at the open and charges simple commissions"
INSTEAD = "or use backbus' own execution service"


class Refused(Exception):
    """The job, or an order in it, is beyond this order layer: no other attempt can do better."""


def require_able(job):
    """Raise ``Refused`` where a job asks for more than this order layer can do, with the settings that do."""
    data, portfolio, execution = (job.get(table) or {} for table in ("data", "portfolio", "execution"))
    commission = execution.get("commission") or {}
    asked = {
        "data.adjust": data.get("adjust") == "events",
        "data.quotes": data.get("quotes"),
        "data.universe": data.get("universe"),
        "portfolio.sizing": (portfolio.get("sizing") or {}).get("model") == "own",
        "portfolio.exits": any(portfolio.get("exits", {}).values()),
        "portfolio.limits.drawdown": portfolio.get("limits", {}).get("drawdown"),
        "portfolio.margin": portfolio.get("margin"),
        "portfolio.rates": portfolio.get("rates"),
        "portfolio.at_end": portfolio.get("at_end") == "close",
        "instruments": job.get("instruments"),
        "execution.fill": execution.get("fill", "open") != "open",
        "execution.volume_cap": execution.get("volume_cap"),
        "execution.no_volume": execution.get("no_volume", "fill") != "fill",
        "execution.slippage": (execution.get("slippage") or {}).get("model", "none") != "none",
        "execution.commission": commission.get("model", "none") not in COMMISSIONS or commission.get("tiers"),
    }
    settings = [setting for setting, more in asked.items() if more]
    if settings:
        raise Refused(f"{ABLE}, and the job asks for more: leave {', '.join(settings)} out, {INSTEAD}")


def commission(model, size, value):
    """What the job's model charges for an order of so many units that are worth ``value``."""
    if model["model"] == "per_order":
        return model["fee"]
    if model["model"] == "bps":
        return value * (model["bps"] / 10_000.0) + model.get("order", 0.0)
    if model["model"] == "per_share":
        maximum, percent = model.get("maximum"), model.get("maximum_percent")
        fee = max(size * model["fee"] + model.get("order", 0.0), model.get("minimum", 0.0))
        fee = min(fee, math.inf if maximum is None else maximum)
        return fee if percent is None else min(fee, value * (percent / 100.0))
    return 0.0


class Market:
    """One run's market: opens and orders in, fills out."""

    def __init__(self, job, facts, fee):
        if EVENTS & set(facts["columns"]):
            raise Refused(f"{ABLE}, and the data has splits or dividends: leave data.columns out, {INSTEAD}")
        portfolio = job.get("portfolio", {})
        self.model = job.get("execution", {}).get("commission") or {"model": "none"}
        self.fee = fee
        self.owes_nothing = not portfolio.get("shorts", False) and portfolio.get("leverage", 1.0) == 1.0
        self.assets, self.rows = len(facts["symbols"]), facts["rows"]
        self.opens = array.array("d")
        self.decided = deque()
        self.working = {}
        """Asset to the order that works in it: id, quantity, whether it only reduces a position."""
        self.tick = 0
        """The first that is not matched yet."""

    def hear_bars(self, opens):
        self.opens.extend(struct.unpack(f"<{len(opens) // 8}d", opens))

    def hear_orders(self, records):
        for record in ORDER.iter_unpack(records):
            tick, order, asset, action, flags, kind, in_force = *record[:4], record[6], *record[8:10]
            plain = not (kind or in_force or order % ORDINALS or flags & ~(REDUCES | SIZED_AT_OPEN))
            if action == PLACE and not plain:
                told = f"(type {kind}, time in force {in_force}, flags {flags})"
                place = f"asset {asset} in row {tick // PHASES}"
                raise Refused(f"{ABLE}, and order {order} of {place} is another {told}: ask for none such, {INSTEAD}")
            self.decided.append(record)

    def match(self, through):
        """Match all ticks up to ``through``, which is a decision and no match; returns packed fills."""
        limit = min(through + 1, PHASES * min(self.rows, len(self.opens) // self.assets))
        fills = []
        while self.tick < limit:
            while self.decided and self.decided[0][0] <= self.tick:
                self.obey(*self.decided.popleft()[1:7])
            if not self.working:  # on to the next order
                self.tick = min(max(self.decided[0][0], self.tick + 1), limit) if self.decided else limit
                continue
            row, phase = divmod(self.tick, PHASES)
            if phase == OPEN_MATCH:
                fills += self.fill(row)
            elif phase == CLOSE_MATCH and row == self.rows - 1:
                fills += self.expire()
            self.tick += 1
        return b"".join(fills)

    def obey(self, order, asset, kind, quantity, wanted, flags):
        same = asset in self.working and self.working[asset][0] == order
        if kind == PLACE or (kind == RESIZE and same):
            self.working[asset] = order, quantity, bool(flags & REDUCES)
        elif kind == CANCEL and same:
            del self.working[asset]

    def fill(self, row):
        for asset in sorted(self.working, key=lambda asset: (not self.working[asset][2], asset)):
            order, quantity, _ = self.working[asset]
            price = self.opens[row * self.assets + asset]
            if math.isnan(price) or not quantity:  # a hole: it waits for the asset's next bar
                continue
            value = abs(quantity) * price
            fee = commission(self.model, abs(quantity), value) if self.fee is None else self.fee
            if self.owes_nothing and quantity < 0:
                fee = min(fee, value)
            del self.working[asset]
            yield FILL.pack(self.tick, order, asset, AT_OPEN, 0, quantity, price, price, fee, 1.0, 0.0)

    def expire(self):
        for asset, (order, quantity, _) in sorted(self.working.items()):
            yield FILL.pack(self.tick, order, asset, RUN_OVER, 0, 0.0, math.nan, math.nan, 0.0, 1.0, quantity)
        self.working.clear()
