"""Environment files of tasks, out of the folder that stands in for Amazon S3 (`--s3-folder`): bucket/key beneath it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from emulator.domain.tasks.environment_file import NotAnObject, bucket_and_key, merged, variables

LEAD: Final = "ResourceInitializationError: failed to download env files: "
MOST_BYTES: Final = 1024 * 1024


class EnvironmentFileUnavailable(Exception):
    """`str` is the whole stoppedReason (its end, after the lead, is unconfirmed)."""


def environment_of(container: Mapping[str, Any], folder: Path | None) -> tuple[tuple[str, str], ...]:
    """What a container's `environmentFiles` say; nothing outside the folder is ever read."""
    files = container.get("environmentFiles") or ()
    return tuple(merged(variables(_read(file["value"], folder)) for file in files).items())


def _read(arn: str, folder: Path | None) -> str:
    if folder is None:
        raise EnvironmentFileUnavailable(f"{LEAD}no folder stands in for Amazon S3 (--s3-folder)")
    try:
        bucket, key = bucket_and_key(arn)
    except NotAnObject as error:
        raise EnvironmentFileUnavailable(f"{LEAD}{arn} names no object") from error
    root = folder.resolve()
    path = (root / bucket / key).resolve()
    if not path.is_relative_to(root / bucket):
        raise EnvironmentFileUnavailable(f"{LEAD}{arn} leads out of its bucket")
    if not (root / bucket).is_dir():
        raise EnvironmentFileUnavailable(f"{LEAD}NoSuchBucket: The specified bucket does not exist: {bucket}")
    if not path.is_file():
        raise EnvironmentFileUnavailable(f"{LEAD}NoSuchKey: The specified key does not exist: {bucket}/{key}")
    try:
        data = path.read_bytes()
        if len(data) > MOST_BYTES:
            raise EnvironmentFileUnavailable(f"{LEAD}{bucket}/{key} is larger than {MOST_BYTES} bytes")
        return data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise EnvironmentFileUnavailable(f"{LEAD}{bucket}/{key}: {error}") from error
