"""How a request names a service."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServiceIndex:
    """`target_prefix` stands in X-Amz-Target, `signing_name` in the credential scope; `protocol` is botocore's word."""

    target_prefix: str | None
    signing_name: str
    protocol: str
