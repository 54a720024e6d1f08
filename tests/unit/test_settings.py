"""What a wrong variable is answered with: its name, what it is, and what it should be."""

from __future__ import annotations

import pytest

from backbus.errors import UsageError
from backbus.settings import Settings


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("BACKBUS_BEAT_S", "soon", "number"),
        ("BACKBUS_DEAD_S", "0", "greater than 0"),
        ("BACKBUS_ORCHESTRATOR", "localhost:5570", "tcp://HOST:PORT"),
        ("BACKBUS_BUS_IN_BIND", "5571", "tcp://HOST:PORT"),
    ],
)
def test_a_wrong_variable_is_one_error_that_names_it(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=name) as caught:
        Settings()
    assert said in str(caught.value)
    assert value in str(caught.value)


def test_a_server_may_listen_on_any_interface_and_on_ipc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKBUS_ORCHESTRATOR_BIND", "tcp://0.0.0.0:5570")
    monkeypatch.setenv("BACKBUS_BUS_IN", "ipc:///run/bus")
    assert Settings().orchestrator_bind == "tcp://0.0.0.0:5570"
