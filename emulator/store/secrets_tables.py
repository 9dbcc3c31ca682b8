"""Tables of Secrets Manager and Parameter Store: their APIs write them, control reads them for a task's secrets."""

from __future__ import annotations

from emulator.domain.secrets.parameter import Parameter, ParameterVersion
from emulator.domain.secrets.secret import Secret, SecretVersion
from emulator.store.tables import Table

SECRETS: Table[Secret] = Table(
    "secrets", Secret, key=("account", "region", "name"), unique=(("account", "region", "arn"),)
)
SECRET_VERSIONS: Table[SecretVersion] = Table(
    "secret_versions", SecretVersion, key=("account", "region", "secret_arn", "version_id")
)
PARAMETERS: Table[Parameter] = Table("ssm_parameters", Parameter, key=("account", "region", "name"))
PARAMETER_VERSIONS: Table[ParameterVersion] = Table(
    "ssm_parameter_versions", ParameterVersion, key=("account", "region", "name", "version")
)

TABLES = (SECRETS, SECRET_VERSIONS, PARAMETERS, PARAMETER_VERSIONS)
