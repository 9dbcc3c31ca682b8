"""Patterns in which `*` stands for any run of characters, as ECR's filters have them. Pure.

Matched without going back: a pattern comes from outside, and a regular expression of many stars could take for ever.
"""

from __future__ import annotations


def matches_wildcard(pattern: str, text: str) -> bool:
    """Whether the pattern is the whole text's. Each part between stars is taken where it first occurs."""
    first, *others = pattern.split("*")
    if not others:
        return pattern == text
    *middle, last = others
    if not text.startswith(first) or not text.endswith(last) or len(first) + len(last) > len(text):
        return False
    at, end = len(first), len(text) - len(last)
    for part in middle:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True
