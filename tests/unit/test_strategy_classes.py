"""Classes of strategies that cannot be made: what is said names the class, the attribute and the line to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from backbus.errors import StrategyError
from backbus.strategy import Strategy, bundle, load_strategy, make_strategy, param

HEAD = "from typing import ClassVar\nfrom backbus import Strategy, param\n\nclass Odd: ...\n\n"
TAIL = "\n    def signals(self, bars):\n        return self.hold_long(bars.close > 1)\n"


def said_of(line: str, folder: Path, head: str = HEAD) -> str:
    """What is said of a class with a line, in a file."""
    (folder / "mine.py").write_text(f"{head}class Mine(Strategy):\n    {line}\n{TAIL}")
    with pytest.raises(StrategyError) as told:
        make_strategy(load_strategy("mine.py", bundle("mine.py", folder)), {})
    assert "pydantic" not in str(told.value)
    return str(told.value)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("x = 5", "Mine.x = 5 has no type: write `x: int = 5` where it is a parameter, `x: ClassVar[int] = 5` "),
        ("x = 5", " or `_x: int = 5` where it changes while the strategy runs"),
        ("fast = True", "`fast: bool = True`"),
        ("side = 'long'", "`side: str = 'long'`"),
        ("x = param(0.5, gt=0)", "Mine.x has no type: write `x: float = param(…)`"),
        ("x = param(5, gt=0)", "write `x: int = param(…)`"),
        ("levels = [1, 2]", "Mine.levels is of type list and has no annotation: write `levels: ClassVar = …`"),
        ("x: Odd = None", "Mine.x is of type Odd, which no job can write: a parameter is a number"),
        ("x: Odd = None", "write `x: ClassVar[Odd] = …`"),
        ("x: Undefined = 5", "Undefined"),
        ("_x: int = param(1)", "Mine cannot be made a strategy: Fields must not use names with leading underscores"),
        ("x: int = param(5, ge='a')", "param(ge='a'): a bound is a number"),
        ("x: int = param(5, choices=5)", "param(choices=5): choices are a list or a tuple of values"),
        ("x: str = param('a', ge=1)", "Mine cannot be made: "),
        ("model_config = {'extra': 'alow'}", "Mine cannot be made a strategy: Invalid extra_behavior"),
        ("copy: int = 1", "Mine.copy cannot be a parameter: every strategy has something of this name"),
        ("order: int = 1", "give it another name, such as order_"),
        ("use: str = 'a'", "Mine.use cannot be a parameter: `use` in a job's [strategy] names the strategy"),
    ],
)
def test_what_is_wrong_is_told_with_the_line_to_write(line, told, tmp_path):
    assert told in said_of(line, tmp_path)


def test_so_it_is_where_annotations_are_texts(tmp_path):
    head = "from __future__ import annotations\n" + HEAD
    assert "Mine.x is of type Odd" in said_of("x: Odd = None", tmp_path, head)
    assert "of type Undefined, which is not defined: import it" in said_of("x: Undefined = 5", tmp_path, head)


def test_the_line_that_is_told_makes_the_class():
    from typing import ClassVar

    with pytest.raises(StrategyError, match=r"has no type"):

        class Wrong(Strategy):
            x = 5

    class Right(Strategy):
        x: int = 5
        limit: ClassVar[int] = 5
        _seen: int = 5

        def signals(self, bars): ...

    assert set(Right.model_fields) == {"x"}
    with pytest.raises(StrategyError, match=r"Child\.x = 7 has no type: write `x: int = 7`"):

        class Child(Right):
            x = 7


def test_what_a_strategy_may_set_itself_is_no_name_of_ours():
    class Far(Strategy):
        lookback = 20
        name: str = "a"
        quantity: float = param(2.0, gt=0)

        def signals(self, bars): ...

    assert Far().reach() == 20
    assert Far(name="b").name == "b"
