"""``python -m tools.compared --from FOLDER``: hold this engine against what others publish, and write the page.

Exit status 1 where a figure that stood is not met any more, or one differs for no reason that is known; 2 where there
is no checkout at all. A peer without a checkout keeps its section of the page, and is named.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from backbus.errors import BackbusError
from tools.compared.page import page, section, sections, worse
from tools.compared.sources import commit
from tools.wrap import wrapped

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "compared.md"
PEERS = ("qstrader", "backtesting_py", "empyrical", "zipline", "bt", "vectorbt", "freqtrade", "lean")
"""Modules of this package, in the order of the page."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    ask = argparse.ArgumentParser(prog="python -m tools.compared", description=__doc__)
    ask.add_argument("--from", dest="folder", type=Path, required=True, help="the folder with the checkouts")
    ask.add_argument("--page", type=Path, default=PAGE, help="the page to write")
    ask.add_argument("--only", action="append", choices=PEERS, help="one peer; may be given more than once")
    ask.add_argument("--json", action="store_true", help="one JSON object on standard output")
    asked = ask.parse_args(arguments)

    old = sections(asked.page.read_text(encoding="utf-8")) if asked.page.is_file() else {}
    made, missing, failed, told = {}, [], [], []
    for name in PEERS:
        peer = import_module(f"tools.compared.{name}")
        checkout = asked.folder / peer.CHECKOUT
        if not checkout.is_dir():
            missing.append(peer.CHECKOUT)
        elif not asked.only or name in asked.only:
            print(f"{peer.ENGINE} ...", file=sys.stderr, flush=True)
            try:
                rows = list(peer.rows(checkout))
            except BackbusError as error:
                failed.append(f"{peer.ENGINE}: a job of it does not run: {error}")
                if peer.ENGINE in old:
                    made[peer.ENGINE] = old[peer.ENGINE]
                continue
            except (ArithmeticError, AssertionError, LookupError, OSError, StopIteration, ValueError) as error:
                failed.append(f"{peer.ENGINE}: its files are not as they were ({type(error).__name__}: {error})")
                if peer.ENGINE in old:
                    made[peer.ENGINE] = old[peer.ENGINE]
                continue
            made[peer.ENGINE] = section(peer.ENGINE, commit(checkout), peer.ABOUT, rows)
            failed += worse(old.get(peer.ENGINE), made[peer.ENGINE])
            told += [{"engine": peer.ENGINE, **row._asdict(), "same": row.same, "why": row.verdict} for row in rows]
            continue
        if peer.ENGINE in old:
            made[peer.ENGINE] = old[peer.ENGINE]
    if len(missing) == len(PEERS):
        print(f"no checkout in {asked.folder}: it holds none of {', '.join(missing)}", file=sys.stderr)
        return 2
    asked.page.write_text(wrapped(page(made)), encoding="utf-8")
    if asked.json:
        print(json.dumps({"rows": told, "missing": missing, "failed": failed}, ensure_ascii=False))
    else:
        for title, one in made.items():
            figures, same = one.counts
            print(f"{title}: {figures} figures, {same} the same")
    for name in missing:
        print(f"no checkout {name}: what the page says of it stays as it is", file=sys.stderr)
    for line in failed:
        print(f"not met: {line}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
