"""Whose key is it, and giving out temporary ones. Reads and writes IAM's and STS's tables; verifies no signature."""

from __future__ import annotations

from dataclasses import dataclass

from emulator.domain.iam.identity import TemporaryCredentials, access_key_id
from emulator.ids import Ids
from emulator.store.database import Database, Reader, Transaction
from emulator.store.iam_tables import ACCESS_KEYS, TEMPORARY_CREDENTIALS, USERS

_REMEMBERED_S = 86_400.0
"""Expired credentials are kept a day, so that their holder is told `expired` and not `unknown`."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a known access key stands for, and what verifies its signatures.

    `session_token` and `expires_at` (seconds since the epoch) are None for a user's own key.
    """

    arn: str
    account: str
    user_id: str
    access_key_id: str
    secret_key: str
    session_token: str | None = None
    expires_at: float | None = None
    role_arn: str | None = None


@dataclass(frozen=True, slots=True)
class Holder:
    """Whom temporary credentials are for."""

    account: str
    arn: str
    user_id: str
    role_arn: str | None = None
    source_identity: str | None = None
    session_policy: str | None = None
    session_policy_arns: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    transitive_tag_keys: tuple[str, ...] = ()


def principal_of(reader: Reader, access_key_id: str) -> Principal | None:
    """None for keys that neither IAM nor STS gave out here, and for deactivated ones."""
    if access_key_id.startswith("ASIA"):
        issued = reader.find(TEMPORARY_CREDENTIALS, id=access_key_id)
        return _temporary(issued[0]) if issued else None
    keys = reader.find(ACCESS_KEYS, id=access_key_id)
    user = reader.get(USERS, keys[0].account, keys[0].user) if keys and keys[0].active else None
    if user is None:
        return None
    return Principal(user.arn, user.account, user.id, access_key_id, keys[0].secret_key)


def is_deactivated(reader: Reader, access_key_id: str) -> bool:
    """Whether it is a user's key that was switched off."""
    return any(not key.active for key in reader.find(ACCESS_KEYS, id=access_key_id))


def credentials_of(reader: Reader, access_key_id: str) -> TemporaryCredentials | None:
    """The temporary credentials themselves, with their tags and session policies."""
    issued = reader.find(TEMPORARY_CREDENTIALS, id=access_key_id)
    return issued[0] if issued else None


def _temporary(issued: TemporaryCredentials) -> Principal:
    return Principal(
        issued.principal_arn,
        issued.account,
        issued.user_id,
        issued.id,
        issued.secret_key,
        issued.session_token,
        issued.expires_at,
        issued.role_arn,
    )


def issue(tx: Transaction, ids: Ids, holder: Holder, now: float, duration_s: float) -> TemporaryCredentials:
    """Makes and keeps temporary credentials; forgets those that expired more than a day ago."""
    tx.execute(f"DELETE FROM {TEMPORARY_CREDENTIALS.name} WHERE expires_at < ?", (now - _REMEMBERED_S,))
    credentials = TemporaryCredentials(
        account=holder.account,
        id=access_key_id("ASIA", holder.account, ids.token(5)),
        secret_key=secret_access_key(ids),
        session_token=ids.letters(344, _TOKEN_ALPHABET) + "==",
        principal_arn=holder.arn,
        user_id=holder.user_id,
        issued_at=now,
        expires_at=now + duration_s,
        role_arn=holder.role_arn,
        source_identity=holder.source_identity,
        session_policy=holder.session_policy,
        session_policy_arns=holder.session_policy_arns,
        tags=dict(holder.tags),
        transitive_tag_keys=holder.transitive_tag_keys,
    )
    tx.insert(TEMPORARY_CREDENTIALS, credentials)
    return credentials


_TOKEN_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def secret_access_key(ids: Ids) -> str:
    """40 characters, as AWS's."""
    return ids.letters(40, _TOKEN_ALPHABET)


def known_principal(database: Database, access_key_id: str) -> Principal | None:
    """Keys that we gave out look like AWS's; any other key is nobody in particular, and costs no look."""
    if not access_key_id.startswith(("AKIA", "ASIA")):
        return None
    with database.read() as reader:
        return principal_of(reader, access_key_id)


def known_deactivated(database: Database, access_key_id: str) -> bool:
    with database.read() as reader:
        return is_deactivated(reader, access_key_id)
