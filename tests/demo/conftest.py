"""What the demo's tests need: AWS's emulator."""

import pytest

from governor.demo.rie import EmulatorMissingError, default_cache, emulator
from tests.conftest import missing


@pytest.fixture
def rie() -> None:
    """See to it that AWS's emulator is there, as the demo will look for it."""
    try:
        emulator(default_cache())
    except EmulatorMissingError as error:
        missing(f"AWS's Lambda emulator ({error})")
