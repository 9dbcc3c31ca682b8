"""What `homeport up` notes of a relay that leads past it."""

from __future__ import annotations

import pytest

from emulator.up import is_out_of_reach


@pytest.mark.parametrize(
    ("relay", "host", "out"),
    [
        ("10.0.0.5:4566", "127.0.0.1", True),
        ("[fd00::5]:4566", "127.0.0.1", True),
        ("10.0.0.5:4566", "0.0.0.0", False),
        ("10.0.0.5:4566", "10.0.0.5", False),
        ("127.0.0.1:4566", "127.0.0.1", False),
        ("host.docker.internal:4566", "127.0.0.1", False),
        ("10.0.0.5:4566", "localhost", True),
    ],
)
def test_a_relay_that_leads_past_homeport_is_noted(relay: str, host: str, out: bool) -> None:
    assert is_out_of_reach(relay, host) is out
