"""Changes that are made on purpose: which ones there are, that they take effect where a function is, and answers."""

from __future__ import annotations

import ast
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tools.mutants import answers
from tools.mutants.changes import Change, changes_of, statements_of
from tools.mutants.code import Loaded, fits
from tools.mutants.draw import drawn
from tools.mutants.touch import NOTED, Notes, noting

SOURCE = '''"""A module."""

LIMIT = 5


def step(function):
    return function


def verb(function, other):
    return function


@step
def smaller(one: float, other: float = 0.0) -> float:
    """What is left."""
    if one < other and other != 0.0:
        one = min(one, other) - 1.0
        return one
    for number in range(2):
        if number == 1:
            continue
    return abs(one)


def _texts(one):
    return one + 1.5


of_texts = verb(_texts, _texts)


class Box:
    def __init__(self, size: int) -> None:
        self.size = size

    def add(self, more: int) -> int:
        self.size += more
        assert self.size > 0
        if more < 0:
            raise ValueError(f"{more + 1}")
        return max((each * more for each in (1, 2) if each > 0), default=0)
'''


def changes(folder: Path, text: str = SOURCE) -> tuple[ast.Module, list[Change]]:
    path = folder / "boxes.py"
    path.write_text(text)
    return changes_of(folder, path)


def loaded(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def test_each_part_of_a_function_is_changed_in_its_own_way(tmp_path: Path) -> None:
    _, found = changes(tmp_path)
    made = {(c.function, c.original, c.mutated) for c in found}
    condition = "if one < other and other != 0.0:"
    for new in (
        "if one <= other and other != 0.0:",
        "if one > other and other != 0.0:",
        "if one < other or other != 0.0:",
        "if one < other:",
        "if other != 0.0:",
        "if one < other and other == 0.0:",
        "if one < other and other != 1.0:",
        "if True:",
        "if False:",
    ):
        assert ("smaller", condition, new) in made
    for old, new in (
        ("one = min(one, other) - 1.0", "one = max(one, other) - 1.0"),
        ("one = min(one, other) - 1.0", "one = min(one, other) + 1.0"),
        ("one = min(one, other) - 1.0", "pass"),
        ("return one", "return -one"),
        ("return abs(one)", "return one"),
        ("continue", "break"),
        ("for number in range(2):", "for number in range(3):"),
    ):
        assert ("smaller", old, new) in made
    assert ("Box.add", "self.size += more", "self.size -= more") in made
    assert ("Box.add", "self.size += more", "pass") in made
    assert not [c for c in found if c.function in ("step", "verb", "Box.__init__")]
    assert not [c for c in found if "assert" in c.original or "raise" in c.original or "LIMIT" in c.original]


def test_a_change_leaves_the_tree_as_it_was_and_has_the_same_name_wherever_its_line_is(tmp_path: Path) -> None:
    tree, found = changes(tmp_path)
    assert ast.unparse(tree) == ast.unparse(ast.parse(SOURCE))
    moved = SOURCE.replace("\n\n\n@step", "\n\n\ndef other(x):\n    return x + 1\n\n\n@step").replace(
        "min(one, other)", "min(\n one,\n other)"
    )
    names = {change.name for change in changes(tmp_path, moved)[1]}
    assert {change.name for change in found} <= names
    assert len({change.name for change in found}) == len(found)


def test_rules_weigh_more_than_what_is_around_them(tmp_path: Path) -> None:
    _, found = changes(tmp_path)
    weight = {name: sum(c.weight for c in found if c.function == name) for name in ("smaller", "_texts", "Box.add")}
    # as many as they have statements; 0.4 of it where it is neither a step nor one of a rule's texts
    assert {name: round(sum_of, 9) for name, sum_of in weight.items()} == {
        "smaller": 7.0,
        "_texts": 1.0,
        "Box.add": 2.0,
    }


def test_fewer_are_the_first_of_more_and_a_seed_draws_the_same(tmp_path: Path) -> None:
    _, found = changes(tmp_path)
    ten = drawn(found, 10, 1, _any)
    assert drawn(list(reversed(found)), 20, 1, _any)[:10] == ten
    assert drawn(found, 10, 2, _any) != ten
    assert len(drawn(found, 1000, 1, _any)) == len(found)
    assert drawn(found, 10, 1, lambda change: change != ten[0])[:9] == ten[1:]


def _any(change: Change) -> bool:
    return True


def test_a_change_after_which_a_function_finds_other_names_is_not_drawn(tmp_path: Path) -> None:
    tree, found = changes(tmp_path, "class A(B):\n    def f(self, x):\n        super().f(x)\n        self.y = x + x\n")
    fitting = {change.mutated for change in found if fits(str(tmp_path / "boxes.py"), tree, change.edit)}
    assert fitting == {"self.y = x - x", "pass"}
    assert [c.original for c in found if not fits(str(tmp_path / "boxes.py"), tree, c.edit)] == ["super().f(x)"]


def test_a_function_is_changed_for_everybody_who_holds_it(tmp_path: Path) -> None:
    tree, found = changes(tmp_path)
    module = loaded(tmp_path / "boxes.py")
    held, box = module.smaller, module.Box(1)
    functions = Loaded({str(tmp_path / "boxes.py")})
    assert (held(3.0, 4.0), box.add(3)) == (2.0, 6)
    for change in found:
        if change.mutated in (
            "one = max(one, other) - 1.0",
            "return max((each / more for each in (1, 2) if each > 0), default=0)",
        ):
            change.edit.make()
    functions.replace(str(tmp_path / "boxes.py"), tree)
    assert (held(3.0, 4.0), box.add(4)) == (3.0, 0.5)


def test_statements_that_ran_are_known(tmp_path: Path) -> None:
    changes(tmp_path)
    path = tmp_path / "boxes.py"
    module, notes = loaded(path), Notes()
    functions = Loaded({str(path)})
    tree, count = noting(str(path), path.read_bytes())
    for names in functions.globals_of(str(path)):
        names[NOTED] = notes.array("boxes.py", count)
    functions.replace(str(path), tree)
    written = [ast.unparse(statement).split("\n")[0] for statement in statements_of(ast.parse(SOURCE))]
    assert module.smaller(3.0, 4.0) == 2.0
    ran = [written[number] for number in notes.take()["boxes.py"]]
    assert ran == ["if one < other and other != 0.0:", "one = min(one, other) - 1.0", "return one"]
    assert notes.take() == {}
    module.smaller(3.0)
    assert "continue" in [written[number] for number in notes.take()["boxes.py"]]


def test_questions_are_entries_that_can_be_answered(tmp_path: Path) -> None:
    _, found = changes(tmp_path)
    text = answers.questions(found)
    with pytest.raises(ValueError, match="answered by equivalent or by killed_by"):
        answers.read(_list(tmp_path, text))
    read = answers.read(_list(tmp_path, text.replace('equivalent = ""', 'equivalent = "it is"')))
    assert [answer.name for answer in read] == [change.name for change in found]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ('file = "a"\nfunction = "f"\noriginal = "x"\nmutated = "y"', "equivalent or by killed_by"),
        ('file = "a"\nfunction = "f"\noriginal = "x"\nequivalent = "z"', "mutated"),
        ('file = "a"\nline = 3\nequivalent = "z"', "line"),
    ],
)
def test_an_answer_that_says_too_little_or_too_much_is_refused(tmp_path: Path, entry: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        answers.read(_list(tmp_path, f"[[survivor]]\n{entry}\n"))


def _list(folder: Path, text: str) -> Path:
    path = folder / "survivors.toml"
    path.write_text(text, encoding="utf-8")
    return path
