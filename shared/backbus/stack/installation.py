"""What of an installation is as it must be: Python, libraries, the processes' folder, kernels, what draws figures."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from backbus.api import compiled
from backbus.extras import EXTRAS, install
from backbus.jit.sources import cache_home
from backbus.stack import kernels

State = Literal["ok", "note", "wrong"]


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """One thing that was looked at. A ``note`` is worth knowing, and nothing fails by it."""

    what: str
    state: State
    told: str
    mend: str = ""
    """What to do about it; empty where that is nothing."""

    def plain(self) -> dict[str, str]:
        """As JSON has it."""
        return {"what": self.what, "state": self.state, "told": self.told, "mend": self.mend}


def installation() -> Iterator[HealthCheck]:
    """All of it."""
    yield _python()
    yield from _libraries()
    yield _processes()
    yield from _kernels()
    yield _figures()


def _metadata() -> importlib.metadata.Distribution | None:
    try:
        return importlib.metadata.distribution("backbus")
    except importlib.metadata.PackageNotFoundError:
        return None


def _python() -> HealthCheck:
    found = _metadata()
    wanted = "" if found is None else found.metadata["Requires-Python"] or ""
    told = f"{platform.python_version()} ({platform.python_implementation()})"
    if not _satisfies(platform.python_version(), wanted):
        return HealthCheck(
            "python", "wrong", f"{told}, and backbus asks for {wanted}", "make an environment with another"
        )
    return HealthCheck("python", "ok", told)


_ASKED = re.compile(r"^([\w.-]+)(?:\[[^\]]*\])?\s*((?:[<>=!~]=?\s*[\w.*]+,?\s*)*)(?:;\s*(.*))?$")
_EXTRA = re.compile(r"extra == ['\"](\w+)['\"]")


def _libraries() -> Iterator[HealthCheck]:
    found = _metadata()
    if found is None:
        yield HealthCheck(
            "libraries", "note", "backbus runs from its folder and is not installed", "pip install -e . installs it"
        )
        return
    wrong: list[str] = []
    mend: list[str] = []
    absent: dict[str, list[str]] = {}
    count = 0
    for line in found.requires or ():
        asked = _ASKED.match(line)
        if asked is None:
            continue
        name, versions, condition = asked[1], asked[2] or "", asked[3] or ""
        extra = _EXTRA.search(condition)
        if extra is not None and (extra[1] not in EXTRAS or extra[1] == "figures"):
            continue
        try:
            there = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            if extra is None:
                wrong.append(f"{name} is missing")
                mend.append(f'"{name}{versions.strip()}"')
            else:
                absent.setdefault(extra[1], []).append(name)
            continue
        count += 1
        if not _satisfies(there, versions):
            wrong.append(f"{name} is {there}, and {versions.strip()} is asked for")
            mend.append(f'"{name}{versions.strip()}"')
    if wrong:
        yield HealthCheck("libraries", "wrong", "; ".join(wrong), f"pip install {' '.join(mend)}")
    else:
        yield HealthCheck("libraries", "ok", f"{count} are there, in versions that are asked for")
    for extra_name, names in absent.items():
        told = f"{', '.join(names)} is not there: what needs the extra {extra_name} is refused"
        yield HealthCheck("extras", "note", told, install(extra_name))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.partition("+")[0])[:4])


def _satisfies(version: str, wanted: str) -> bool:
    """Whether a version is at least those that are asked for; other conditions are for pip to look at."""
    return all(_numbers(version) >= _numbers(least) for least in re.findall(r">=\s*([\w.]+)", wanted))


def _processes() -> HealthCheck:
    folder = compiled.PACKAGE / "services"
    if (folder / "orchestrator" / "__main__.py").is_file():
        return HealthCheck("processes", "ok", "their modules are there")
    return HealthCheck(
        "processes",
        "wrong",
        f"{folder} is no folder of modules, so no stack can start",
        "where git cannot make links, set core.symlinks, and check out anew; the README says what Windows needs",
    )


def _kernels() -> Iterator[HealthCheck]:
    if compiled.are_disabled():
        yield HealthCheck("kernels", "note", "NUMBA_DISABLE_JIT is set: rules run as plain Python, slowly", "unset it")
    elif compiled.marker().exists():
        yield HealthCheck("kernels", "ok", "all are compiled, for these sources and this place")
    else:
        some = "some are compiled" if compiled.kept_anywhere() else "none is compiled"
        told = f"{some} for these sources and this place: what needs others first compiles them ({kernels.how_long()})"
        yield HealthCheck("kernels", "note", told, "`backbus compile` compiles all")
    count, size = kernels.of_other_states()
    if size > 1 << 30:
        told = f"{count} states of the sources before left {size >> 20} MiB of compiled code"
        yield HealthCheck("kernels", "note", told, f"remove compiled-* in {cache_home()}; what is needed comes again")


_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")


def _figures() -> HealthCheck:
    def there(name: str) -> bool:
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            return False
        return True

    if not there("plotly"):
        return HealthCheck("figures", "note", "plotly is not there: --figure is refused", install("figures"))
    missing = [] if there("kaleido") else ["kaleido"]
    browser = os.environ.get("BROWSER_PATH") or next(filter(None, map(shutil.which, _BROWSERS)), None)
    if browser is None:
        missing.append("a Chromium")
    if missing:
        told = f"pages can be drawn; .svg, .png and .pdf cannot, for want of {' and '.join(missing)}"
        return HealthCheck("figures", "note", told, "pip install kaleido, and install Chromium or Chrome")
    return HealthCheck("figures", "ok", f"pages can be drawn, and pictures by {browser}")
