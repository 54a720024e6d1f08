"""What constraints mean, told and not executed: the words that they know, and all that is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backbus.errors import JobError
from backbus.sweep.space.constraints import Constraint
from tests.unit.test_space import mistake, space


class TestConstraints:
    COLUMNS: dict[str, Any] = {  # noqa: RUF012
        "strategy.fast": np.array([5, 10, 20]),
        "strategy.slow": np.array([10, 10, 50]),
        "strategy.kind": np.array(["up", "down", "up"], dtype=object),
        "strategy.short": np.array([True, False, True]),
        "execution.commission.bps": np.array([0.0, 1.0, 2.0]),
    }

    @pytest.mark.parametrize(
        ("text", "holds"),
        [
            ("fast < slow", [1, 0, 1]),
            ("slow - fast >= 5", [1, 0, 1]),
            ("5 < fast <= slow", [0, 1, 1]),
            ("fast == slow or not short", [0, 1, 0]),
            ("kind == 'up' and fast > 5", [0, 0, 1]),
            ("kind != 'up'", [0, 1, 0]),
            ("kind in ['down', 'left']", [0, 1, 0]),
            ("fast not in (5, 20)", [0, 1, 0]),
            ("short", [1, 0, 1]),
            ("short == true", [1, 0, 1]),
            ("fast // 3 == 3 or fast % 7 == 6", [0, 1, 1]),
            ("slow / fast == 2", [1, 0, 0]),
            ("min(fast, slow, 7) == 5", [1, 0, 0]),
            ("max(fast, 10) == abs(-slow)", [1, 1, 0]),
            ("-fast + 2 * execution.commission.bps > -9", [1, 1, 0]),
            ("strategy.fast == 5", [1, 0, 0]),
            ("execution.commission.bps == 0 or slow / execution.commission.bps > 20", [1, 0, 1]),
            ("execution.commission.bps != 0 and slow / execution.commission.bps > 20", [0, 0, 1]),
            ("kind == 5", [0, 0, 0]),
            ("1 < 2", [1]),
        ],
    )
    def test_it_holds(self, text, holds):
        assert Constraint(text).holds(self.COLUMNS).tolist() == [bool(each) for each in holds]

    @given(st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=1, max_size=20))
    def test_it_means_what_python_means(self, rows):
        text = "a + b * 2 > 3 and not (a - b) % 4 == 1 or a in [2, b] and abs(a) <= max(b, 3)"
        columns = {f"strategy.{name}": np.array(each) for name, each in zip("ab", zip(*rows, strict=True), strict=True)}
        assert Constraint(text).holds(columns).tolist() == [eval(text, {"a": a, "b": b}) for a, b in rows]

    @pytest.mark.parametrize(
        "text",
        [
            "__import__('os').system('true')",
            "fast.__class__ == slow()",
            "(lambda: 1)() < 2",
            "[x for x in fast]",
            "fast ** 99 > 1",
            "fast if slow else short",
            "f'{fast}' == 'x'",
            "(fast := 3) > 1",
            "fast @ slow > 1",
            "fast is slow",
            "fast[0] > 1",
            "abs(fast, key=1) > 2",
            "fast > 1j",
            "None == fast",
            "fast & slow > 1",
        ],
    )
    def test_what_is_not_of_the_language_is_refused(self, text):
        with pytest.raises(JobError, match=r"sweep\.constraints: .*(is not understood|takes one value)"):
            Constraint(text)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("fast <", "'fast <' is no condition: invalid syntax"),
            ("", "write a condition such as fast < slow"),
            ("fast = slow", "is no condition"),
            ("fast in slow", "in is followed by a list"),
            ("fast == [1, 2]", "in is followed by a list"),
            ("abs(fast, slow) > 1", "abs() takes one value"),
            ("min(fast) > 1", "min() takes two values or more"),
            ("fast < 1e999", "has a number that is too large"),
            ("not " * 60 + "short", "is nested too deeply"),
            ("x" * 3000, "of at most 2000 characters"),
        ],
    )
    def test_what_cannot_be_read_says_why(self, text, message):
        with pytest.raises(JobError) as e:
            space(parameters={"fast": [1], "slow": [2], "short": [True]}, constraints=[text])
        assert message in str(e.value) and e.value.field == "sweep.constraints"

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("1 / execution.commission.bps > 0", "for execution.commission.bps = 0.0: divide by zero"),
            ("kind < 3", "for kind = 'up': < does not compare such values"),
            ("kind + 1 > 3", "for kind = 'up': + wants numbers"),
            ("fast", "for fast = 5: a constraint wants conditions"),
            ("fast and slow", "for fast = 5, slow = 10: and, or wants conditions"),
            ("fast < 10 or kind > 3", "for fast = 10, kind = 'down': > does not compare"),
        ],
    )
    def test_values_that_do_not_fit_are_named(self, text, message):
        with pytest.raises(JobError) as e:
            Constraint(text).holds(self.COLUMNS)
        assert message in str(e.value)

    def test_an_unknown_name(self):
        message = mistake(parameters={"fast": [1], "execution.commission.bps": [1]}, constraints=["fats < 3"])
        assert message.endswith("'fats < 3': fats is not swept; there are fast, execution.commission.bps")
