"""Draw the life of an order in ``docs/fills.md`` from its table, and list what orders are told by:
``python tools/order_states.py``.

Each stands before an ``<!-- end -->``: after ``<!-- states -->`` a Mermaid drawing of ``trading/order_states.py``,
after ``<!-- types -->`` a table of ``trading/order_types.py``, after ``<!-- kinds -->`` and ``<!-- rules -->`` the
numbers of ``trading/codes.py``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from backbus.trading.codes import FILL_RULES, ORDER_TYPES, SIGNAL_KINDS
from backbus.trading.order_states import NEVER, NEXT_STATE, OrderEvent, OrderState
from backbus.trading.order_types import HAS, WAITS_FOR, Has

PAGE = Path(__file__).resolve().parent.parent / "docs" / "fills.md"


def drawing() -> str:
    """The states, and which event leads from one to which; what leaves a state as it is is left out."""
    lines = ["stateDiagram-v2", "    [*] --> LIVE: placed", "    [*] --> ASLEEP: placed as an exit"]
    for state, name in enumerate(OrderState._fields):
        for event, told in enumerate(OrderEvent._fields):
            follows = int(NEXT_STATE[state, event])
            if follows not in (NEVER, state):
                lines.append(f"    {name} --> {OrderState._fields[follows]}: {told}")
    lines += [
        f"    {name} --> [*]: {'ended' if name == 'ASLEEP' else 'filled or ended'}" for name in OrderState._fields
    ]
    return "```mermaid\n" + "\n".join(lines) + "\n```"


def types() -> str:
    """What each type of order waits for."""
    rows = []
    for name, asked in zip(ORDER_TYPES, HAS, strict=True):
        # The stop comes before the limit: an order with both is a limit order once its stop was met.
        waits = ", then ".join(told for has, told in WAITS_FOR.items() if asked & has)
        if asked & Has.CLOSE and asked & Has.LIMIT:
            waits = "the next close, if that is as good as its limit"
        if asked & Has.TRAIL:
            waits += ", by a fraction of it" if asked & Has.FRACTION else ", by an amount"
        rows.append(f"| {len(rows)} | `{name}` | {waits or 'nothing: it fills at the next open'} |")
    return "| | type | waits for |\n|---|---|---|\n" + "\n".join(rows)


def numbers(words: Sequence[str], *, code: bool) -> str:
    """The numbers of a family with their words, those left out that mean nothing."""
    told = [(number, word) for number, word in enumerate(words) if not word.startswith("(")]
    return "| | |\n|---|---|\n" + "\n".join(f"| {number} | {f'`{word}`' if code else word} |" for number, word in told)


def made() -> dict[Path, str]:
    """The page as it should be."""
    text = PAGE.read_text(encoding="utf-8")
    for name, body in (
        ("states", drawing()),
        ("types", types()),
        ("kinds", numbers(SIGNAL_KINDS, code=True)),
        ("rules", numbers(FILL_RULES, code=False)),
    ):
        text, count = re.subn(
            rf"(<!-- {name} -->\n).*?(\n<!-- end -->)",
            lambda found, body=body: found[1] + body + found[2],  # type: ignore[misc]
            text,
            flags=re.DOTALL,
        )
        if count != 1:
            raise ValueError(f"{PAGE} has {count} places for {name}")
    return {PAGE: text}


if __name__ == "__main__":
    for path, text in made().items():
        path.write_text(text, encoding="utf-8")
