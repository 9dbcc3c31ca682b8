"""What reading a secret or a parameter needs of its reader's policies: the APIs and the tasks' secrets alike.

Source: Service Authorization Reference for Secrets Manager, Systems Manager and KMS. KMS is not there: only whether
the reader may use the key that a value names is asked.
"""

from __future__ import annotations

from collections.abc import Iterable

from emulator.domain.iam.policy_conditions import Context, resource_tags
from emulator.domain.iam.policy_evaluation import Access
from emulator.domain.secrets.parameter import DEFAULT_KEY, Parameter, ParameterVersion, Reference, arn_resource
from emulator.domain.secrets.secret import CURRENT, Secret
from emulator.store.database import Reader
from emulator.store.secret_values import Scope, find_parameter, find_secret
from emulator.store.secrets_tables import PARAMETER_VERSIONS

_OWN_KEYS = (None, "", "alias/aws/secretsmanager", DEFAULT_KEY)


def secret_access(
    reader: Reader, scope: Scope, partition: str, action: str, secret_id: str, context: Context | None = None
) -> Access:
    """An action on a secret; one that is not there has the ARN that was asked for."""
    secret = find_secret(reader, scope, secret_id)
    prefix = f"arn:{partition}:secretsmanager:{scope.region}:{scope.account}:secret:"
    arn = secret.arn if secret else secret_id if secret_id.startswith("arn:") else prefix + secret_id
    keys = {"secretsmanager:secretid": (arn,), "secretsmanager:secretprimaryregion": (scope.region,)}
    tags = resource_tags("secretsmanager", secret.tags if secret else {})
    return Access(
        f"secretsmanager:{action}",
        arn,
        {**keys, **tags, **(context or {})},
        secret.policy if secret else None,
        scope.account,
    )


def value_of_secret(
    reader: Reader,
    scope: Scope,
    partition: str,
    secret_id: str,
    version_id: str | None = None,
    stage: str | None = None,
) -> Iterable[Access]:
    """GetSecretValue, and the key that the value is sealed with if it is a customer's."""
    context = {"secretsmanager:versionstage": (stage or CURRENT,)}
    if version_id:
        context = {"secretsmanager:versionid": (version_id,)}
    yield secret_access(reader, scope, partition, "GetSecretValue", secret_id, context)
    secret: Secret | None = find_secret(reader, scope, secret_id)
    if secret is not None and secret.kms_key_id not in _OWN_KEYS:
        key = _key_access(str(secret.kms_key_id), scope, partition, "secretsmanager")
        yield Access(key.action, key.resource, key.context, text="Access to KMS is not allowed")


def parameter_access(
    reader: Reader, scope: Scope, partition: str, action: str, wanted: Reference, context: Context | None = None
) -> Access:
    """An action on a parameter, which may be named by ARN, and with a version or label."""
    parameter = find_parameter(reader, scope, wanted)
    resource = parameter.name if parameter else wanted.name
    arn = f"arn:{partition}:ssm:{scope.region}:{scope.account}:{arn_resource(resource)}"
    tags = resource_tags("ssm", parameter.tags if parameter else {})
    return Access(f"ssm:{action}", arn, {**tags, **(context or {})})


def key_of_parameter(reader: Reader, scope: Scope, partition: str, wanted: Reference) -> Iterable[Access]:
    """kms:Decrypt for a SecureString under a customer's key."""
    parameter: Parameter | None = find_parameter(reader, scope, wanted)
    if parameter is None or parameter.type != "SecureString":
        return
    version: ParameterVersion | None = reader.get(
        PARAMETER_VERSIONS, parameter.account, parameter.region, parameter.name, parameter.version
    )
    if version is not None and version.key_id not in _OWN_KEYS:
        yield _key_access(str(version.key_id), scope, partition, "ssm")


def _key_access(key: str, scope: Scope, partition: str, service: str) -> Access:
    """A key by id, ARN or alias. Behind an alias there is no key here, so its own ARN stands for it."""
    resource = key if key.startswith("alias/") else f"key/{key}"
    arn = key if key.startswith("arn:") else f"arn:{partition}:kms:{scope.region}:{scope.account}:{resource}"
    context = {"kms:viaservice": (f"{service}.{scope.region}.amazonaws.com",)}
    return Access("kms:Decrypt", arn, context)
