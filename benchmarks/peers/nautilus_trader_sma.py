"""The cross in nautilus_trader, in one process and as it comes: its risk checks and its analysis of the result are on,
as ours are. Only its logging is off.
"""

from decimal import Decimal

import numpy as np
import pandas as pd
import serve
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, StrategyConfig
from nautilus_trader.indicators import SimpleMovingAverage
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import Equity
from nautilus_trader.model.objects import Currency, Money, Price, Quantity
from nautilus_trader.persistence.wranglers import BarDataWrangler
from nautilus_trader.trading.strategy import Strategy

VENUE = Venue("SIM")
instrument = Equity(
    instrument_id=InstrumentId(Symbol("WALK"), VENUE),
    raw_symbol=Symbol("WALK"),
    currency=USD,
    price_precision=5,
    price_increment=Price.from_str("0.00001"),
    lot_size=Quantity.from_int(1),
    ts_event=0,
    ts_init=0,
    maker_fee=Decimal(str(serve.FEE)),
    taker_fee=Decimal(str(serve.FEE)),
)
bar_type = BarType.from_str("WALK.SIM-1-MINUTE-LAST-EXTERNAL")
data = serve.bars()
frame = pd.DataFrame({name: np.round(data[name], 5) for name in ("open", "high", "low", "close", "volume")})
frame.index = pd.to_datetime(data["end"], utc=True)
frame.index.name = "timestamp"
bars = BarDataWrangler(bar_type, instrument).process(frame)


class Cross(Strategy):
    def __init__(self):
        super().__init__(StrategyConfig())
        self.fast, self.slow = SimpleMovingAverage(serve.FAST), SimpleMovingAverage(serve.SLOW)
        self.above = None
        self.count = 0

    def on_start(self):
        self.register_indicator_for_bars(bar_type, self.fast)
        self.register_indicator_for_bars(bar_type, self.slow)
        self.subscribe_bars(bar_type)

    def on_bar(self, bar):
        if not self.slow.initialized:
            return
        above = self.fast.value > self.slow.value
        if above == self.above or (self.above is None and not above):
            self.above = above
            return
        self.above = above
        side = OrderSide.BUY if above else OrderSide.SELL
        quantity = Quantity.from_int(int(serve.QUANTITY))
        self.submit_order(self.order_factory.market(instrument.id, side, quantity))

    def on_order_filled(self, event):
        self.count += 1


def run(how):
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
    engine.add_venue(
        VENUE,
        oms_type=OmsType.NETTING,
        account_type=AccountType.CASH,
        base_currency=USD,
        starting_balances=[Money(serve.CASH, Currency.from_str("USD"))],
    )
    engine.add_instrument(instrument)
    engine.add_data(bars)
    strategy = Cross()
    engine.add_strategy(strategy)

    def work():
        engine.run()
        return engine

    def read(result):
        held = float(engine.portfolio.net_position(instrument.id)) * float(data["close"][-1])
        equity = float(engine.portfolio.account(VENUE).balance_total(USD)) + held
        count = strategy.count
        engine.dispose()
        return {"orders": count, "equity": equity}

    return work, read


serve.serve(run)
