"""The public parameters of Systems Manager, which every account reads: here those of the ECS-optimized images. Pure.

Source: Systems Manager user guide, "Discovering public parameters".
"""

from __future__ import annotations

from typing import Final

from emulator.domain.capacity.machine_image import image_parameters
from emulator.domain.secrets.parameter import Parameter, ParameterVersion

PREFIX: Final = "/aws/service/"
_MODIFIED_AT: Final = 1_762_560_000.0  # when the images were released


def public_parameters(region: str) -> list[tuple[Parameter, ParameterVersion]]:
    """Each with its one version; none has an owner that one could name."""
    found = []
    for name, value in image_parameters(region):
        arn = f"arn:aws:ssm:{region}::parameter{name}"
        kind = "aws:ec2:image" if name.endswith("/image_id") else "text"
        found.append(
            (
                Parameter("", region, name, arn, 1, "String", "Standard"),
                ParameterVersion("", region, name, 1, "String", value, "Standard", kind, _MODIFIED_AT, "amazon"),
            )
        )
    return found


def public_parameter(name: str, region: str) -> tuple[Parameter, ParameterVersion] | None:
    if not name.startswith(PREFIX):
        return None
    return next((pair for pair in public_parameters(region) if pair[0].name == name), None)
