"""Image references as Docker reads them. Pure."""

from __future__ import annotations


def split_reference(reference: str) -> tuple[str, str]:
    """`name:tag` or `name@digest` in two; the tag of a bare name is `latest` (an empty one would pull all tags)."""
    name, at, digest = reference.partition("@")
    head, colon, tag = name.rpartition(":")
    tagged = bool(colon) and "/" not in tag
    if at:
        return (head if tagged else name), digest
    return (head, tag) if tagged else (name, "latest")


def same_reference(reference: str) -> str:
    """One form for all that mean the same: with its tag or digest."""
    name, version = split_reference(reference)
    return f"{name}{'@' if ':' in version else ':'}{version}"
