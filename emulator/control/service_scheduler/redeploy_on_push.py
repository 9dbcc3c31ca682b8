"""`--redeploy-on-push`: services that use a tag are deployed anew when another image is pushed under it.

What UpdateService with forceNewDeployment does, done for whoever pushes. Only services whose tasks do not all run the
pushed image already are touched. It must not know how a deployment goes on from there
(control/service_scheduler/services.py).
"""

from __future__ import annotations

import logging

from emulator.clock import Clock
from emulator.domain.ecr.image import HeardPush
from emulator.domain.service_scheduler import deployment as deployments
from emulator.domain.service_scheduler import service_deployment as history
from emulator.domain.service_scheduler.service import Service
from emulator.domain.task_definitions.revision import TaskDefinition
from emulator.events import journal
from emulator.ids import Ids
from emulator.store.database import Database, Reader, Transaction
from emulator.store.ecr_tables import HEARD_PUSHES, IMAGE_TAGS
from emulator.store.ecs_tables import SERVICE_DEPLOYMENTS, SERVICE_REVISIONS, SERVICES, TASKS
from emulator.store.image_users import Key, Naming, image_key, images_of_services, services_naming

_log = logging.getLogger("homeport.control")

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


class RedeployOnPush:
    """A controller. Key: account/region/repository:tag, woken by each push that moves or makes the tag.

    `naming` None: the option was not given, and nothing is done. What was pushed right before a stop is heard of at the
    next start: whom a push concerned is entered in the transaction that deploys anew.
    """

    def __init__(self, clock: Clock, database: Database, ids: Ids, naming: Naming | None) -> None:
        self._clock = clock
        self._database = database
        self._ids = ids
        self._naming = naming

    @property
    def keys(self) -> list[tuple[str, str]]:
        """Tags that active services name and whose last push they have not been told of."""
        if self._naming is None:
            return []
        with self._database.read() as reader:
            images = {image for image in images_of_services(reader, self._naming) if ":" not in image[3]}
            unheard = [image for image in sorted(images) if not _is_heard(reader, image)]
        return [("pushed_tag", f"{'/'.join(image[:3])}:{image[3]}") for image in unheard]

    def reconcile(self, key: str) -> float | None:
        if self._naming is None:
            return None
        where, _, tag = key.rpartition(":")
        account, region, repository = where.split("/", 2)
        with self._database.write() as tx:
            pushed = tx.get(IMAGE_TAGS, account, region, repository, tag)
            image: Key = (account, region, repository, tag)
            if pushed is None:
                tx.delete(HEARD_PUSHES, *image)
                return None
            concerned = services_naming(tx, self._naming, image)
            if concerned:
                tx.put(HEARD_PUSHES, HeardPush(*image, pushed.tagged_at))
            for service, definition in concerned:
                newer = service.primary.created_at > pushed.tagged_at  # it finds the pushed image by itself
                if not newer and not self._runs(tx, service, image, pushed.digest):
                    self._deploy(tx, service, definition, f"{repository}:{tag}", pushed.digest)
        return None

    def _runs(self, reader: Reader, service: Service, image: tuple[str, str, str, str], digest: str) -> bool:
        """Whether every task of the service runs the digest already, and there is one."""
        assert self._naming is not None
        found = reader.find(
            TASKS, account=service.account, region=service.region, cluster=service.cluster, service=service.name
        )
        tasks = [task for task in found if not task.stopped]
        digests = {
            container.image_digest
            for task in tasks
            for container in task.containers
            if image_key(self._naming, container.image) == image
        }
        return digests == {digest}

    def _deploy(self, tx: Transaction, service: Service, definition: TaskDefinition, image: str, digest: str) -> None:
        now, before = self._clock.now(), service.primary
        deployment = deployments.begin(
            f"ecs-svc/{self._ids.decimal(19)}",
            service.task_definition,
            before.spec,
            now,
            self._ids.letters(21, _LETTERS),
            before.service_settings,
        )
        changed = deployments.without_back_off(deployments.supersede(service, deployment, now))
        where = (service.account, service.region, service.cluster, service.name)
        under_way = tx.get(SERVICE_DEPLOYMENTS, *where, before.service_deployment_id)
        if under_way is not None and not under_way.ended:
            tx.put(SERVICE_DEPLOYMENTS, history.stopped(under_way, history.SUPERSEDED, now))
        images = [[c["name"], c["image"]] for c in definition.body["containerDefinitions"]]
        tx.put(SERVICE_REVISIONS, history.revision_of(changed, deployment, images, now))
        tx.put(SERVICE_DEPLOYMENTS, history.begin_service_deployment(changed, deployment, now))
        tx.put(SERVICES, changed)
        _log.info("service %s: a new deployment, since %s was pushed", service.name, image)
        journal.append(
            tx,
            at=now,
            account=service.account,
            region=service.region,
            kind="service.redeployed",
            subject=service.arn,
            detail={"image": image, "digest": digest, "deployment": deployment.id},
        )


def _is_heard(reader: Reader, image: Key) -> bool:
    """Also when there is no such tag."""
    pushed, heard = reader.get(IMAGE_TAGS, *image), reader.get(HEARD_PUSHES, *image)
    return pushed is None or (heard is not None and heard.tagged_at == pushed.tagged_at)
