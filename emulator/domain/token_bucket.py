"""How often somebody may ask: a bucket of tokens that fills at a steady rate. Pure; times are epoch seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TokenBucket:
    """`tokens` were in it at `at`."""

    tokens: float
    at: float


def take(bucket: TokenBucket | None, now: float, *, rate: float, burst: float) -> tuple[TokenBucket, bool]:
    """The bucket after one more request, and whether it was let through; no bucket yet is a full one.

    `rate`: tokens a second; `burst`: the most that it holds.
    """
    if bucket is None:
        bucket = TokenBucket(burst, now)
    tokens = min(burst, bucket.tokens + max(0.0, now - bucket.at) * rate)
    allowed = tokens >= 1
    return TokenBucket(tokens - 1 if allowed else tokens, now), allowed
