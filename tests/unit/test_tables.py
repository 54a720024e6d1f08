"""Tables and sheets fit a terminal: no number, id or date is cut, nothing is left out without a word."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backbus.cli.printed.screen import NO_BREAK, Screen, clean, clean_lines, coloured, columns_of, screen_of, wrapped
from backbus.cli.printed.tables import Cell, Heading, SheetLine, TextTable, sheet

PIPE = Screen(None, False)
WORDS = st.lists(st.text("abcdefgh", min_size=1, max_size=9), max_size=6).map(" ".join)
NUMBERS = st.floats(-1e9, 1e9).map(lambda value: f"{value:,.2f} %")
KINDS = {"words": WORDS, "number": NUMBERS, "whole": st.text("0123456789abcdef", min_size=8, max_size=14)}


@st.composite
def tables(draw: st.DrawFn) -> TextTable:
    kinds = draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=9))
    headings = [
        Heading(f"{letter * 3} {letter * 6}", kind, draw(st.integers(0, 3)))  # type: ignore[arg-type]
        for letter, kind in zip("ABCDEFGHI", kinds, strict=False)
    ]
    table = TextTable(*headings)
    for _ in range(draw(st.integers(1, 5))):
        table.add(*(draw(KINDS[kind]) for kind in kinds))
    return table


@given(tables(), st.integers(20, 120))
def test_every_number_and_id_is_whole_and_every_word_is_there(table: TextTable, width: int) -> None:
    lines = table.lines(Screen(width, False))
    text = "\n".join(lines)
    told = re.search(r"left out for want of room: (.*); a wider", " ".join(lines))
    gone = told[1].split(", ") if told else []
    longest = 0
    for row in table.rows:
        for cell, heading in zip(row, table.headings, strict=True):
            if heading.title in gone:
                assert heading.spare
                continue
            parts = cell.text.split() if heading.kind == "words" else [cell.text]
            assert [part for part in parts if part not in text] == [], text
            longest = max(longest, *map(len, ("", *parts)))
    most = max(len(heading.title) for heading in table.headings) + 2 + longest
    assert max(map(len, lines)) <= max(width, most)


@given(tables())
def test_a_pipe_has_a_line_for_each_row_whatever_its_length(table: TextTable) -> None:
    title, *rows = table.lines(PIPE)
    assert title.split() == [word for heading in table.headings for word in heading.title.split()]
    assert len(rows) == len(table.rows)
    for line, row in zip(rows, table.rows, strict=True):
        assert all(cell.text in line for cell in row)


def test_numbers_stand_at_the_right_and_words_at_the_left() -> None:
    table = TextTable(Heading("Name"), Heading("Gain", "number"))
    table.add("one", "1.00")
    table.add("another", "1,000.00")
    assert table.lines(PIPE) == ["Name         Gain", "one          1.00", "another  1,000.00"]


def test_no_line_of_a_turned_table_is_wider_than_there_is_room_for_its_longest_word() -> None:
    table = TextTable(Heading("Id", "whole"), Heading("What"), Heading("Gain", "number"))
    for name in ("short", "strategies/pullbacks.py:Pullbacks"):
        table.add("0123456789ab", f"{name} and some more words", "1,234.56 %")
    lines = table.lines(Screen(58, False))
    assert lines[0].startswith("Id") and max(map(len, lines)) <= 58
    assert "strategies/pullbacks.py:Pullbacks" in "\n".join(lines)


def test_words_are_wrapped_first_then_columns_are_spared_then_the_table_is_turned() -> None:
    def made(spare: int) -> TextTable:
        table = TextTable(Heading("Id", "whole"), Heading("What"), Heading("Gain", "number", spare))
        table.add("0123456789ab", "some words of it", "1,234.56 %")
        table.add("ba9876543210", "others", "-4.00 %")
        return table

    assert made(0).lines(Screen(42, False)) == [
        "Id            What                    Gain",
        "──────────────────────────────────────────",
        "0123456789ab  some words of it  1,234.56 %",
        "ba9876543210  others               -4.00 %",
    ]
    assert made(0).lines(Screen(40, False)) == [
        "Id            What                  Gain",
        "────────────────────────────────────────",
        "0123456789ab  some words of   1,234.56 %",
        "              it",
        "ba9876543210  others             -4.00 %",
    ]
    assert made(1).lines(Screen(37, False)) == [
        "Id            What",
        "──────────────────────────────",
        "0123456789ab  some words of it",
        "ba9876543210  others",
        "left out for want of room: Gain; a",
        "wider window or --json has it all",
    ]
    assert made(0).lines(Screen(37, False)) == [
        "Id        0123456789ab  ba9876543210",
        "What  some words of it        others",
        "Gain        1,234.56 %       -4.00 %",
    ]


def test_a_number_stays_with_its_unit_and_a_parameter_with_its_value() -> None:
    assert wrapped("it rose by 221.29 % and", 12) == ["it rose by", "221.29 % and"]
    assert wrapped("it rose by 221.29 % and", 13) == ["it rose by", "221.29 % and"]
    assert wrapped(f"fast{NO_BREAK}10, slow{NO_BREAK}20", 12) == ["fast 10,", "slow 20"]
    assert wrapped(f"fast{NO_BREAK}10", None) == ["fast 10"]


def test_a_sheet_aligns_figures_and_wraps_words_beside_them() -> None:
    lines = [SheetLine("Return", "221.29 %"), SheetLine(""), SheetLine("Fell", "-4.00 %", "from one day to another")]
    assert sheet(lines, Screen(36, False)) == [
        "Return  221.29 %",
        "",
        "Fell     -4.00 %  from one day to",
        "                  another",
    ]


def test_colours_are_where_they_are_seen_and_take_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    table = TextTable(Heading("A"), Heading("B", "number"))
    table.add("x", Cell("-1.00", "red"))
    shown = table.lines(Screen(80, True))
    assert "\x1b[31m-1.00\x1b[0m" in shown[-1]
    assert [re.sub(r"\x1b\[\d+m", "", line) for line in shown] == table.lines(Screen(80, False))
    assert "\x1b" not in "".join(table.lines(PIPE))

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for name in ("NO_COLOR", "COLUMNS", "TERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "64")
    assert screen_of(Terminal()) == (64, True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert screen_of(Terminal()) == (64, False)
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert screen_of(Terminal()) == (64, False)
    assert screen_of(io.StringIO()) == (None, False)


def test_a_name_moves_no_cursor_and_wide_letters_are_counted_as_wide() -> None:
    assert clean("a\x1b[2Jb\nc") == "a�[2Jb�c"
    assert clean_lines("a\x1b[2Jb\n\tc\u202e") == "a�[2Jb\n\tc�"
    table = TextTable(Heading("\x1b[2Jevil\u202e"))
    table.add("1")
    assert table.lines(PIPE)[0] == "�[2Jevil�"
    assert columns_of("日経") == 4
    table = TextTable(Heading("N"), Heading("B"))
    table.add("日経", "x")
    table.add("abcd", "y")
    assert table.lines(PIPE)[1:] == ["日経  x", "abcd  y"]
    assert coloured("a", "red", PIPE) == "a"


def test_a_row_has_a_cell_for_each_heading() -> None:
    with pytest.raises(ValueError, match="1 cells under 2 headings"):
        TextTable(Heading("A"), Heading("B")).add("x")
