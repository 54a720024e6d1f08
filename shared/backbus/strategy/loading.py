"""From what a job names to a strategy's class: a built-in, or a class in a bundle of files.

A bundle's modules live in ``sys.modules`` only while they import each other, so that two versions of one file can be
loaded one after another, and a file beside a strategy hides nothing from anybody else. The files may lie anywhere
under any name: modules are made from their text, and tracebacks show their names in the bundle.
"""

from __future__ import annotations

import builtins
import difflib
import importlib.abc
import importlib.machinery
import importlib.util
import linecache
import sys
import threading
import types
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from types import CodeType, ModuleType
from typing import Any, NamedTuple

from backbus.errors import JobError, StrategyError
from backbus.limits import executing
from backbus.strategy.base import Strategy
from backbus.strategy.builtins import BUILTINS, CLASSES
from backbus.strategy.bundling import FIELD, bundle, split_use
from backbus.strategy.failure import RAISED, told_of, user_traceback, users_code
from backbus.strategy.lasting import Prints, changed, prints_of

__all__ = ["anew", "bundle", "load_modules", "load_strategy", "remembers", "untouched"]

NO_STYLE = "defines neither signals(self, bars) nor on_bar(self, bar); write one of them"

_LOCK = threading.RLock()


def load_strategy(use: str, files: Mapping[str, Path]) -> type[Strategy]:
    """The class that ``use`` names; ``files`` is its bundle, by relative name. Raises JobError or StrategyError."""
    if use in BUILTINS:
        return BUILTINS[use]
    written, wanted = split_use(use)
    if not written.endswith(".py"):
        close = difflib.get_close_matches(use, BUILTINS, n=1)
        names = ", ".join(strategy.__name__ for strategy in CLASSES)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {names}, or name a file: my_file.py:MyClass"
        raise JobError(f"there is no built-in strategy {use!r}; {hint}", field=FIELD)
    main = written if written in files else PurePosixPath(written).name
    if main not in files:
        raise JobError(f"the bundle has no file {main}; it has {', '.join(sorted(files)) or 'none'}", field=FIELD)
    return _loaded(_Bundle(files), main, wanted)


def load_modules(files: Mapping[str, Path]) -> Callable[[str], ModuleType]:
    """What executes the files of a bundle, each once: by name, modules that nobody else has."""
    return _Bundle(files).load


class _Origin(NamedTuple):
    """Where a class is from."""

    bundle: _Bundle
    main: str
    wanted: str | None
    prints: Prints
    """Of its modules, as they were when nobody had used them."""


_ORIGINS: weakref.WeakKeyDictionary[type[Strategy], _Origin] = weakref.WeakKeyDictionary()


def _loaded(modules: _Bundle, main: str, wanted: str | None) -> type[Strategy]:
    found = _chosen(modules.load(main), main, wanted)
    _ORIGINS[found] = _Origin(modules, main, wanted, prints_of(modules.modules))
    return found


def remembers(strategy: type[Strategy], before: Prints | None = None) -> list[str]:
    """What the files of a strategy remember of runs, by name; none for one that is built in. ``before`` is what was
    there, of a class that was handed over."""
    origin = _ORIGINS.get(strategy)
    if origin is not None:
        return changed(origin.prints, prints_of(origin.bundle.modules))
    return [] if before is None else changed(before, prints_of_class(strategy))


def untouched(strategy: type[Strategy]) -> type[Strategy]:
    """The class out of modules that remember nothing: the same one, as long as they do not."""
    return anew(strategy) if remembers(strategy) else strategy


def forgetful(strategy: Strategy) -> Strategy:
    """A strategy with its parameters, out of modules that remember nothing."""
    made = untouched(type(strategy))
    if made is type(strategy):
        return strategy
    with users_code(made.__name__):
        return made(**{name: getattr(strategy, name) for name in type(strategy).model_fields})


def anew(strategy: type[Strategy]) -> type[Strategy]:
    """The class out of fresh modules, made of the text that was read at first; itself where it is of no bundle."""
    origin = _ORIGINS.get(strategy)
    return strategy if origin is None else _loaded(origin.bundle.again(), origin.main, origin.wanted)


def prints_of_class(strategy: type[Strategy]) -> Prints:
    """What a class that was handed over holds itself; nothing of one that is built in or of files."""
    if strategy in _ORIGINS or strategy.__module__.startswith("backbus."):
        return {}
    holder = types.ModuleType(strategy.__module__)
    vars(holder)[strategy.__name__] = strategy
    return prints_of([holder])


def _chosen(module: ModuleType, name: str, wanted: str | None) -> type[Strategy]:
    here = {
        key: value
        for key, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, Strategy) and value.__module__ == module.__name__
    }
    listed = ", ".join(sorted(here)) or "no strategy"
    if wanted is None:
        complete = [value for value in here.values() if value.style != "none"]
        if here and not complete:
            raise StrategyError(f"{name}: {listed} {NO_STYLE}")
        if len(complete) != 1:
            listed = ", ".join(sorted(value.__name__ for value in complete)) or listed
            raise JobError(f"{name} defines {listed}; say which: {name}:ClassName", field=FIELD)
        return complete[0]
    found = getattr(module, wanted, None)
    if found is None:
        close = difflib.get_close_matches(wanted, here, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"it defines {listed}"
        raise JobError(f"{name} has no class {wanted}; {hint}", field=FIELD)
    if not (isinstance(found, type) and issubclass(found, Strategy)):
        raise JobError(f"{name}:{wanted} is not a Strategy: write class {wanted}(Strategy)", field=FIELD)
    if found.style == "none":
        raise StrategyError(f"{name}:{wanted} {NO_STYLE}")
    return found


class _Bundle(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """The modules of one bundle; finds and executes them, and keeps them alive as long as one of them lives."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = dict(files)
        self._tops = {PurePosixPath(name).parts[0].removesuffix(".py") for name in files}
        self._modules: dict[str, ModuleType] = {}
        self._codes: dict[str, CodeType] = {}
        self._depth = 0

    @property
    def modules(self) -> Iterable[ModuleType]:
        """Those that were loaded."""
        return self._modules.values()

    def again(self) -> _Bundle:
        """The same files, with no module loaded."""
        other = _Bundle(self._files)
        other._codes = self._codes
        return other

    def load(self, main: str) -> ModuleType:
        """Execute the strategy's file, and with it what it imports."""
        name = str(PurePosixPath(main).with_suffix("")).replace("/", ".")
        try:
            with self._at_hand():
                return importlib.import_module(name)
        except JobError:
            raise
        except StrategyError as error:
            raise StrategyError(f"{main}: {error}", traceback=user_traceback(error)) from error
        except SyntaxError as error:
            raise StrategyError(
                f"{error.filename}, line {error.lineno}: {error.msg}", traceback=user_traceback(error)
            ) from error
        except RAISED as error:
            raise StrategyError(
                f"{main} cannot be loaded: {told_of(error)}", traceback=user_traceback(error)
            ) from error

    @contextmanager
    def _at_hand(self) -> Iterator[None]:
        """While this holds, the bundle's names mean its own modules; afterwards what they meant before."""
        with _LOCK:
            if self._depth:
                yield
                return
            hidden = self._taken_out()
            sys.modules.update(self._modules)
            sys.meta_path.insert(0, self)
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                sys.meta_path.remove(self)
                self._modules = self._taken_out()
                sys.modules.update(hidden)

    def _taken_out(self) -> dict[str, ModuleType]:
        names = [name for name in sys.modules if name.partition(".")[0] in self._tops]
        return {name: sys.modules.pop(name) for name in names}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Where a module of the bundle is; None for others."""
        stem = fullname.replace(".", "/")
        for name in (f"{stem}/__init__.py", f"{stem}.py"):
            if name in self._files:
                package = name.endswith("__init__.py")
                return importlib.util.spec_from_loader(fullname, self, origin=name, is_package=package)
        if any(name.startswith(f"{stem}/") for name in self._files):
            return importlib.util.spec_from_loader(fullname, self, origin=None, is_package=True)
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Run a module's text, with an ``import`` that still knows the bundle after loading."""
        assert module.__spec__ is not None
        name = module.__spec__.origin
        vars(module)["__builtins__"] = {**vars(builtins), "__import__": self._import}
        if name is not None:
            module.__file__ = name
            with executing(name):
                exec(self._code(name), vars(module))

    def _code(self, name: str) -> CodeType:
        code = self._codes.get(name)
        if code is None:
            code = self._codes[name] = self._compiled(name)
        return code

    def _compiled(self, name: str) -> CodeType:
        try:
            source = importlib.util.decode_source(self._files[name].read_bytes())
        except (OSError, UnicodeDecodeError) as error:
            raise JobError(f"{name} cannot be read: {error}", field=FIELD) from None
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        return compile(source, name, "exec", dont_inherit=True)

    def _import(self, name: str, *arguments: Any, **options: Any) -> Any:
        level = options.get("level", arguments[3] if len(arguments) > 3 else 0)
        if level or name.partition(".")[0] in self._tops:
            with self._at_hand():
                return builtins.__import__(name, *arguments, **options)
        return builtins.__import__(name, *arguments, **options)
