"""Plain Python beside compiled code: one child process in which nothing is compiled answers what all tests ask of it.

``python -m tests.plain_python`` is that child: a line on standard input names a function of a module and its arguments,
a line on standard output is what it returned, both as JSON. A warning is an error there, but for those about what a
library will do in the future.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import traceback
from types import TracebackType
from typing import Any, Self

from tests.processes import paths


class PlainPython:
    """The child, while the context lasts."""

    def __enter__(self) -> Self:
        self._child = subprocess.Popen(
            [sys.executable, "-W", "error", "-W", "default::DeprecationWarning", "-m", "tests.plain_python"],
            env={**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": paths()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __call__(self, module: str, function: str, *arguments: Any) -> Any:
        """What the function returns there; it takes and gives what JSON can say."""
        assert self._child.stdin is not None and self._child.stdout is not None
        self._child.stdin.write(json.dumps([module, function, arguments]) + "\n")
        self._child.stdin.flush()
        answer = json.loads(self._child.stdout.readline())
        assert "failed" not in answer, answer["failed"]
        return answer["returned"]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._child.communicate()


def main() -> None:
    """Answer line by line, until there are no more."""
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        module, function, arguments = json.loads(line)
        try:
            answer = {"returned": getattr(importlib.import_module(module), function)(*arguments)}
        except Exception:
            answer = {"failed": traceback.format_exc()}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
