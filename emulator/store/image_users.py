"""Who uses an image of a repository: running tasks by its digest, services and task definitions by their reference.

Only reads. It knows the records of ECS and ECR; what follows from an image being used is decided elsewhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from emulator.domain.ecr.image import Repository
from emulator.domain.ecr.image_reference import EcrRegistry, ImageReference, image_reference
from emulator.domain.errors import AwsError
from emulator.domain.service_scheduler.service import Service
from emulator.domain.task_definitions.revision import TaskDefinition
from emulator.domain.tasks.task import Task
from emulator.store.database import Reader
from emulator.store.ecs_tables import SERVICES, TASK_DEFINITIONS, TASKS

Key = tuple[str, str, str, str]
"""Account, region, repository, and digest or tag."""


@dataclass(frozen=True, slots=True)
class Naming:
    """How references name our registry: by ECR's hosts, and on `own_host` (`localhost:4566`) the default one, or
    another by the first part of the path (`<account>.<region>/`)."""

    own_host: str
    default: EcrRegistry

    def repository(self, reference: ImageReference) -> tuple[str, str, str] | None:
        """Account, region and name; None for another registry's."""
        registry, name = reference.ecr, reference.repository
        if registry is None and reference.registry == self.own_host:
            registry = self.default
            account, dot, region = name.partition("/")[0].partition(".")
            if dot and len(account) == 12 and account.isdigit():
                registry, name = EcrRegistry(account, region), name.partition("/")[2]
        return None if registry is None else (registry.account, registry.region, name)


@dataclass(slots=True)
class Users:
    """Of all images: `tasks` that are not stopped by digest, `services` and `definitions` by tag or digest."""

    tasks: dict[Key, list[Task]] = field(default_factory=lambda: defaultdict(list))
    services: dict[Key, list[str]] = field(default_factory=lambda: defaultdict(list))
    definitions: dict[Key, list[str]] = field(default_factory=lambda: defaultdict(list))


def running_tasks(reader: Reader, repository: Repository) -> dict[str, list[Task]]:
    """By digest, the tasks that run an image of the repository: of this digest and name, wherever it was pulled."""
    found: dict[str, list[Task]] = defaultdict(list)
    for task in reader.find(TASKS):
        if task.stopped:
            continue
        for container in task.containers:
            if container.image_digest and _ends_with(container.image, repository.name):
                found[container.image_digest].append(task)
    return found


def digests_in_use(reader: Reader) -> set[str]:
    """Of the images that tasks run."""
    running = (task for task in reader.find(TASKS) if not task.stopped)
    return {container.image_digest for task in running for container in task.containers if container.image_digest}


def _ends_with(image: str, name: str) -> bool:
    repository = _reference(image)
    return repository is not None and (repository.repository == name or repository.repository.endswith(f"/{name}"))


def users(reader: Reader, naming: Naming) -> Users:
    """Who uses what, of all registries."""
    found = Users()
    for task in reader.find(TASKS):
        for container in () if task.stopped else task.containers:
            if (key := _key(naming, container.image, container.image_digest)) is not None:
                found.tasks[key].append(task)
    keys: dict[str, list[Key]] = {}
    for definition in reader.find(TASK_DEFINITIONS, status="ACTIVE"):
        images = [str(one.get("image", "")) for one in definition.body.get("containerDefinitions", ())]
        keys[definition.arn] = [key for image in images if (key := _key(naming, image, None)) is not None]
        for key in keys[definition.arn]:
            found.definitions[key].append(f"{definition.family}:{definition.revision}")
    for service in reader.find(SERVICES):
        for key in () if service.status == "INACTIVE" else keys.get(service.task_definition, ()):
            found.services[key].append(service.name)
    return found


def services_naming(reader: Reader, naming: Naming, key: Key) -> list[tuple[Service, TaskDefinition]]:
    """The active services whose task definition names an image by a tag, with that definition."""
    return [
        (service, definition)
        for service, definition in _active_services(reader)
        if key in _images_of(naming, definition)
    ]


def images_of_services(reader: Reader, naming: Naming) -> set[Key]:
    """What the active services name in our registries, by tag or digest."""
    return {key for _, definition in _active_services(reader) for key in _images_of(naming, definition)}


def _active_services(reader: Reader) -> Iterator[tuple[Service, TaskDefinition]]:
    for service in reader.find(SERVICES, status="ACTIVE"):
        family, _, revision = service.task_definition.rpartition("/")[2].rpartition(":")
        definition = reader.get(TASK_DEFINITIONS, service.account, service.region, family, int(revision))
        if definition is not None:
            yield service, definition


def _images_of(naming: Naming, definition: TaskDefinition) -> set[Key]:
    images = [str(one.get("image", "")) for one in definition.body.get("containerDefinitions", ())]
    return {key for image in images if (key := image_key(naming, image)) is not None}


def image_key(naming: Naming, image: str) -> Key | None:
    """What a reference names in our registries; None when it is another's."""
    return _key(naming, image, None)


def _key(naming: Naming, image: str, digest: str | None) -> Key | None:
    reference = _reference(image)
    where = None if reference is None else naming.repository(reference)
    if reference is None or where is None:
        return None
    return (*where, digest or reference.digest or reference.pulled_tag or "latest")


def _reference(image: str) -> ImageReference | None:
    try:
        return image_reference(image)
    except AwsError:
        return None
