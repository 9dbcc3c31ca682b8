"""Amazon Resource Names: taking one apart. What the resource part means is each service's to know. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Arn:
    """`arn:<partition>:<service>:<region>:<account>:<resource>`; region and account may be empty."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    @property
    def kind(self) -> str:
        """What stands before the first slash of the resource: `task-definition` of `task-definition/web:1`."""
        return self.resource.partition("/")[0]

    @property
    def path(self) -> list[str]:
        """What stands after it, by slashes: `["default", "0123..."]` of `task/default/0123...`."""
        return self.resource.split("/")[1:]


def parse_arn(text: str) -> Arn | None:
    """None when the text is no ARN."""
    parts = text.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or not parts[1] or not parts[2] or not parts[5]:
        return None
    return Arn(*parts[1:])
