"""What a parameter of Systems Manager is, and the rules for its name, value, tier, versions and labels.

A SecureString's value is opaque here (ciphertext); who can open it is not known.
Source of the rules: the Systems Manager API model (PutParameter, LabelParameterVersion) and user guide.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from emulator.domain.errors import AccessDeniedException, AwsError, NotEmulatedYet

VERSION_LIMIT = 100
LABELS_PER_VERSION = 10
DEFAULT_KEY = "alias/aws/ssm"
SECRETS_PREFIX = "/aws/reference/secretsmanager/"
_STANDARD_SIZE = 4096
_ADVANCED_SIZE = 8192
_LEVELS = 15
_LABEL = re.compile(r"[A-Za-z0-9._-]{1,100}")
_NAME = re.compile(r"[A-Za-z0-9._/-]+")


class ValidationException(AwsError):
    """A member's value, or a combination of members, is not allowed."""


class ParameterNotFound(AwsError):
    """AWS sends it without a text."""


class ParameterAlreadyExists(AwsError):
    """PutParameter without Overwrite met a parameter of that name."""


class ParameterVersionNotFound(AwsError):
    """The parameter exists, this version or label of it does not."""


class ParameterPatternMismatchException(AwsError):
    """The value does not match AllowedPattern."""


class InvalidAllowedPatternException(AwsError):
    """AllowedPattern is no regular expression."""


class HierarchyLevelLimitExceededException(AwsError):
    """More than 15 levels in a name."""


class HierarchyTypeMismatchException(AwsError):
    """A new version cannot have another type."""


class ParameterMaxVersionLimitExceeded(AwsError):
    """The oldest of 100 versions carries a label and cannot be dropped."""


class ParameterVersionLabelLimitExceeded(AwsError):
    """More than ten labels on one version."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A name and what belongs to all its versions. `labels` maps a label to the version that carries it."""

    account: str
    region: str
    name: str
    arn: str
    version: int
    type: str
    tier: str
    labels: dict[str, int] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ParameterVersion:
    """One version. `value` is the text, or for SecureString its ciphertext in base64."""

    account: str
    region: str
    name: str
    version: int
    type: str
    value: str
    tier: str
    data_type: str
    modified_at: float
    modified_by: str
    key_id: str | None = None
    description: str | None = None
    allowed_pattern: str | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """A parameter as a request names it: `name`, `name:3`, `name:label`, or an ARN with the same endings.

    `selector` has its colon, as AWS echoes it. `from_arn`: an ARN `parameter/x` means the name `x` or `/x`.
    """

    name: str
    selector: str | None = None
    from_arn: bool = False
    scope: tuple[str, str] | None = None  # (region, account) that an ARN names

    def names(self) -> tuple[str, ...]:
        return (self.name, f"/{self.name}") if self.from_arn and not self.name.startswith("/") else (self.name,)


def reference(text: str) -> Reference:
    """ValidationException for an ARN that is not one of a parameter."""
    if not text.startswith("arn:"):
        name, colon, selector = text.partition(":")
        return Reference(name, f":{selector}" if colon else None)
    parts = text.split(":", 5)
    if len(parts) < 6 or parts[2] != "ssm" or not parts[5].startswith("parameter/"):
        raise ValidationException(f"Invalid parameter ARN: {text}")
    path, colon, selector = parts[5].removeprefix("parameter/").partition(":")
    name = f"/{path}" if "/" in path else path
    return Reference(name, f":{selector}" if colon else None, from_arn=True, scope=(parts[3], parts[4]))


def arn_resource(name: str) -> str:
    """The resource part of the ARN: one slash between `parameter` and the name, whether the name has one or not."""
    return f"parameter{name}" if name.startswith("/") else f"parameter/{name}"


def check_name(name: str) -> None:
    """The rules for a new parameter's name."""
    if "/" in name and not name.startswith("/"):
        raise ValidationException("Parameter name must be a fully qualified name.")
    if _NAME.fullmatch(name) is None or "//" in name or name.endswith("/"):
        raise ValidationException(_NAME_RULE.format("be prefixed"))
    first = name.strip("/").split("/")[0].lower()
    if name.startswith("/") and first == "aws":
        raise AccessDeniedException(f"No access to reserved parameter name: {name}.")
    if first.startswith(("aws", "ssm")):
        raise ValidationException(_NAME_RULE.format(f'be prefixed with "{first[:3]}" (case-insensitive)'))
    if name.startswith("/") and name.count("/") > _LEVELS:
        raise HierarchyLevelLimitExceededException(
            f"A hierarchy can have a maximum of {_LEVELS} levels. "
            "For more information, see Requirements and constraints for parameter names."
        )


_NAME_RULE = (
    "Parameter name: can't {}. If formed as a path, it can consist of sub-paths divided by slash symbol; "
    "each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_"
)


def check_path(path: str) -> None:
    """The rules for GetParametersByPath's Path."""
    if not path.startswith("/") or "//" in path or _NAME.fullmatch(path) is None:
        raise ValidationException(
            "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward "
            'slash "/". It can\'t be prefixed with "aws" or "ssm" (case-insensitive). It must use only letters, '
            "numbers, or the following symbols: . (period), - (hyphen), _ (underscore). Special characters are not "
            'allowed. All sub-paths, if specified, must use the forward slash symbol "/". '
            "Valid example: /get/parameters2-/by1./path0_."
        )


def under(name: str, path: str, *, recursive: bool) -> bool:
    """Whether a parameter stands below a path: anywhere, or directly."""
    prefix = path if path.endswith("/") else f"{path}/"
    anchored = name if name.startswith("/") else f"/{name}"
    return anchored.startswith(prefix) and (recursive or "/" not in anchored[len(prefix) :])


def check_data_type(data_type: str) -> None:
    if data_type in ("aws:ec2:image", "aws:ssm:integration"):
        raise NotEmulatedYet(f"Parameters of data type {data_type} are not emulated yet.")
    if data_type != "text":
        raise ValidationException(
            f"The following data type is not supported: {data_type} (Data type names are all lowercase.)"
        )


def settled_tier(asked: str | None, current: str | None, size: int) -> str:
    """Standard or Advanced. `size` is the value's length in bytes; ValidationException when it does not fit, or when
    an advanced parameter would become a standard one."""
    tier = asked or current or "Standard"
    if tier == "Intelligent-Tiering":
        tier = "Advanced" if current == "Advanced" or size > _STANDARD_SIZE else "Standard"
    if tier == "Standard" and current == "Advanced":
        raise ValidationException(
            "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the "
            "advanced-parameter tier to the standard-parameter tier. If necessary, you can delete the advanced "
            "parameter and recreate it as a standard parameter."
        )
    if tier == "Standard" and size > _STANDARD_SIZE:
        raise ValidationException(
            f"Standard tier parameters support a maximum parameter value of {_STANDARD_SIZE} characters. To create a "
            "larger parameter value, upgrade the parameter to use the advanced-parameter tier. For more information, "
            "see https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html"
        )
    if size > _ADVANCED_SIZE:
        raise ValidationException(
            f"Advanced tier parameters support a maximum parameter value of {_ADVANCED_SIZE} characters."
        )
    return tier


def check_new_version(parameter: Parameter, wanted_type: str | None, *, overwrite: bool, tagged: bool) -> None:
    """What PutParameter refuses when the parameter exists."""
    if not overwrite:
        raise ParameterAlreadyExists(
            "The parameter already exists. To overwrite this value, set the overwrite option in the request to true."
        )
    if tagged:
        raise ValidationException(
            "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please "
            "remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or "
            "RemoveTagsFromResource."
        )
    if wanted_type is not None and wanted_type != parameter.type:
        raise HierarchyTypeMismatchException(
            "Parameter Store doesn't support changing a parameter type in a hierarchy. For example, you can't change "
            "a parameter from a String type to a SecureString type. You must create a new, unique parameter."
        )


def version_to_drop(parameter: Parameter, oldest: int, kept: int) -> int | None:
    """The oldest version when a further one would be the 101st. ParameterMaxVersionLimitExceeded if it is labelled."""
    if kept < VERSION_LIMIT:
        return None
    if oldest in parameter.labels.values():
        raise ParameterMaxVersionLimitExceeded(
            f"You attempted to create a new version of {parameter.name} by calling the PutParameter API with the "
            f"overwrite flag. Version {oldest}, the oldest version, can't be deleted because it has a label "
            "associated with it. Move the label to another version of the parameter, and try again."
        )
    return oldest


def valid_label(label: str) -> bool:
    """Labels hold letters, digits, `.`, `-`, `_`; do not begin with a digit, `aws` or `ssm`."""
    return (
        _LABEL.fullmatch(label) is not None and not label[0].isdigit() and not label.lower().startswith(("aws", "ssm"))
    )


def attach_labels(parameter: Parameter, version: int, labels: Sequence[str]) -> tuple[dict[str, int], list[str]]:
    """(labels afterwards, invalid ones). A label moves from the version that had it."""
    invalid = [label for label in labels if not valid_label(label)]
    after = {**parameter.labels, **{label: version for label in labels if valid_label(label)}}
    if sum(1 for holder in after.values() if holder == version) > LABELS_PER_VERSION:
        raise ParameterVersionLabelLimitExceeded(
            f"A parameter version can have maximum {LABELS_PER_VERSION} labels."
            "Move one or more labels to another version and try again."
        )
    return after, invalid


def selected_version(parameter: Parameter, selector: str | None) -> int:
    """The version that `:3` or `:label` picks; the newest without a selector. ParameterVersionNotFound otherwise;
    whether a *number* exists is for the caller to see."""
    if selector is None:
        return parameter.version
    wanted = selector.removeprefix(":")
    if wanted.isdigit():
        return int(wanted)
    if wanted in parameter.labels:
        return parameter.labels[wanted]
    raise ParameterVersionNotFound(
        f"Systems Manager could not find label {wanted} for parameter {parameter.name}. Verify the label and try again."
    )


def version_not_found(name: str, version: int) -> ParameterVersionNotFound:
    return ParameterVersionNotFound(
        f"Systems Manager could not find version {version} of {name}. Verify the version and try again."
    )


def labels_of(parameter: Parameter, version: int) -> list[str]:
    return [label for label, holder in parameter.labels.items() if holder == version]
