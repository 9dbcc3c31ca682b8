"""The data directory's lock, and what another run concludes from it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from emulator.data_dir import DataDir, DataDirInUse, is_dead_lock


def test_one_at_a_time(tmp_path: Path) -> None:
    first = DataDir.open(tmp_path / "data")
    with pytest.raises(DataDirInUse, match="choose another --data-dir"):
        DataDir.open(tmp_path / "data")
    first.close()
    DataDir.open(tmp_path / "data").close()


def test_an_ephemeral_run_lives_as_long_as_its_lock_is_held() -> None:
    run = DataDir.open(Path("unused"), ephemeral=True)
    place = run.lock_place
    assert not is_dead_lock(place)
    run.close()
    assert not run.path.exists()
    assert is_dead_lock(place)


def test_wherever_its_temporary_directory_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs may have different TMPDIRs: neither takes the other for dead."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    run = DataDir.open(Path("unused"), ephemeral=True)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "other"))
    assert not is_dead_lock(run.lock_place)
    run.close()


def test_a_killed_run_is_dead_and_its_directory_removed() -> None:
    run = DataDir.open(Path("unused"), ephemeral=True)
    (run.path / "homeport.db").write_text("")
    place, path = run.lock_place, run.path
    copy = path.with_name(f"{path.name}-killed")
    path.rename(copy)  # nobody holds the lock of what lies there now
    (path / "run").mkdir(parents=True)
    (path / "lock").write_text("")
    assert is_dead_lock(place)
    assert not path.exists()
    copy.rename(path)
    run.close()


def test_what_killed_runs_left_goes_at_the_next_ephemeral_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    killed, fresh, strange = (tmp_path / f"homeport-ephemeral-{name}" for name in ("killed", "fresh", "strange"))
    for path in (killed, fresh, strange):
        path.mkdir()
        (path / "homeport.db").write_text("")
    for path in (killed, fresh):
        (path / "lock").write_text("")
    lives = DataDir.open(Path("unused"), ephemeral=True)
    for path in (killed, lives.path):
        os.utime(path / "lock", (1, 1))
    DataDir.open(Path("unused"), ephemeral=True).close()
    assert sorted(tmp_path.iterdir()) == sorted([fresh, strange, lives.path])
    lives.close()


def test_a_run_of_an_earlier_boot_of_this_machine_is_dead() -> None:
    run = DataDir.open(Path("unused"), ephemeral=True)
    machine, _, mounts, path = run.lock_place.split(":", 3)
    if machine:
        assert is_dead_lock(f"{machine}:another-boot:{mounts}:{path}")
    run.close()


@pytest.mark.parametrize("unknown", ["", "nonsense", "another-machine:another-boot:1:/nowhere"])
def test_what_cannot_be_judged_is_left_alone(unknown: str) -> None:
    assert not is_dead_lock(unknown)


def test_a_run_in_a_container_is_left_alone() -> None:
    """Its files are not ours to see: that its lock is not found says nothing."""
    run = DataDir.open(Path("unused"), ephemeral=True)
    machine, boot, mounts, _ = run.lock_place.split(":", 3)
    run.close()
    assert not is_dead_lock(f"{machine}:{boot}:{int(mounts) + 1}:/nowhere")
    assert is_dead_lock(f"{machine}:{boot}:{mounts}:/nowhere")
