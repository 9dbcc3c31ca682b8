"""What the launch of an EC2 instance looks up: the image and the instance profile that a template names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from emulator.domain.capacity.launch_template import launch_fault, profile_words
from emulator.domain.capacity.machine_image import machine_image
from emulator.domain.errors import AwsError
from emulator.domain.iam.identity import InstanceProfile
from emulator.domain.secrets.parameter import reference
from emulator.store.database import Reader
from emulator.store.iam_tables import INSTANCE_PROFILES
from emulator.store.secret_values import Scope, read_parameter

_RESOLVED: Final = "resolve:ssm:"


def instance_profile(reader: Reader, account: str, given: Any) -> InstanceProfile | None:
    """The profile that a template's IamInstanceProfile names, by ARN or name; None when there is none."""
    word, named = profile_words(given)
    if word == "name":
        return reader.get(INSTANCE_PROFILES, account, named)
    found = reader.get(INSTANCE_PROFILES, account, named.rpartition("/")[2])
    return found if found is not None and found.arn == named else None


def resolved_image(reader: Reader, account: str, region: str, given: str) -> str:
    """An ImageId as it is, or what the parameter of `resolve:ssm:NAME` holds; unchanged when that has no value."""
    if not given.startswith(_RESOLVED):
        return given
    try:
        _, version = read_parameter(reader, Scope(account, region, 0.0), reference(given.removeprefix(_RESOLVED)))
    except AwsError:
        return given
    return given if version.type == "SecureString" else version.value


def fault_of(
    reader: Reader, account: str, region: str, data: Mapping[str, Any], kind: str, *, strict: bool = False
) -> str | None:
    """launch_template.launch_fault of what stands there."""
    image = resolved_image(reader, account, region, str(data.get("ImageId") or ""))
    found = instance_profile(reader, account, data.get("IamInstanceProfile")) is not None
    unresolved = image.startswith(_RESOLVED)
    return launch_fault(data, kind, machine_image(image, region), profile_found=found, strict=strict or unresolved)
