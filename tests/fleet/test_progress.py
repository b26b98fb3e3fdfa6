"""What the fleet's tools tell while they work, where there is no terminal."""

import pytest

from governor.fleet import tables


def test_a_log_is_told_how_far_it_is_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with tables.progress() as tell:
        tell("listing", 50, None)
        monkeypatch.setattr(tables, "LINE_EVERY_S", 0.0)
        tell("listing", 100, None)
        tell("watching (s)", 15, 1_300)
    assert capsys.readouterr().err.splitlines() == ["listing: 100", "watching (s): 15 of 1,300"]
