"""ECR's wildcards, beside what a regular expression would say, and in a time that no pattern can make long."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.domain.wildcard import matches_wildcard


@given(st.text("ab*", max_size=8), st.text("ab", max_size=10))
def test_as_a_regular_expression(pattern: str, text: str) -> None:
    expression = ".*".join(re.escape(part) for part in pattern.split("*"))
    assert matches_wildcard(pattern, text) == (re.fullmatch(expression, text) is not None)


@pytest.mark.timeout(10)
def test_many_stars_take_no_time() -> None:
    assert not matches_wildcard("*a" * 120 + "*b", "a" * 250)
    assert matches_wildcard("*a" * 120 + "*", "a" * 250)
