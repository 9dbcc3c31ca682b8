"""What a task's roles let ECS do for it before its containers start, where policies are enforced (`--enforce-iam`).

ECS assumes the execution role in a session named by the task's id and, with it, fetches the registry's token, secrets
and images and opens log streams. What is not allowed ends the task in the words that ECS uses. Here it is only asked;
others fetch and open. Source: Amazon ECS developer guide, "Amazon ECS task execution IAM role" and "Stopped tasks
error messages".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from emulator.control.tasks.environment_files import LEAD as ENVIRONMENT_LEAD
from emulator.control.tasks.environment_files import EnvironmentFileUnavailable
from emulator.control.tasks.images import CannotPull, ImageFinder
from emulator.control.tasks.log_delivery import DestinationUnavailable
from emulator.control.tasks.secrets import LEAD, RETRIED, SecretsUnavailable
from emulator.domain.ecr.image_reference import EcrRegistry, ImageReference
from emulator.domain.errors import AwsError
from emulator.domain.iam.identity import Role, role_name
from emulator.domain.iam.policy_conditions import request_keys
from emulator.domain.iam.policy_evaluation import Access, denial_text
from emulator.domain.iam.role_trust import Asking, trusts
from emulator.domain.logs.log_delivery import Destination
from emulator.domain.tasks.task import Task
from emulator.domain.tasks.task_overrides import EffectiveTask
from emulator.ids import Ids
from emulator.registry.repository import find_image, find_repository
from emulator.store.database import Database, Reader
from emulator.store.iam_tables import ROLES
from emulator.store.logs_tables import LOG_GROUPS
from emulator.store.permissions import decide, role_standing
from emulator.store.registry_settings import repository_access

_TASKS = "ecs-tasks.amazonaws.com"
_NO_STREAM = (
    "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to "
    "create Cloudwatch log "
)


class CannotAssumeRole(Exception):
    """A role of the task is not there, or does not trust ECS's tasks."""

    def __init__(self, role: str) -> None:
        super().__init__(
            f"ECS was unable to assume the role '{role}' that was provided for this task. Please verify that the role "
            "being passed has the proper trust relationship and permissions and that your IAM user has permissions to "
            "pass this role."
        )


@dataclass(frozen=True, slots=True)
class RoleChecks:
    """`roles_must_exist`: strictly, roles that nobody created are refused; `enforce`: their policies decide, too."""

    database: Database
    images: ImageFinder
    ids: Ids
    now: Callable[[], float]
    roles_must_exist: bool = False
    enforce: bool = False

    def check_assumable(self, task: Task, effective: EffectiveTask) -> None:
        """CannotAssumeRole. RunTask has asked before; a service's tasks are asked here first."""
        if not self.roles_must_exist:
            return
        with self.database.read() as reader:
            for reference in (effective.task_role_arn, effective.execution_role_arn):
                if reference and not self.assumable(reader, task, reference):
                    raise CannotAssumeRole(reference)

    def assumable(self, reader: Reader, task: Task, reference: str) -> bool:
        """Whether ECS may assume the role for the task now; where roles need not exist it always may."""
        if not self.roles_must_exist:
            return True
        context = {"aws:sourceaccount": (task.account,), "aws:sourcearn": (_arn(task, "ecs", "*"),)}
        role = _role(reader, task, reference)
        return role is not None and trusts(role.trust, Asking(task.account, service=_TASKS, context=context))

    def check_registry_token(self, task: Task, effective: EffectiveTask) -> None:
        """SecretsUnavailable when the registry's token is needed and not given."""
        ours = any(self.images.our_registry(container["image"]) for container in effective.containers)
        if not ours:
            return
        with self.database.read() as reader:
            refusal = self.refusal(reader, task, effective.execution_role_arn, Access("ecr:GetAuthorizationToken"))
        if refusal is not None:
            raise SecretsUnavailable(f"{LEAD}unable to retrieve ecr registry auth: {RETRIED}{refusal}")

    def check_environment_files(self, task: Task, role: str | None, container: Mapping[str, Any]) -> None:
        """EnvironmentFileUnavailable for a file that the role may not have (the words around S3's are unconfirmed)."""
        with self.database.read() as reader:
            for file in container.get("environmentFiles") or ():
                bucket = file["value"].partition("/")[0]
                for access in (Access("s3:GetBucketLocation", bucket), Access("s3:GetObject", file["value"])):
                    denied = self._denied(reader, task, role, access)
                    if denied is not None:
                        raise EnvironmentFileUnavailable(f"{ENVIRONMENT_LEAD}AccessDenied: {denied} status code: 403")

    def check_pull(self, task: Task, role: str | None, image: str) -> None:
        """CannotPull for an image of our registry whose manifest or layers the role may not have."""
        found = self.images.our_registry(image)
        if found is None:
            return
        reference, registry = found
        with self.database.read() as reader:
            for action in ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"):
                access = _repository_access(reader, task, reference, registry, action)
                if self._denied(reader, task, role, access) is not None:
                    raise CannotPull(_pull_failure(reader, reference, registry, action))

    def check_log_stream(self, reader: Reader, task: Task, role: str | None, where: Destination) -> None:
        """DestinationUnavailable: the driver makes its stream and, if it is to, the group that is missing."""
        group = f"arn:{_partition(task)}:logs:{where.region}:{task.account}:log-group:{where.group}:log-stream:"
        refusal = self.refusal(reader, task, role, Access("logs:CreateLogStream", group + where.stream))
        if refusal is not None:
            raise DestinationUnavailable(f"{_NO_STREAM}stream: {refusal}")
        if reader.get(LOG_GROUPS, task.account, where.region, where.group) is None and where.create_group:
            refusal = self.refusal(reader, task, role, Access("logs:CreateLogGroup", group))
            if refusal is not None:
                raise DestinationUnavailable(f"{_NO_STREAM}group: {refusal}")

    def log_warning(self, reader: Reader, task: Task, role: str | None, where: Destination) -> str | None:
        """Why what the container writes will not arrive; the task runs all the same, as at AWS."""
        stream = f"log-group:{where.group}:log-stream:{where.stream}"
        arn = f"arn:{_partition(task)}:logs:{where.region}:{task.account}:{stream}"
        denied = self._denied(reader, task, role, Access("logs:PutLogEvents", arn))
        return None if denied is None else f"its log events are dropped: {denied}"

    def refusal(self, reader: Reader, task: Task, role: str | None, access: Access) -> str | None:
        """`AccessDeniedException: User: ... status code: 400, request id: ...`; None when the role may."""
        denied = self._denied(reader, task, role, access)
        if denied is None:
            return None
        return f"AccessDeniedException: {denied} status code: 400, request id: {self.ids.uuid()}"

    def _denied(self, reader: Reader, task: Task, role: str | None, access: Access) -> str | None:
        if not self.enforce or not role:
            return None
        standing = role_standing(reader, role, task.account, _partition(task), task.id)
        decision = decide(standing, access, request_keys(task.region, self.now()))
        return None if decision.allowed else denial_text(standing.who.arn, access, decision)


def _role(reader: Reader, task: Task, reference: str) -> Role | None:
    named = role_name(reference)
    if named is None:
        return reader.get(ROLES, task.account, reference)
    found = reader.get(ROLES, named.account, named.name)
    return found if found is not None and found.arn == reference else None


def _repository_access(
    reader: Reader, task: Task, reference: ImageReference, registry: EcrRegistry, action: str
) -> Access:
    arn = f"arn:{_partition(task)}:ecr:{registry.region}:{registry.account}:repository/{reference.repository}"
    return repository_access(reader, action, arn)


def _pull_failure(reader: Reader, reference: ImageReference, registry: EcrRegistry, action: str) -> str:
    """containerd's words for a registry's 403: for the manifest, or for the first layer."""
    wanted = reference.digest or reference.pulled_tag or ""
    if action == "ecr:BatchGetImage":
        return (
            f"pull image manifest has been retried 1 time(s): failed to resolve ref {reference.text}: pulling from "
            f"host {reference.registry} failed with status code [manifests {wanted}]: 403 Forbidden"
        )
    path = f"https://{reference.registry}/v2/{reference.repository}/blobs/{_blob(reader, reference, registry, wanted)}"
    return (
        f"ref pull has been retried 1 time(s): failed to copy: httpReadSeeker: failed open: unexpected status code "
        f"{path}: 403 Forbidden"
    )


def _blob(reader: Reader, reference: ImageReference, registry: EcrRegistry, wanted: str) -> str:
    """What is fetched first after the manifest: the image's configuration."""
    try:
        repository = find_repository(reader, registry.account, registry.region, reference.repository)
    except AwsError:
        return wanted
    image = find_image(reader, repository, wanted)
    return wanted if image is None else image.config_digest or image.digest


def _partition(task: Task) -> str:
    return task.arn.split(":", 2)[1]


def _arn(task: Task, service: str, resource: str) -> str:
    return f"arn:{_partition(task)}:{service}:{task.region}:{task.account}:{resource}"
