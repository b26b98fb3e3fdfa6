"""Ports for processes that can't choose their own."""

import socket

import pytest

from governor.demo import ports
from governor.demo.ports import NoFreePortError, free_ports


def test_ports_that_are_taken_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = free_ports(3)
    monkeypatch.setattr(ports, "CANDIDATES", [first, second, third])
    with socket.create_server(("127.0.0.1", second)):
        assert sorted(free_ports(2)) == sorted([first, third])
        with pytest.raises(NoFreePortError, match="fewer than 3 of the ports"):
            free_ports(3)
    assert sorted(free_ports(3)) == sorted([first, second, third])
