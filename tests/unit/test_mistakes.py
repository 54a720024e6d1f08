"""All mistakes of a job file are told at once, each with the line that it stands in."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backbus import Job
from backbus.cli.job_file import job_of
from backbus.errors import JobError, StrategyError, UsageError
from backbus.job.places import Places

SIX = """\
name = "six"

[data]
file = "*.csv"  # what is meant is files
start = 2020

[strategy]
use = "SmaCross"
fst = 5

[portfolio]
cash = -5
sizing = { model = "fixed_quantity", quantty = 3 }

[[instruments]]
symbols = "A*"

[[instruments]]
symbols = "B*"
slippage = { model = "bsp", bps = 1 }
"""
TOLD = [
    ("data.file", 4, "there is no such setting; did you mean 'files'?"),
    ("data.start", 5, "must be a date, as 2024-01-31, or a date and time, as 2024-01-31T09:30, not 2020"),
    ("strategy.fst", 9, "SmaCross has no such parameter; did you mean 'fast'?"),
    ("portfolio.cash", 12, "must be greater than 0, not -5"),
    ("portfolio.sizing.quantty", 13, "there is no such setting; did you mean 'quantity'?"),
    ("instruments.1.slippage", 20, "unknown model; did you mean 'bps'? choose one of "),
]


def mistakes(path: Path, *sets: str) -> JobError:
    with pytest.raises(JobError) as caught, job_of(path, sets):
        pass
    return caught.value


def written(folder: Path, text: str) -> Path:
    path = folder / "job.toml"
    path.write_text(text)
    return path


def test_a_command_lists_all_mistakes_with_their_lines(tmp_path: Path) -> None:
    written(tmp_path, SIX)
    words = (sys.executable, "-m", "backbus", "run", "job.toml", "--set", "run.blok=4", "--json")
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    told = json.loads(done.stdout)
    assert (told["error"]["file"], told["error"]["line"], told["error"]["field"]) == ("job.toml", 4, "data.file")
    *found, of_set = told["mistakes"]
    assert [(one["setting"], one["line"]) for one in found] == [(setting, line) for setting, line, _ in TOLD]
    assert all(one["problem"].startswith(problem) for one, (_, _, problem) in zip(found, TOLD, strict=True))
    assert of_set == {"setting": "run.blok", "line": None, "problem": "there is no such setting; did you mean 'block'?"}
    title, *lines = done.stderr.splitlines()
    assert title == "error: job.toml: 7 mistakes:"
    assert lines[0] == "  job.toml:4: data.file: there is no such setting; did you mean 'files'?"
    assert lines[-1] == "  --set: run.blok: there is no such setting; did you mean 'block'?"
    assert len(lines) == 7


def test_python_has_all_mistakes_too_and_one_alone_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(JobError) as caught:
        Job.parse(tomllib.loads(SIX))
    assert {one.setting for one in caught.value.mistakes} == {setting for setting, _, _ in TOLD} - {"strategy.fst"}
    assert str(caught.value).startswith("5 mistakes:\n  ")
    path = written(tmp_path, '[strategy]\nuse = "SmaCross"\n[data]\nfiles = "a.csv"\nadjust = "all"\n')
    with pytest.raises(JobError) as caught:
        Job.load(path)
    assert str(caught.value).startswith(f"{path}:5: data.adjust: must be ")
    assert (caught.value.line, caught.value.field, len(caught.value.mistakes)) == (5, "data.adjust", 1)


def test_what_follows_from_another_mistake_is_not_told(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        '[strategy]\nuse = "SmaCross"\n[simulator]\nrows = 9\n'
        '[[simulator.assets]]\nsymbol = "A"\npath = { model = "gbm", volatilty = 0.2 }\n',
    )
    assert [(one.setting, one.line) for one in mistakes(path).mistakes] == [("simulator.assets.0.path.volatilty", 7)]


def test_what_is_set_is_told_as_set_and_what_the_file_says_beside_it_by_its_line(tmp_path: Path) -> None:
    path = written(tmp_path, '[strategy]\nuse = "SmaCross"\n[execution]\nfill = "opn"\n')
    found = mistakes(path, "execution.slippage={model='bps', bp=1}").mistakes
    assert [(one.place, one.setting, one.line) for one in found] == [
        (f"{path}:4", "execution.fill", 4),
        ("--set", "execution.slippage.bp", None),
    ]
    assert mistakes(path, "execution.fill=3").mistakes[0].place == "--set"


def test_what_is_seen_later_tells_its_line_too(tmp_path: Path) -> None:
    path = written(tmp_path, '[strategy]\nuse = "SmaCross"\nfast = 3\n')
    with pytest.raises(JobError, match=r"job.toml:3: strategy.fast: is odd") as caught, job_of(path):
        raise JobError("is odd", field="strategy.fast")
    assert caught.value.line == 3
    with pytest.raises(JobError, match=r"^elsewhere\.toml: is odd$"), job_of(path):
        raise JobError("is odd", file="elsewhere.toml")


def test_what_is_no_job_is_told_with_a_way_on(tmp_path: Path) -> None:
    written(tmp_path, "")
    (tmp_path / "mine.py").write_text("")
    with pytest.raises(JobError, match=r"is a folder; give the path of a job file, it has job\.toml"):
        Job.load(tmp_path)
    with pytest.raises(JobError, match="that is a strategy; a job has it as ") as caught:
        Job.load(tmp_path / "mine.py")
    advised = re.search(r"(\[strategy\]) (use = .*?);", str(caught.value))
    assert advised is not None
    assert Job.load(written(tmp_path, f"{advised[1]}\n{advised[2]}\n")).strategy.use == "mine.py:ClassName"
    assert issubclass(JobError, UsageError)


def test_a_class_that_says_nothing_is_no_choice_to_make(tmp_path: Path) -> None:
    from backbus.strategy import load_strategy

    path = tmp_path / "mine.py"
    path.write_text("from backbus import Strategy\nclass Nothing(Strategy): pass\n")
    with pytest.raises(StrategyError, match=r"mine.py: Nothing defines neither signals.* nor on_bar"):
        load_strategy("mine.py", {"mine.py": path})


def paths_of(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if path:
        yield path
    if isinstance(value, dict):
        for name, one in value.items():
            yield from paths_of(one, (*path, name))
    if isinstance(value, list):
        for number, one in enumerate(value):
            yield from paths_of(one, (*path, str(number)))


def placed(text: str) -> set[tuple[str, ...]]:
    places = Places(text)
    return {path for path in paths_of(tomllib.loads(text)) if path not in places.known}


@pytest.mark.parametrize("path", sorted(Path("examples").rglob("*.toml")), ids=lambda path: path.stem)
def test_each_setting_of_every_example_has_its_line(path: Path) -> None:
    text = path.read_text()
    assert placed(text) == set()
    lines = text.splitlines()
    places = Places(text)
    for setting in places.known:
        name = next(part for part in reversed(setting) if not part.isdigit())
        line = places.line_of(setting)
        assert line is not None
        if not setting[-1].isdigit():
            assert name in lines[line - 1], setting


KEYS = ("a", "b-1", '"c.d"', "'e f'", '"g\\"]"', "h . i", "7")
TEXTS = (
    '"x # y"', "'[z]'", '"""one\n[two]\nthree = "4\\""""', "'''\n= ]\n'''", '""', "''", '"\\\\"', "1_000", "-inf",
    "1979-05-27 07:32:00", "true",
)  # fmt: skip


def value_of(chance: random.Random, depth: int) -> str:
    kind = chance.randrange(4) if depth < 3 else 0
    if kind == 2:
        inner = [value_of(chance, depth + 1) for _ in range(chance.randrange(4))]
        return "[" + chance.choice([",", " ,\n # ] no end\n"]).join(inner) + chance.choice(["]", "\n]"])
    if kind == 3:
        keys = chance.sample(KEYS, chance.randrange(4))
        inner = [f"{key} = {value_of(chance, 9)}" for key in keys]
        return "{ " + ", ".join(inner) + " }"
    return chance.choice(TEXTS)


def file_of(chance: random.Random) -> tuple[str, dict[str, int]]:
    """A file, and the line that each mark in it stands in."""
    text, marks = "", {}
    for table in range(6):
        header = chance.choice(["", f"[t{table}.'x y']", "[[list]]", "[[ far.list ]] # [no]", f"[list.in{table}]"])
        if header.startswith("[list.") and "[[list]]" not in text:
            header = ""
        text += f"{header}\n" if table else ""
        for key in chance.sample(KEYS, 2):
            mark = f"mark{len(marks)}"
            dotted = f"{key.partition(' . ')[0]}.{mark}" if chance.random() < 0.5 else mark
            marks[mark] = text.count("\n") + 1
            text += f"{dotted} = {value_of(chance, 0)} # 'odd\n"
    return text, marks


def test_every_setting_of_any_file_has_its_line() -> None:
    tried = 0
    for seed in range(400):
        text, marks = file_of(random.Random(seed))
        try:
            tomllib.loads(text)
        except tomllib.TOMLDecodeError:  # it names a thing twice
            continue
        tried += 1
        assert placed(text) == set(), text
        places = Places(text)
        for setting in places.known:
            if setting[-1] in marks:
                assert places.line_of(setting) == marks[setting[-1]], (setting, text)
                assert places.line_of((*setting, "no", "such")) == marks[setting[-1]]
    assert tried > 100


def test_what_is_nowhere_has_the_line_of_what_is_around_it() -> None:
    places = Places("[a]\nb = 1\n[a.c]\n[[d]]\n[[d]]\ne = 1\n")
    assert places.line_of(("a", "x")) == 1
    assert places.line_of(("a", "c", "x")) == 3
    assert places.line_of(("d", "0", "e")) == 4
    assert places.line_of(("d", 1, "x")) == 5
    assert places.line_of(("x",)) is None
