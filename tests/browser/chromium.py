"""A headless Chromium, driven over two pipes in the words of its DevTools protocol: no port, no driver, no network."""

from __future__ import annotations

import base64
import fcntl
import itertools
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
ABSENT = (
    "there is no Chromium to open a report in: install the Debian package chromium "
    "(apt-get install --no-install-recommends chromium)"
)
WAIT_S = 60.0


def executable() -> str | None:
    """Where a Chromium is; None where there is none."""
    return next((found for found in map(shutil.which, NAMES) if found), None)


class Browser:
    """One page of one Chromium. All that it asks another host for is in ``asked``."""

    def __init__(self) -> None:
        found = executable()
        if found is None:
            raise AssertionError(ABSENT)
        self._home = tempfile.TemporaryDirectory(prefix="backbus-chromium-", ignore_cleanup_errors=True)
        self._read, theirs_out = os.pipe()
        theirs_in, self._write = os.pipe()
        ends = [fcntl.fcntl(one, fcntl.F_DUPFD, 10) for one in (theirs_in, theirs_out)]  # 3 and 4 are theirs
        self._number = itertools.count(1)
        self._buffer = b""
        self.events: list[dict[str, Any]] = []
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
        options += ["--disable-background-networking", "--disable-component-update", "--disable-extensions"]
        options += ["--remote-debugging-pipe", f"--user-data-dir={self._home.name}", "--hide-scrollbars"]

        joined = "import os, sys; _, a, b, *c = sys.argv; os.dup2(int(a), 3); os.dup2(int(b), 4); os.execv(c[0], c)"
        command = [sys.executable, "-S", "-c", joined, *map(str, ends), found, *options, "about:blank"]
        self._process = subprocess.Popen(
            command,
            pass_fds=ends,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for end in (theirs_in, theirs_out, *ends):
            os.close(end)
        self._session = ""
        (page,) = (one for one in self._ask("Target.getTargets")["targetInfos"] if one["type"] == "page")
        attached = self._ask("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self._ask(f"{domain}.enable")

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        os.close(self._read)
        os.close(self._write)
        self._home.cleanup()

    # --- messages --------------------------------------------------------------------------------------------------

    def _ask(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._number)
        told = {"id": number, "method": method, "params": params}
        if self._session:
            told["sessionId"] = self._session
        left = json.dumps(told).encode() + b"\0"
        while left:
            left = left[os.write(self._write, left) :]
        until = time.monotonic() + WAIT_S
        while True:
            answer = self._next(until)
            if answer.get("id") == number:
                if "error" in answer:
                    raise AssertionError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result
            self.events.append(answer)

    def _next(self, until: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            if not select.select([self._read], [], [], max(0.0, until - time.monotonic()))[0]:
                raise AssertionError(f"Chromium did not answer within {WAIT_S:g} s")
            more = os.read(self._read, 1 << 20)
            if not more:
                raise AssertionError("Chromium has ended")
            self._buffer += more
        message, _, self._buffer = self._buffer.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found

    # --- what a person does ----------------------------------------------------------------------------------------

    def look(self, *, width: int = 1440, height: int = 900, dark: bool = False) -> None:
        """The size of the window, and what the system says of light and dark."""
        self._ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        wanted = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self._ask("Emulation.setEmulatedMedia", features=wanted)

    def open(self, path: Path, ready: str = "document.documentElement.dataset.ready === 'yes'") -> None:
        """Open a file, and wait until all of it is drawn."""
        self.events.clear()
        self._ask("Page.navigate", url=path.resolve().as_uri())
        self.wait(ready)

    def run(self, script: str) -> Any:
        """The value of an expression, or of what it promises."""
        answer = self._ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def wait(self, script: str) -> None:
        """Until an expression is true."""
        waits = (
            f"new Promise((done) => {{ const look = () => {{ let is = false; try {{ is = {script}; }} catch {{}} "
            "if (is) done(true); else setTimeout(look, 20); }; look(); })"
        )
        self.run(waits)

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """What is seen, as PNG."""
        answer = self._ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(answer["data"]))

    def paper(self, path: Path) -> None:
        """All of it as PDF, as it is printed."""
        answer = self._ask("Page.printToPDF", printBackground=False, preferCSSPageSize=True)
        path.write_bytes(base64.b64decode(answer["data"]))

    def asked(self) -> list[str]:
        """What it asked any host for, since the page was opened."""
        urls = [
            event["params"]["request"]["url"]
            for event in self.events
            if event.get("method") == "Network.requestWillBeSent"
        ]
        return [url for url in urls if not url.startswith(("file:", "data:", "blob:"))]

    def complaints(self) -> list[str]:
        """Errors of the page's scripts, and what its policy forbade."""
        found = []
        for event in self.events:
            if event.get("method") == "Runtime.exceptionThrown":
                found.append(json.dumps(event["params"]["exceptionDetails"])[:2000])
            elif event.get("method") == "Log.entryAdded" and event["params"]["entry"]["level"] == "error":
                found.append(event["params"]["entry"]["text"])
        return found
