"""What a secret of Secrets Manager is, and the rules for its versions, staging labels, deletion and search.

Values are opaque here: a version carries sealed bytes, and who can open them is not known.
Source of the rules: the Secrets Manager API model and user guide ("What's in a secret", "Find secrets").
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from emulator.domain.errors import AwsError, InvalidParameterException, LimitExceededException

CURRENT = "AWSCURRENT"
PREVIOUS = "AWSPREVIOUS"

DAY_S = 86_400.0
DEFAULT_RECOVERY_DAYS = 30
_KEPT_VERSIONS = 100
_LABELS_PER_VERSION = 20
_VALID_NAME = re.compile(r"[-/_+=.@!A-Za-z0-9]+")


class InvalidRequestException(AwsError):
    """The secret's state, or a combination of members, does not allow the request."""


class ResourceExistsException(AwsError):
    """The name, or the version id, is taken."""


class ValidationException(AwsError):
    """A member's value is malformed."""


@dataclass(frozen=True, slots=True)
class Secret:
    """`stages` maps each staging label to the id of the one version that carries it."""

    account: str
    region: str
    name: str
    arn: str
    created_at: float
    changed_at: float
    description: str | None = None
    kms_key_id: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    stages: dict[str, str] = field(default_factory=dict)
    accessed_on: float | None = None  # midnight UTC of the day of the last reading
    deleted_at: float | None = None  # when DeleteSecret was called
    purge_at: float | None = None  # when the recovery window ends
    policy: str | None = None

    def gone(self, now: float) -> bool:
        """Whether the recovery window has passed: the secret no longer exists for anyone."""
        return self.purge_at is not None and self.purge_at <= now

    def labels_of(self, version_id: str) -> list[str]:
        return [stage for stage, holder in self.stages.items() if holder == version_id]

    def stages_by_version(self) -> dict[str, list[str]]:
        return {version_id: self.labels_of(version_id) for version_id in dict.fromkeys(self.stages.values())}


@dataclass(frozen=True, slots=True)
class SecretVersion:
    """One value. `sealed` is its ciphertext; `binary` tells SecretBinary from SecretString."""

    account: str
    region: str
    secret_arn: str
    version_id: str
    sealed: bytes
    binary: bool
    created_at: float
    kms_key_id: str | None = None
    accessed_on: float | None = None


def check_name(name: str) -> None:
    """ValidationException (not InvalidParameterException, as elsewhere) for a character outside the allowed ones."""
    if _VALID_NAME.fullmatch(name) is None:
        raise ValidationException(
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!"
        )


def place_labels(held: Mapping[str, str], version_id: str, labels: Iterable[str]) -> dict[str, str]:
    """Labels after a new version took `labels`.

    AWSPREVIOUS follows to the version that lost AWSCURRENT; the first version of a secret gets AWSCURRENT whatever
    was asked. LimitExceededException past 20 labels on one version.
    """
    wanted = list(dict.fromkeys(labels))
    if not held and CURRENT not in wanted:
        wanted.append(CURRENT)
    after = dict(held)
    loser = held.get(CURRENT)
    for label in wanted:
        after[label] = version_id
    if CURRENT in wanted and loser is not None and loser != version_id:
        after[PREVIOUS] = loser
    if sum(1 for holder in after.values() if holder == version_id) > _LABELS_PER_VERSION:
        raise LimitExceededException("You can't attach more than 20 staging labels to a secret version.")
    return after


def move_label(
    held: Mapping[str, str], versions: Collection[str], label: str, remove_from: str | None, move_to: str | None
) -> dict[str, str]:
    """Labels after UpdateSecretVersionStage. InvalidParameterException in AWS's words for each refusal."""
    for version_id in (remove_from, move_to):
        if version_id is not None and version_id not in versions:
            raise InvalidParameterException(f"Not a valid version: {version_id}")
    if remove_from is None and move_to is None:
        raise InvalidParameterException("You must provide RemoveFromVersionId, MoveToVersionId, or both.")
    holder = held.get(label)
    if remove_from is not None and holder != remove_from:
        raise InvalidParameterException(f"Staging label {label} isn't currently attached to version {remove_from}.")
    if move_to is None:
        if label == CURRENT:
            raise InvalidParameterException(
                f"You can only move staging label {CURRENT} to a different secret version. "
                "It can't be completely removed."
            )
        return {stage: version_id for stage, version_id in held.items() if stage != label}
    if remove_from is None and holder not in (None, move_to):
        raise InvalidParameterException(
            f"The parameter RemoveFromVersionId can't be empty. Staging label {label} is currently attached to "
            f"version {holder}, so you must explicitly reference that version in RemoveFromVersionId."
        )
    return place_labels(held, move_to, [label])


def outdated(secret: Secret, versions: Sequence[SecretVersion], now: float) -> list[str]:
    """Ids of versions to drop: without a label, older than a day, and beyond the 100 most recent."""
    newest_first = sorted(versions, key=lambda version: version.created_at, reverse=True)
    labelled = set(secret.stages.values())
    return [
        version.version_id
        for version in newest_first[_KEPT_VERSIONS:]
        if version.version_id not in labelled and now - version.created_at > DAY_S
    ]


def deletion_time(now: float, recovery_days: int | None, *, force: bool) -> float:
    """When the secret goes for good. InvalidParameterException outside 7 to 30 days, or for both at once."""
    if force:
        if recovery_days is not None:
            raise InvalidParameterException(
                "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays."
            )
        return now
    days = DEFAULT_RECOVERY_DAYS if recovery_days is None else recovery_days
    if not 7 <= days <= 30:
        raise InvalidParameterException("RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
    return now + days * DAY_S


def matches(secret: Secret, key: str, values: Iterable[str]) -> bool:
    """Whether one filter of ListSecrets finds the secret: any of its values does; `!` in front negates a value."""
    return any(
        not _finds(secret, key, value[1:]) if value.startswith("!") else _finds(secret, key, value) for value in values
    )


def _finds(secret: Secret, key: str, value: str) -> bool:
    match key:
        case "name":
            return secret.name.startswith(value)
        case "tag-key":
            return any(tag.startswith(value) for tag in secret.tags)
        case "tag-value":
            return any(tag.startswith(value) for tag in secret.tags.values())
        case "description":
            return _prefixes_a_word(secret.description or "", value.lower())
        case "all":
            texts = (secret.name, secret.description or "", *secret.tags, *secret.tags.values())
            return all(any(_prefixes_a_word(text, word) for text in texts) for word in value.lower().split())
        case _:  # primary-region, owning-service: no secret here is a replica or owned by a service
            return False


def _prefixes_a_word(text: str, value: str) -> bool:
    lowered = text.lower()
    return lowered.startswith(value) or any(word.startswith(value) for word in re.split(r"[^a-z0-9]+", lowered))
