"""Loading: parameters, built-ins, bundles of files, and what is said when something is wrong."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from backbus.errors import JobError, StrategyError
from backbus.strategy import (
    Parameter,
    Strategy,
    StrategyRunner,
    bundle,
    load_strategy,
    make_strategy,
    param,
    parameters,
)
from backbus.strategy.builtins import SmaCross
from tests.unit import strategy_market as sm

EXAMPLES = Path(__file__).parents[2] / "examples" / "strategies"
HEAD = "from backbus.strategy import Strategy, param\n"
PLAIN = HEAD + "class Mine(Strategy):\n    def signals(self, bars):\n        return self.hold_long(True)\n"


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def load(folder: Path, use: str) -> type[Strategy]:
    return load_strategy(use, bundle(use, folder))


class TestParameters:
    def test_defaults_and_given_values(self):
        assert make_strategy(SmaCross, {"fast": 5}) == SmaCross(fast=5, slow=30)

    @pytest.mark.parametrize(
        ("params", "field", "message"),
        [
            ({"fsat": 5}, "strategy.fsat", "SmaCross has no such parameter; did you mean 'fast'?"),
            ({"zzz": 5}, "strategy.zzz", "it has fast, slow, short"),
            ({"fast": 0}, "strategy.fast", "greater than or equal to 1, not 0"),
            ({"fast": "x"}, "strategy.fast", "valid integer"),
            ({"fast": 40}, "strategy", r"fast \(40\) must be below slow \(30\)"),
        ],
    )
    def test_a_wrong_one_is_named(self, params, field, message):
        with pytest.raises(JobError, match=message) as e:
            make_strategy(SmaCross, params)
        assert e.value.field == field

    def test_choices_and_required_ones(self):
        class Choosy(Strategy):
            side: str = param(choices=("long", "short"))

            def signals(self, bars): ...

        assert Choosy(side="long").side == "long"
        with pytest.raises(JobError, match=r"must be one of 'long', 'short', not 'up'"):
            make_strategy(Choosy, {"side": "up"})
        with pytest.raises(JobError, match=r"strategy\.side: Choosy needs this parameter"):
            make_strategy(Choosy, {})

    def test_they_are_listed_with_their_bounds(self):
        class Listed(Strategy):
            n: int = param(5, ge=2, lt=100, description="bars")
            side: str = param("long", choices=("long", "short"))
            must: float

            def signals(self, bars): ...

        assert parameters(Listed) == (
            Parameter("n", "int", 5, False, ">= 2, < 100", "bars"),
            Parameter("side", "str", "long", False, "one of 'long', 'short'", ""),
            Parameter("must", "float", None, True, "", ""),
        )

    def test_infinite_numbers_are_refused(self):
        class Real(Strategy):
            x: float = param(1.0)

            def signals(self, bars): ...

        with pytest.raises(JobError, match="finite"):
            make_strategy(Real, {"x": float("inf")})


class TestDefinitions:
    def test_both_styles_at_once_are_refused(self):
        with pytest.raises(StrategyError, match="defines both signals and on_bar"):

            class Both(Strategy):
                def signals(self, bars): ...

                def on_bar(self, bar): ...

    def test_neither_is_refused_when_it_is_run(self):
        class Neither(Strategy):
            pass

        with pytest.raises(StrategyError, match="defines neither"):
            StrategyRunner(Neither(), sm.closes(1).layout)

    def test_a_wrong_signature_is_refused(self):
        with pytest.raises(StrategyError, match=r"on_bar\(self, bar\) or on_bar\(self, bar, book\)"):

            class Odd(Strategy):
                def on_bar(self, a, b, c): ...

        with pytest.raises(StrategyError, match=r"signals\(self, bars\)"):

            class Bare(Strategy):
                def signals(self): ...


class TestBuiltIns:
    def test_they_need_no_files(self):
        assert bundle("SmaCross", Path()) == {}
        assert load_strategy("sma_cross", {}) is SmaCross

    def test_an_unknown_name_gets_a_suggestion(self):
        with pytest.raises(JobError, match="did you mean 'SmaCross'"):
            load_strategy("SmaCros", {})
        with pytest.raises(JobError, match=r"there are BuyAndHold, .*or name a file: my_file.py:MyClass"):
            load_strategy("zzzzz", {})


class TestBundle:
    def test_it_follows_imports_to_the_files_beside(self, tmp_path):
        write(
            tmp_path,
            main="import numpy\nimport one\nfrom pack import two\nfrom pack.deep import x\n" + PLAIN,
            one="def f():\n    import three\n",
            three="",
            unused="",
            pack__two="from . import four\n",
            pack__four="",
            pack__deep="x = 1\n",
        )
        (tmp_path / "pack" / "__init__.py").touch()
        assert set(bundle("main.py:Mine", tmp_path)) == {
            "main.py", "one.py", "three.py", "pack/__init__.py", "pack/two.py", "pack/four.py", "pack/deep.py"
        }  # fmt: skip

    def test_names_are_relative_to_the_strategys_folder(self, tmp_path):
        write(tmp_path, sub__main="import one\n" + PLAIN, sub__one="")
        found = bundle("sub/main.py", tmp_path)
        assert found == {"main.py": tmp_path / "sub/main.py", "one.py": tmp_path / "sub/one.py"}
        assert load_strategy("sub/main.py:Mine", found).__name__ == "Mine"

    def test_an_import_found_nowhere_is_refused_with_its_line(self, tmp_path):
        write(tmp_path, main=PLAIN + "import no_such_thing_here\n")
        with pytest.raises(JobError, match=r"main\.py, line 5: imports no_such_thing_here, which is neither") as e:
            bundle("main.py", tmp_path)
        assert e.value.field == "strategy.use"

    def test_an_import_that_may_fail_is_not_required(self, tmp_path):
        write(tmp_path, main="try:\n    import no_such_thing\nexcept ImportError:\n    pass\n" + PLAIN)
        assert load(tmp_path, "main.py").__name__ == "Mine"

    def test_a_missing_file_and_a_syntax_error_are_named(self, tmp_path):
        with pytest.raises(JobError, match=r"there is no file absent\.py"):
            bundle("absent.py:X", tmp_path)
        write(tmp_path, main="x = 1\ndef f(:\n")
        with pytest.raises(JobError, match=r"main\.py, line 2: "):
            bundle("main.py", tmp_path)
        with pytest.raises(StrategyError, match=r"main\.py, line 2: "):
            load_strategy("main.py", {"main.py": tmp_path / "main.py"})


class TestLoading:
    def test_files_may_lie_under_any_name(self, tmp_path):
        (tmp_path / "3f2a").write_text("from limits import N\n" + PLAIN.replace("True", "bars.close > N"))
        (tmp_path / "77aa").write_text("N = 2\n")
        found = load_strategy("deep/main.py:Mine", {"main.py": tmp_path / "3f2a", "limits.py": tmp_path / "77aa"})
        assert sm.signals(found(), sm.closes(1, 3))["tick"].tolist() == [9]

    def test_two_versions_live_side_by_side_and_leave_nothing_behind(self, tmp_path):
        main = "from limits import N\n" + PLAIN.replace("True", "bars.close > N")
        one = load(write(tmp_path / "a", main=main, limits="N = 2\n"), "main.py")
        two = load(write(tmp_path / "b", main=main, limits="N = 5\n"), "main.py")
        panel = sm.closes(1, 3, 6)
        assert sm.signals(one(), panel)["tick"].tolist() == [9]
        assert sm.signals(two(), panel)["tick"].tolist() == [15]
        assert "limits" not in sys.modules and "main" not in sys.modules

    def test_an_import_inside_a_method_finds_the_bundle_later(self, tmp_path):
        late = HEAD + (
            "class Late(Strategy):\n    def signals(self, bars):\n"
            "        from limits import N\n        return self.hold_long(bars.close > N)\n"
        )
        found = load(write(tmp_path, main=late, limits="N = 2\n"), "main.py")
        assert sm.signals(found(), sm.closes(1, 3))["tick"].tolist() == [9]
        assert "limits" not in sys.modules

    def test_a_file_beside_hides_nothing_from_anybody_else(self, tmp_path):
        import colorsys

        write(tmp_path, main="import colorsys\nassert colorsys.MINE\n" + PLAIN, colorsys="MINE = True\n")
        load(tmp_path, "main.py")
        assert sys.modules["colorsys"] is colorsys

    def test_packages_load_with_relative_imports(self, tmp_path):
        write(tmp_path, main="from pack.two import y\nassert y == 2\n" + PLAIN, pack__one="x = 1\n")
        write(tmp_path, pack__two="from .one import x\ny = x + 1\n")
        assert load(tmp_path, "main.py:Mine").__name__ == "Mine"

    def test_postponed_annotations_are_understood(self, tmp_path):
        text = "from __future__ import annotations\nfrom typing import ClassVar\n" + PLAIN.replace(
            "(Strategy):\n", "(Strategy):\n    lookback: ClassVar[int] = 3\n    n: int = param(4, ge=2)\n"
        )
        assert load(write(tmp_path, main=text), "main.py")(n=7).n == 7

    @pytest.mark.parametrize(
        ("use", "message"),
        [
            ("main.py:Mime", "main.py has no class Mime; did you mean 'Mine'"),
            ("main.py:Zebra", "it defines Mine, Other"),
            ("main.py:NUMBER", "main.py:NUMBER is not a Strategy"),
            ("main.py", "main.py defines Mine, Other; say which: main.py:ClassName"),
        ],
    )
    def test_a_wrong_class_is_named(self, tmp_path, use, message):
        write(tmp_path, main=PLAIN + "class Other(Mine):\n    pass\nNUMBER = 3\n")
        with pytest.raises(JobError, match=message):
            load(tmp_path, use)

    def test_an_error_while_loading_shows_the_users_lines(self, tmp_path):
        write(tmp_path, main="import one\n" + PLAIN, one="def f():\n    return 1 / 0\nf()\n")
        with pytest.raises(StrategyError, match=r"main\.py cannot be loaded: ZeroDivisionError") as e:
            load(tmp_path, "main.py")
        assert 'File "one.py", line 2' in e.value.traceback and "return 1 / 0" in e.value.traceback
        assert "loading.py" not in e.value.traceback

    def test_an_error_while_running_shows_the_relative_name(self, tmp_path):
        write(tmp_path, main=PLAIN.replace("True", "1 / 0"))
        with pytest.raises(StrategyError) as e:
            sm.signals(load(tmp_path, "main.py")(), sm.closes(1))
        assert 'File "main.py", line 4, in signals' in e.value.traceback
        assert "return self.hold_long(1 / 0)" in e.value.traceback

    def test_a_parameter_without_a_type_is_explained(self, tmp_path):
        write(tmp_path, main=PLAIN.replace("(Strategy):\n", "(Strategy):\n    n = param(4)\n"))
        with pytest.raises(StrategyError, match=r"main\.py: Mine\.n has no type: write `n: int"):
            load(tmp_path, "main.py")


class TestExamples:
    def test_array_style_with_a_file_beside_it(self):
        assert set(bundle("mean_reversion.py", EXAMPLES)) == {"mean_reversion.py", "thresholds.py"}
        strategy = load(EXAMPLES, "mean_reversion.py:MeanReversion")
        panel = sm.market(200, 2, seed=1)
        said = sm.signals(strategy(), panel)
        assert len(said) > 4 and said.tobytes() == sm.signals(strategy(), panel, (7, 100)).tobytes()

    def test_event_style(self):
        strategy = load(EXAMPLES, "three_up_days.py")
        assert not strategy.reads_book
        assert sm.signals(strategy(), sm.closes(1, 2, 3, 4, 3))["tick"].tolist() == [21, 27]

    def test_event_style_with_the_book(self):
        strategy = load(EXAMPLES, "cut_losses.py")
        assert strategy.reads_book
        panel = sm.closes(1, 2, 3)
        runner = StrategyRunner(strategy(window=2), panel.layout)
        from backbus.trading.account_rows import BookRows

        cash, none = np.full(3, 100.0), np.zeros((3, 1))
        runner.load(panel.block)
        said = runner.on_book(BookRows(0, cash, cash, none, none))
        assert said["value"].tolist() == [0.5, 0.5]


@pytest.mark.parametrize("calls", ["run({})", "Client().run({})", "run_sweep({})"])
def test_a_script_that_runs_its_own_strategy_when_it_is_loaded_is_told_how_to_part_them(tmp_path, calls):
    script = f"from backbus import Client, run, run_sweep\n{PLAIN}{calls}\n"
    write(tmp_path, script=script)
    with pytest.raises(StrategyError, match=r'script\.py runs a job while it is loaded .* if __name__ == "__main__"'):
        load(tmp_path, "script.py:Mine")
    write(tmp_path, script=script.replace(calls, f'if __name__ == "__main__":\n    {calls}'))
    assert load(tmp_path, "script.py:Mine").__name__ == "Mine"
