"""What a push orders of signing, in the same transaction, by the registry's signing configuration.

Signing is image_signer.py's. An image that arrives by replication or from an upstream was not pushed here and orders
nothing; nor does what refers to another image.
"""

from __future__ import annotations

from collections.abc import Callable

from emulator.domain.ecr.image import Image, Repository
from emulator.domain.ecr.image_signing import (
    ACCESS_DENIED,
    FAILED,
    IN_PROGRESS,
    PROFILE_NOT_FOUND,
    ImageSigning,
    is_signed_on_push,
    profile_name,
)
from emulator.domain.iam.policy_evaluation import Access, denial_text
from emulator.store.database import Reader, Transaction
from emulator.store.ecr_tables import IMAGE_SIGNINGS, SIGNING_CONFIGURATIONS
from emulator.store.permissions import decide, standing_of

Refusal = Callable[[str], str | None]
"""Why the pusher may not sign with a profile, given by its ARN; None when it may."""


def order_signings(tx: Transaction, repository: Repository, image: Image, refusal: Refusal, now: float) -> None:
    """The image is to be signed by each profile whose rule takes in its repository, unless that has signed it."""
    found = tx.get(SIGNING_CONFIGURATIONS, repository.account, repository.region)
    if found is None or not is_signed_on_push(image):
        return
    where = (image.account, image.region, image.repository, image.digest)
    for arn in dict.fromkeys(rule.profile_arn for rule in found.rules if rule.applies_to(repository.name)):
        known = tx.get(IMAGE_SIGNINGS, *where, arn)
        if known is None or known.status == FAILED:
            tx.put(IMAGE_SIGNINGS, _ordered(ImageSigning(*where, arn, IN_PROGRESS, now), refusal))


def _ordered(order: ImageSigning, refusal: Refusal) -> ImageSigning:
    """What cannot be signed has failed at once."""
    if profile_name(order.profile_arn, order.account, order.region) is None:
        why = "Homeport has no AWS Signer: it signs for profiles of the registry's own account and region only"
        return order.failed(PROFILE_NOT_FOUND, why)
    refused = refusal(order.profile_arn)
    return order if refused is None else order.failed(ACCESS_DENIED, refused)


def signing_refusal(
    reader: Reader, principal: str, account: str, access_key: str, profile_arn: str, *, enforce: bool
) -> str | None:
    """Where policies count (`--enforce-iam`), who pushes must be allowed to sign with the profile; nobody of another
    account is, since profiles have no policies here."""
    if not enforce:
        return None
    standing = standing_of(reader, principal, account, access_key)
    access = Access("signer:SignPayload", profile_arn, account=profile_arn.split(":")[4])
    decision = decide(standing, access, {})
    return None if decision.allowed else denial_text(standing.who.arn, access, decision)


def forget_signings(tx: Transaction, image: Image) -> None:
    """The image goes. Its signatures stay, as all that refers to an image does."""
    for order in signings_of(tx, image):
        tx.delete(IMAGE_SIGNINGS, order.account, order.region, order.repository, order.digest, order.profile_arn)


def signings_of(reader: Reader, image: Image) -> list[ImageSigning]:
    """In the order of the profiles' ARNs."""
    return reader.find(
        IMAGE_SIGNINGS, account=image.account, region=image.region, repository=image.repository, digest=image.digest
    )
