"""Sealed values open with their key and context only."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.store.sealing import Sealer, Unsealable


def test_what_one_process_seals_the_next_one_opens(tmp_path: Path) -> None:
    path = tmp_path / "key"
    sealed = Sealer.at(path).seal(b"value", "arn:a")
    assert Sealer.at(path).open(sealed, "arn:a") == b"value"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["key"]


def test_the_same_value_is_never_sealed_alike(tmp_path: Path) -> None:
    sealer = Sealer.at(tmp_path / "key")
    assert sealer.seal(b"value", "a") != sealer.seal(b"value", "a")
    assert sealer.open(sealer.seal(b"", "a"), "a") == b""


def test_another_key_context_or_byte_does_not_open(tmp_path: Path) -> None:
    sealer = Sealer.at(tmp_path / "key")
    sealed = sealer.seal(b"value", "arn:a")
    changed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    for opener, closed, context in (
        (Sealer.at(tmp_path / "other"), sealed, "arn:a"),
        (sealer, sealed, "arn:b"),
        (sealer, changed, "arn:a"),
        (sealer, b"nonsense", "arn:a"),
        (sealer, sealed[:10], "arn:a"),
    ):
        with pytest.raises(Unsealable):
            opener.open(closed, context)


def test_a_file_that_holds_no_key_is_said(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"short")
    with pytest.raises(ValueError, match="is not a sealing key"):
        Sealer.at(tmp_path / "key")
