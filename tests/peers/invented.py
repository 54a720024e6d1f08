"""Files of the forms in which peers publish, by their names below a checkout. Every value is invented; what must come
of it is worked out by hand beside it."""

from __future__ import annotations

import zipfile
from pathlib import Path

Files = dict[str, str]


def pack(path: Path, text: str) -> None:
    """A ZIP file of one CSV file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr(f"{path.stem}.csv", text)


# A Wednesday and the day after. Half of the closes that size: 950 000 x 0.6 / 100 = 5700 and 950 000 x 0.4 / 50 = 7600,
# bought at 101 and 51, worth 102 and 49 at the end. Long/short: 1 000 000 x 2 / 1.7 / 100 = 11 764.7 and
# 1 000 000 x -1.4 / 1.7 / 50 = -16 470.6, whole shares towards zero.
_TRADING = "tests/integration/trading/"
QSTRADER: Files = {
    f"{_TRADING}fixtures/ABC.csv": (
        "Date,Open,Close,Adj Close\n2019-01-02,99.0,200.0,100.0\n2019-01-03,101.0,102.0,102.0\n"
    ),
    f"{_TRADING}fixtures/DEF.csv": (
        "Date,Open,Close,Adj Close\n2019-01-02,52.0,50.0,50.0\n2019-01-03,51.0,49.0,49.0\n"
    ),
    f"{_TRADING}fixtures/sixty_forty_history.dat": (
        "date,type,description,debit,credit,balance\n"
        ",subscription,SUBSCRIPTION,0.00,1000000.0,1000000.0\n"
        ",asset_transaction,LONG 5700 EQ:ABC 101.00 03/01/2019,575700.0,0.0,424300.0\n"
        ",asset_transaction,LONG 7600 EQ:DEF 51.00 03/01/2019,387600.0,0.0,36700.0\n"
    ),
    f"{_TRADING}fixtures/long_short_history.dat": (
        "date,type,description,debit,credit,balance\n"
        ",subscription,SUBSCRIPTION,0.00,1000000.0,1000000.0\n"
        ",asset_transaction,SHORT -16470 EQ:DEF 51.00 03/01/2019,0.0,839970.0,1839970.0\n"
        ",asset_transaction,LONG 11764 EQ:ABC 101.00 03/01/2019,1188164.0,0.0,651806.0\n"
    ),
    f"{_TRADING}test_backtest_e2e.py": """
def test_backtest_sixty_forty(etf_filepath):
    expected_dict = {
        'EQ:ABC': {
            'unrealised_pnl': 5700.0, 'realised_pnl': 0.0, 'total_pnl': 5700.0, 'market_value': 581400.0,
            'quantity': 5700,
        },
        'EQ:DEF': {
            'unrealised_pnl': -15200.0, 'realised_pnl': 0.0, 'total_pnl': -15200.0, 'market_value': 372400.0,
            'quantity': 7600,
        },
    }

def test_backtest_long_short_leveraged(etf_filepath):
    expected_dict = {
        'EQ:ABC': {
            'unrealised_pnl': 11764.0, 'realised_pnl': 0.0, 'total_pnl': 11764.0, 'market_value': 1199928.0,
            'quantity': 11764.0,
        },
        'EQ:DEF': {
            'unrealised_pnl': 32940.0, 'realised_pnl': 0.0, 'total_pnl': 32940.0, 'market_value': -807030.0,
            'quantity': -16470.0,
        },
    }
""",
}

BACKTESTING_PY: Files = {
    "backtesting/test/_test.py": """
class TestInvented(TestCase):
    def test_a_stop(self):
        arr = np.r_[21, 20, 19, 15]
        self.assertEqual(Backtest(df, S).run()._trades['ExitPrice'][0], 5)
        self.assertListEqual(prices, [10, 5.0])

    def test_a_target(self):
        FIRST, LAST = 12, 16
        arr = np.r_[FIRST, FIRST, 14, LAST]
        self.assertEqual(stats._trades['ExitPrice'][0], 16)
""",
}

# 1.1 x 0.5 x 1.2 = 0.66, the deepest fall a half; 1.25 x 0.8 = 1. Of 0.25 and -0.2 the mean is 0.025 and the deviation
# 0.45 / 2^0.5: 0.025 / 0.45 x 504^0.5. The negative of a series has a slope of -1 against it.
EMPYRICAL: Files = {
    "empyrical/tests/test_stats.py": """
class TestStats(BaseTestCase):
    made_up = pd.Series(np.array([10., -50., 20.]) / 100, index=pd.date_range('2000-1-30', periods=3, freq='D'))
    gappy = pd.Series(np.array([np.nan, 25., -20.]) / 100, index=pd.date_range('2000-1-30', periods=3, freq='D'))
    drawn = pd.Series(rand.normal(0, 0.001, 1000), index=pd.date_range('2000-1-30', periods=1000, freq='D'))

    @parameterized.expand([(made_up, 0, -0.34), (gappy, 0, 0.0), (made_up, 100, 66.0), (drawn, 0, 0.1)])
    def test_cum_returns_final(self, returns, starting_value, expected):
        pass

    @parameterized.expand([(made_up, -0.5), (gappy, -0.2)])
    def test_max_drawdown(self, returns, expected):
        pass

    @parameterized.expand([(gappy, empyrical.MONTHLY, 0.0)])
    def test_annual_ret(self, returns, period, expected):
        pass

    @parameterized.expand([(gappy, 0.0, 1.2472191289246473), (gappy, 0.01, 1.0)])
    def test_sharpe_ratio(self, returns, risk_free, expected):
        pass

    @parameterized.expand([(made_up, -made_up, -1.0)])
    def test_beta(self, returns, benchmark, expected):
        pass
""",
}

# A stop of 10 that is met at 12: 12 x (1 + 0.1 x 0.025^2), a fortieth of 400. Three days of 100 shares at 10.
ZIPLINE: Files = {
    "tests/finance/test_slippage.py": """
class OrdersStopTestCase(ZiplineTestCase):
    STOP_ORDER_CASES = {
        'met | above': {
            'order': {'amount': 100, 'filled': 0, 'stop': 10.0},
            'event': {'volume': 400, 'price': 12.0, 'high': 11.0, 'low': 9.0, 'close': 12.0, 'open': 9.0},
            'expected': {'transaction': {'price': 12.00075, 'amount': 10}},
        },
        'unmet | below': {
            'order': {'amount': 100, 'filled': 0, 'stop': 13.0},
            'event': {'volume': 400, 'price': 12.0, 'high': 11.0, 'low': 9.0, 'close': 12.0, 'open': 9.0},
            'expected': {'transaction': None},
        },
    }
""",
    "tests/finance/test_commissions.py": """
class CommissionAlgorithmTests(ZiplineTestCase):
    def test_per_trade(self):
        results = self.get_results(self.code.format(commission="set_commission(commission.PerTrade(7))", sid=1))
        self.verify_capital_used(results, [-1007, -1000, -1000])

    def test_per_share_no_minimum(self):
        results = self.get_results(self.code.format(commission="set_commission(commission.PerShare(0.02, None))"))
        self.verify_capital_used(results, [-1002, -1002, -1002])

    def test_per_share_with_minimum(self):
        results = self.get_results(self.code.format(commission="set_commission(commission.PerShare(0.02, 5))"))
        self.verify_capital_used(results, [-1005, -1000, -1001])

    def test_per_dollar(self):
        results = self.get_results(self.code.format(commission="set_commission(commission.PerDollar(0.03))"))
        self.verify_capital_used(results, [-1030, -1030, -1030])
""",
}

# Cheapest: 30 of c2 at 33 leave 10; they are 1210 + 10 at 40.33, and all of it goes into c1 at 20. Equal weights of a
# million at 50 and 100: 10 000 and 5000; then 52 and 96 are half each.
BT: Files = {
    "tests/test_core.py": """
def test_strategybase_multiple_calls():
    dts = pd.date_range("2010-01-01", periods=2)
    data = pd.DataFrame(index=dts, columns=["c1", "c2"], data=40)
    data.loc[dts[0], 'c2'] = 33
    data.loc[dts[1], 'c1'] = 20
    s.run(s)
    assert s.value == 1000
    assert s.capital == 10
    s.run(s)
    assert s.value == 1210
    assert s.capital == 10

def test_turnover():
    dts = pd.date_range("2010-01-01", periods=2)
    data = pd.DataFrame(index=dts, columns=["a", "b"], data=100)
    data.loc[dts[0], "a"] = 50
    data.loc[dts[1], "a"] = 52
    data.loc[dts[1], "b"] = 98
    assert np.allclose(t.turnover[dts[0]], 0.0 / 1000000)
    assert np.allclose(t.turnover[dts[1]], 14994.0 / 1010000)
""",
}

# A quarter of 100 at 1 is 25; of 125 at 2 it is 15.625, 9.375 less; of 140.625 at 3, of 152.34375 at 4 and of
# 161.865234375 at 5 again so.
VECTORBT: Files = {
    "tests/test_portfolio.py": """
class TestFromOrders:
    def test_target_percent(self):
        record_arrays_close(
            from_orders_longonly(size=[[0.25]], size_type="targetpercent").order_records,
            np.array(
                [
                    (0, 0, 0, 25.0, 1.0, 0.0, 0),
                    (1, 0, 1, 9.375, 2.0, 0.0, 1),
                    (2, 0, 2, 3.90625, 3.0, 0.0, 1),
                    (3, 0, 3, 2.197265625, 4.0, 0.0, 1),
                    (4, 0, 4, 1.42822265625, 5.0, 0.0, 1),
                ],
                dtype=order_dt,
            ),
        )

    def test_update_value(self):
        record_arrays_close(from_orders_both(size=0.5).order_records, from_orders_both(size=0.5).order_records)
""",
}

# Entered at 100. 0: the high of 104 is beyond the target of 103. 1: the low of 90 is beyond the stop of 95. 2: a signal
# at candle 2 leaves at the next open, 102.
FREQTRADE: Files = {
    "tests/optimize/test_backtest_detail.py": """
tc0 = BTContainer(
    data=[
        [0, 100, 101, 99, 100, 10, 1, 0],
        [1, 100, 101, 99, 100, 10, 0, 0],
        [2, 100, 104, 99, 100, 10, 0, 0],
        [3, 100, 101, 99, 100, 10, 0, 0],
    ],
    stop_loss=-0.05,
    roi={"0": 0.03},
    profit_perc=0.03,
    trades=[BTrade(exit_reason=ExitType.ROI, open_tick=1, close_tick=2)],
)
tc1 = BTContainer(
    data=[
        [0, 100, 101, 99, 100, 10, 1, 0],
        [1, 100, 101, 99, 100, 10, 0, 0],
        [2, 100, 104, 90, 100, 10, 0, 0],
        [3, 100, 101, 99, 100, 10, 0, 0],
    ],
    stop_loss=-0.05,
    roi={"0": 0.03},
    profit_perc=-0.05,
    trades=[BTrade(exit_reason=ExitType.STOP_LOSS, open_tick=1, close_tick=2)],
)
tc2 = BTContainer(
    data=[
        [0, 100, 101, 99, 100, 10, 1, 0],
        [1, 100, 101, 99, 100, 10, 0, 0],
        [2, 100, 101, 99, 100, 10, 0, 1],
        [3, 102, 103, 99, 100, 10, 0, 0],
    ],
    stop_loss=-0.05,
    roi={"0": 1},
    profit_perc=0.02,
    use_exit_signal=True,
    trades=[BTrade(exit_reason=ExitType.EXIT_SIGNAL, open_tick=1, close_tick=3)],
)
TESTS = [tc0, tc1, tc2]
""",
}

# 2013, prices halved by the factor: sized at 50, (99 750 - 9.97) / 50 are 1994 shares, bought at 51, worth 60, then 57,
# then 60 again: 117 936.03 at the end, after a fall of 5982 from as much. 1998, prices as they were: (49 875 - 2.49) /
# 100 are 498 shares, bought at 101, worth 110 at the end; on 6 January 1.00 for each, which is 101 - 101 x 0.4950495 /
# 0.5.
LEAN_SPY = (
    "19980102 00:00,1000000,1000000,1000000,1000000,10\n"
    "19980105 00:00,1010000,1010000,1010000,1010000,10\n"
    "19980106 00:00,1000000,1000000,1000000,1000000,10\n"
    "19980107 00:00,1100000,1100000,1100000,1100000,10\n"
    "20131008 00:00,1000000,1000000,1000000,1000000,10\n"
    "20131009 00:00,1020000,1200000,1020000,1200000,10\n"
    "20131010 00:00,1140000,1140000,1140000,1140000,10\n"
    "20131011 00:00,1200000,1200000,1200000,1200000,10\n"
)
_STATISTICS = """
        public Dictionary<string, string> ExpectedStatistics => new Dictionary<string, string>
        {{
            {{"Total Orders", "1"}},
            {{"Compounding Annual Return", "0%"}},
            {{"Drawdown", "{drawdown}%"}},
            {{"Start Equity", "100000"}},
            {{"End Equity", "{equity}"}},
            {{"Net Profit", "{profit}%"}},
            {{"Total Fees", "${fees}"}},
        }};
"""
LEAN: Files = {
    "Data/equity/usa/map_files/spy.csv": "19980102,spy,P\n20501231,spy,P\n",
    "Data/equity/usa/factor_files/spy.csv": "19980105,0.4950495,1,101\n20131231,0.5,1,120\n20501231,1,1,0\n",
    "Algorithm.CSharp/BasicTemplateDailyAlgorithm.cs": _STATISTICS.format(
        drawdown="5.100", equity="117936.03", profit="17.936", fees="9.97"
    ),
    "Algorithm.CSharp/DividendRegressionAlgorithm.cs": _STATISTICS.format(
        drawdown="0.000", equity="104977.51", profit="4.978", fees="2.49"
    ),
}
