"""Records on the stack, arrays by address, and what is not inlined: what compiled loops are built with."""

from __future__ import annotations

import re
from typing import Any

import numba
import numpy as np
import pytest

from backbus.jit.addresses import address_of, numbers_at, truths_at
from backbus.jit.calls import stay_apart
from backbus.jit.decorators import JIT_DISABLED, part, step
from backbus.jit.on_stack import on_stack
from backbus.jit.settings import OPTIONS, UNCOUNTED
from backbus.trading.ledger import ACCOUNT

PAIR = np.dtype([("a", "<f8"), ("b", "<i8")])


@step
def _move(record: Any, by: float) -> None:
    record["a"] = record["a"] + by
    record["b"] += 1


def _walk(records: Any, changes: Any) -> float:
    here = on_stack(records)
    for at in range(changes.shape[0]):
        _move(here[0], changes[at])
    left = records[0]["a"]
    records[0] = here[0]
    return float(left)


def _compiled(function: Any) -> Any:
    return numba.njit(**OPTIONS, **UNCOUNTED)(function)


def test_a_record_on_the_stack_is_a_copy_until_it_is_written_back() -> None:
    walk = _compiled(_walk)
    records = np.array([(1.0, 2), (9.0, 9)], dtype=PAIR)
    assert walk(records[:1], np.array([0.5, 0.25])) == 1.0
    assert records.tolist() == [(1.75, 4), (9.0, 9)]


@pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
def test_its_fields_live_in_registers() -> None:
    """The loop adds to a register: no store is left in it, and no room on the stack."""
    walk = _compiled(_walk)
    walk(np.zeros(1, dtype=PAIR), np.ones(3))
    (text,) = walk.inspect_llvm().values()
    own = text[text.index("define") : text.index("\n}", text.index("define"))]
    assert "alloca" not in own
    assert own.count("store") <= 6


def _sum_at(address: int, truth: int, rows: int) -> float:
    numbers, wanted, total = numbers_at(address, (rows, 1)), truths_at(truth, (rows,)), 0.0
    for row in range(rows):
        if wanted[row]:
            total += numbers[row, 0]
    return float(total)


@pytest.mark.parametrize("rows", [0, 1, 7])
def test_arrays_are_found_by_their_addresses(rows: int) -> None:
    numbers, wanted = np.arange(rows) * 1.5, np.arange(rows) % 2 == 0
    found = _compiled(_sum_at)(address_of(numbers), address_of(wanted), rows)
    assert found == numbers[wanted].sum()


@part
def _rare(record: Any, by: float) -> float:
    stay_apart()
    return record["cash"] * by + 1.0  # type: ignore[no-any-return]


@step
def _often(record: Any, by: float) -> float:
    return _rare(record, by) if by < 0.0 else by


def _all(records: Any, changes: Any) -> float:
    total = 0.0
    for at in range(changes.shape[0]):
        total += _often(records[0], changes[at])
    return total


@pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
def test_a_part_stays_a_call_even_where_a_step_that_is_inlined_calls_it() -> None:
    count = _compiled(_all)
    records = np.zeros(1, dtype=ACCOUNT)
    assert count(records, np.array([1.0, -2.0])) == 2.0
    (text,) = count.inspect_llvm().values()
    assert re.search(r"call [^\n]*_rare", text)
