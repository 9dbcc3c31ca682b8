"""Operations of AWS Cloud Map: what was asked for and is done a moment later. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

KEPT_S: Final = 30 * 24 * 3600.0
"""How long an ended operation is told of (unconfirmed)."""

Status = Literal["SUBMITTED", "PENDING", "SUCCESS", "FAIL"]


@dataclass(frozen=True, slots=True)
class Operation:
    """`targets` as the API shows them: NAMESPACE, SERVICE, INSTANCE. `change` is what to do, in the words of the
    operation's own kind. Times are seconds since the epoch."""

    account: str
    region: str
    id: str
    type: str
    status: Status
    created_at: float
    updated_at: float
    targets: dict[str, str] = field(default_factory=dict)
    change: dict[str, Any] = field(default_factory=dict)
    error_code: str | None = None
    error_message: str | None = None

    @property
    def ended(self) -> bool:
        return self.status in ("SUCCESS", "FAIL")

    @property
    def key(self) -> str:
        return f"{self.account}/{self.region}/{self.id}"
