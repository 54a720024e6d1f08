"""What a wrong variable is answered with: its name, what it is, and what it should be."""

from __future__ import annotations

from pathlib import Path

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


def test_variables_are_read_however_they_are_capitalised_and_what_is_handed_over_comes_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("backbus_beat_s", "2.5")
    monkeypatch.setenv("BACKBUS_SHARED_MEMORY", "no")
    monkeypatch.setenv("BACKBUS_KEYS", "some/keys")
    monkeypatch.setenv("BACKBUS_KEY_NAME", "other")
    monkeypatch.setenv("BACKBUS_CACHE", "no setting of this")
    settings = Settings(key_name="service")
    assert (settings.beat_s, settings.shared_memory, settings.keys) == (2.5, False, Path("some/keys"))
    assert settings.key_name == "service"
    monkeypatch.setenv("BACKBUS_KEYS", "")
    assert Settings().keys == Path()


def test_a_server_may_listen_on_any_interface_and_on_ipc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKBUS_ORCHESTRATOR_BIND", "tcp://0.0.0.0:5570")
    monkeypatch.setenv("BACKBUS_BUS_IN", "ipc:///run/bus")
    assert Settings().orchestrator_bind == "tcp://0.0.0.0:5570"


def test_members_on_the_brokers_machine_use_its_unix_sockets(tmp_path: Path) -> None:
    from backbus.stack.environment import environment_of

    settings = Settings(state=tmp_path / "state", bus_in="tcp://127.0.0.1:7001", bus_out="tcp://127.0.0.1:7002")
    assert (settings.member_bus_in, settings.member_bus_out) == ("tcp://127.0.0.1:7001", "tcp://127.0.0.1:7002")
    here = environment_of(settings, {})["BACKBUS_BUS_HERE"]
    member = settings.model_copy(update={"bus_here": Path(here)})
    assert member.member_bus_in == f"ipc://{here}.bus_in"
    assert member.member_bus_out == f"ipc://{here}.bus_out"
    long = Settings(state=tmp_path / ("x" * 120))
    assert len(environment_of(long, {})["BACKBUS_BUS_HERE"]) < 100
    chosen = settings.model_copy(update={"bus_here": tmp_path / "bus"})
    assert environment_of(chosen, {})["BACKBUS_BUS_HERE"] == str(tmp_path / "bus")
