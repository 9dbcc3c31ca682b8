"""The state of a CloudWatch alarm, as far as a service deployment asks for it. Pure.

Who evaluates metrics, or a person, writes these records; a deployment only reads them. Source: CloudWatch API model
(StateValue).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ALARM_STATES: Final = ("OK", "ALARM", "INSUFFICIENT_DATA")
ONE_PERIOD_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class AlarmState:
    """`evaluation_s`: how long the alarm looks back, its period times its evaluation periods; so long a deployment
    that it watches bakes."""

    account: str
    region: str
    name: str
    state: str
    updated_at: float
    evaluation_s: float = ONE_PERIOD_S
