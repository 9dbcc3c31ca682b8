"""Every text that ECS answers about a task definition, in one table, so that a wrong one is corrected in one place.

It decides wording only; which rule was broken is decided by the callers. Three groups by how sure the text is:
*observed* (quoted from AWS by its users), *documented* (AWS documentation), and *unconfirmed* (our words for a
rule that AWS documents without quoting its message). A text moves up when somebody sees the real one.
"""

from __future__ import annotations

from typing import Final

from emulator.domain.errors import ClientException, InvalidParameterException


def refused(template: str, **values: object) -> ClientException:
    """The ClientException of a registration rule; a missing value prints as `null`, as Java does at AWS."""
    return ClientException(_filled(template, values))


def invalid_parameter(template: str, **values: object) -> InvalidParameterException:
    """The same for RunTask, StartTask and tag rules, which answer InvalidParameterException."""
    return InvalidParameterException(_filled(template, values))


def _filled(template: str, values: dict[str, object]) -> str:
    return template.format(**{name: "null" if value is None else value for name, value in values.items()})


# --- observed -----------------------------------------------------------------------------------------------
FAMILY_CHARACTERS: Final = "Family contains invalid characters."
CONTAINER_LIST_EMPTY: Final = "Container list cannot be empty."
TOO_MANY_CONTAINERS: Final = "Too many containers."
TOO_LONG: Final = "Actual length: '{length}'. Max allowed length is '{limit}' bytes."
CONTAINER_NAME_EMPTY: Final = "Container.name should not be null or empty."
CONTAINER_NAME_CHARACTERS: Final = "Container.name contains invalid characters."
CONTAINER_IMAGE_EMPTY: Final = "Container.image should not be null or empty."
CONTAINER_IMAGE_CHARACTERS: Final = "Container.image contains invalid characters."
NO_MEMORY: Final = (
    "Invalid setting for container '{container}'. At least one of 'memory' or 'memoryReservation' must be specified."
)
TASK_CPU_INVALID: Final = (
    "Invalid 'cpu' setting for task. For more information, see the Troubleshooting section of the Amazon ECS "
    "Developer Guide."
)
TASK_MEMORY_INVALID: Final = (
    "Invalid 'memory' setting for task. For more information, see the Troubleshooting section of the Amazon ECS "
    "Developer Guide."
)
CPU_SUM: Final = "The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'."
MEMORY_SUM: Final = "The sum of all container '{member}' values cannot be greater than the value of the task 'memory'."
CONTAINER_MEMORY_ABOVE_TASK: Final = "The '{member}' setting for container '{container}' is greater than for the task."
ROLE_INVALID: Final = "Role is not valid"
SECRETS_NEED_ROLE: Final = (
    "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'."
)
PRIVATE_REGISTRY_NEEDS_ROLE: Final = (
    "Private repository authentication requires that the task definition specify a value for executionRoleArn."
)
SECRET_NAME_SHARED: Final = (
    "The secret name must be unique and not shared with any new or existing environment variables set on the "
    "container, such as '{name}'."
)
SSM_NAME_INVALID: Final = (
    "The Systems Manager parameter name specified for secret {name} is invalid. The parameter name can be up to "
    "2048 characters and include the following letters and symbols: a-zA-Z0-9_.-,"
)
LOG_OPTIONS_MISSING: Final = "Log driver {driver} requires options: {options}"
LOG_OPTIONS_UNKNOWN: Final = "Log driver {driver} disallows options: {options}"
FIRELENS_WITHOUT_DRIVER: Final = (
    "When a firelensConfiguration object is specified, at least one container has to be configured with the "
    "awsfirelens log driver."
)
FIRELENS_DRIVER_WITHOUT_ROUTER: Final = (
    "When awsfirelens log driver is specified in log configuration, a firelens configuration object must be "
    "configured in one of the containers."
)
# Unconfirmed wording of these two.
FIRELENS_TWICE: Final = "Only one container in a task definition can have a firelensConfiguration object."
FIRELENS_OPTION: Final = "Invalid firelensConfiguration option '{option}' for container '{container}'."
ARN_SYNTAX: Final = "Invalid arn syntax."
DEPENDENCY_ESSENTIAL: Final = (
    "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container"
)
VOLUMES_FROM_UNKNOWN: Final = "Invalid 'volumesFrom' setting. Unknown container: '{container}'."
VOLUME_UNKNOWN: Final = "Unknown volume '{volume}'."
SOURCE_PATH_BLANK: Final = "host.sourcePath should not be blank."
EFS_ROOT_WITH_ACCESS_POINT: Final = (
    'When using an EFS access point, the root directory must either be set to "/" or be omitted.'
)
CONTAINER_PORT_INVALID: Final = "Invalid 'containerPort' setting for container '{container}'."
PORTS_MUST_MATCH: Final = "When networkMode={mode}, the host ports and container ports in port mappings must match."
HOST_PORT_TWICE: Final = "{protocol} host port '{port}' is mapped multiple times in task."
LINKS_UNSUPPORTED: Final = "Links are not supported when networkMode={mode}."
UNSUPPORTED_IN_MODE: Final = "{member} is not supported on container when networkMode={mode}."
HEALTH_ABOVE: Final = (
    "Health check {member} must be less than or equal to the maximum allowed value {limit} for container '{container}'"
)
FARGATE_NETWORK: Final = "Fargate only supports network mode ‘awsvpc’."
FARGATE_NEEDS: Final = "Fargate requires that '{member}' be defined at the task level."
FARGATE_SIZE: Final = (
    "No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. See the Amazon ECS "
    "documentation for the valid values."
)
FARGATE_ECR_NEEDS_ROLE: Final = "Fargate requires task definition to have execution role ARN to support ECR images."
FARGATE_LOGS_NEED_ROLE: Final = (
    "Fargate requires task definition to have execution role ARN to support log driver {driver}."
)
FARGATE_PID_HOST: Final = (
    "Tasks using the Fargate launch type do not support pidMode 'host'. The supported value for pidMode is 'task'."
)
FARGATE_IPC: Final = "Tasks using the Fargate launch type do not support ipcMode."
FARGATE_REFUSES: Final = "Fargate compatible task definitions do not support {what}"
OVERRIDES_TOO_LONG: Final = "Container Overrides length must be at most {limit}"
OVERRIDE_UNKNOWN_CONTAINER: Final = "Override for container named {container} is not a container in the TaskDefinition."
REVISION_INVALID: Final = "Invalid revision number. Number: {number}"

# --- unconfirmed --------------------------------------------------------------------------------------------
FAMILY_EMPTY: Final = "Family should not be null or empty."
CONTAINER_NAME_TWICE: Final = "Container names must be unique. Duplicate container name: '{container}'."
NO_ESSENTIAL: Final = "At least one container must be marked as essential."
IMAGE_TOO_LONG: Final = "Container.image is too long. The maximum length is 255 characters."
SETTING_INVALID: Final = "Invalid '{member}' setting for container '{container}'."
MEMORY_BELOW_RESERVATION: Final = (
    "Invalid setting for container '{container}'. 'memory' must be greater than or equal to 'memoryReservation'."
)
ENVIRONMENT_NAME_EMPTY: Final = "Environment variable name should not be null or empty for container '{container}'."
ENVIRONMENT_FILES_COUNT: Final = "Too many environment files for container '{container}'. The maximum is 10."
ENVIRONMENT_FILE_INVALID: Final = (
    "Invalid environment file '{value}' for container '{container}'. The value must be the ARN of an Amazon S3 "
    "object with the file extension .env."
)
HEALTH_COMMAND: Final = "Health check command must start with CMD or CMD-SHELL for container '{container}'"
HEALTH_BELOW: Final = (
    "Health check {member} must be greater than or equal to the minimum allowed value {limit} for container "
    "'{container}'"
)
RANGE: Final = "Invalid '{member}' setting for container '{container}'. The value must be between {low} and {high}."
MINIMUM: Final = "Invalid '{member}' setting for container '{container}'. The value must be at least {low}."
ULIMIT_ORDER: Final = "Invalid ulimit '{name}' for container '{container}'. softLimit must not exceed hardLimit."
ULIMIT_TWICE: Final = "Duplicate ulimit '{name}' for container '{container}'."
SYSTEM_CONTROL_INVALID: Final = "Invalid systemControls namespace '{namespace}' for container '{container}'."
SYSTEM_CONTROL_MODE: Final = (
    "systemControls namespace '{namespace}' is not supported on container '{container}' when {what}."
)
CAPABILITY_INVALID: Final = "Invalid Linux capability '{name}' for container '{container}'."
TMPFS_OPTION_INVALID: Final = "Invalid tmpfs mount option '{name}' for container '{container}'."
RESOURCE_INVALID: Final = "Invalid resourceRequirements setting for container '{container}': {why}."
CREDENTIAL_SPECS: Final = (
    "Invalid 'credentialSpecs' setting for container '{container}'. At most one value of the form "
    "credentialspec:ARN or credentialspecdomainless:ARN is allowed."
)
SECURITY_OPTION_INVALID: Final = "Invalid dockerSecurityOptions value '{value}' for container '{container}'."
IGNORED_EXIT_CODES: Final = "Too many ignoredExitCodes for container '{container}'. The maximum is 50."
SECRET_VALUE_INVALID: Final = "Invalid 'valueFrom' for secret {name}."
LINK_UNKNOWN: Final = "Invalid 'links' setting. Unknown container: '{container}'."
DEPENDENCY_UNKNOWN: Final = "Invalid 'dependsOn' setting. Unknown container: '{container}'."
DEPENDENCY_WITHOUT_HEALTH: Final = "A dependency container with HEALTHY condition must have a health check configured"
DEPENDENCY_CYCLE: Final = "Container dependencies must not be cyclic. Cycle: {cycle}."
HOST_PORT_INVALID: Final = "Invalid 'hostPort' setting for container '{container}'."
PORTS_WITH_NONE: Final = "Port mappings are not supported when networkMode=none."
PORT_RANGE_INVALID: Final = "Invalid 'containerPortRange' setting for container '{container}'."
PORT_RANGE_OVERLAP: Final = "Overlapping port mappings for container '{container}'."
PORT_RANGE_COUNT: Final = "Too many port ranges for container '{container}'. The maximum is 100."
PORT_NAME_INVALID: Final = "Invalid port mapping name '{name}' for container '{container}'."
PORT_NAME_TWICE: Final = "Port mapping names must be unique within a task definition. Duplicate name: '{name}'."
VOLUME_NAME_INVALID: Final = "Volume name '{volume}' is invalid."
VOLUME_NAME_TWICE: Final = "Volume names must be unique. Duplicate volume name: '{volume}'."
VOLUME_KINDS: Final = "Volume '{volume}' must have only one volume configuration."
VOLUMES_AT_LAUNCH: Final = "Only one volume can be configured at launch."
DOCKER_VOLUME_AUTOPROVISION: Final = "autoprovision is only supported for volume '{volume}' with scope 'shared'."
EFS_NEEDS_ENCRYPTION: Final = (
    "Transit encryption must be enabled for volume '{volume}' when an access point or IAM authorization is used."
)
S3_ROOT_WITH_ACCESS_POINT: Final = (
    'When using an S3 Files access point, the root directory must either be set to "/" or be omitted.'
)
VOLUME_FIELD_INVALID: Final = "Invalid '{member}' setting for volume '{volume}'."
MOUNT_PATH_EMPTY: Final = "MountPoint.containerPath should not be null or empty."
PLACEMENT_COUNT: Final = "Too many placement constraints. The maximum is 10."
PLACEMENT_EXPRESSION: Final = "Invalid placement constraint expression."
EPHEMERAL_STORAGE: Final = "EphemeralStorage size should be between 21 and 200 GiB."
PROXY_CONTAINER_UNKNOWN: Final = "Invalid 'proxyConfiguration' setting. Unknown container: '{container}'."
PROXY_NETWORK: Final = "proxyConfiguration is only supported when networkMode=awsvpc."
PROXY_PROPERTIES: Final = "Invalid 'proxyConfiguration' setting. Missing properties: {names}."
ATTESTATION_POLICY: Final = "attestationPolicy is required when isolationMode is CONFIDENTIAL_SANDBOX."
ISOLATION_COMPATIBILITY: Final = "isolationMode {mode} is only supported with the MANAGED_INSTANCES compatibility."
COMPATIBILITY_NETWORK: Final = "{compatibility} does not support network mode '{mode}'."
OVERRIDE_WITHOUT_NAME: Final = "Container override name should not be null or empty."
OVERRIDE_ACCELERATOR_UNKNOWN: Final = "Override for inference accelerator named {name} is not in the TaskDefinition."
REFERENCE_EMPTY: Final = "TaskDefinition should not be null or empty."
TAG_COUNT: Final = "The number of tags exceeds the limit of {limit}."
TAG_TWICE: Final = "Duplicate tag keys found. Tag keys must be unique."
TAG_RESERVED: Final = "Tag keys and values must not start with the reserved prefix aws:."
TAG_KEY_INVALID: Final = "Tag key is invalid: it must be 1 to 128 characters of letters, numbers, spaces and _.:/=+-@."
TAG_VALUE_INVALID: Final = (
    "Tag value is invalid: it must be 0 to 256 characters of letters, numbers, spaces and _.:/=+-@."
)
