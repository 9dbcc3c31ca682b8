"""A repository of 2,500 and one of 10,000 images: what a look at it costs, and that it grows linearly at worst."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from emulator.clock import SystemClock
from emulator.domain.ecr.image import Image, ImageTag, Repository
from emulator.domain.ecr.lifecycle_evaluation import DAY_S, evaluate
from emulator.domain.ecr.lifecycle_policy import parse_policy
from emulator.domain.ecr.manifest import OCI_MANIFEST, digest_of
from emulator.registry import repository as store
from emulator.registry.lifecycle import carry_out, tagged_images
from emulator.store import ecr_tables, ecs_tables
from emulator.store.database import Database
from emulator.store.ecr_tables import IMAGE_TAGS, IMAGES

FEW, MANY = 2_500, 10_000
LINEAR = 10.0
"""Four times the images may cost this often the time: caches and noise included; were it quadratic it would be 16."""

POLICY = json.dumps({
    "rules": [
        {"rulePriority": 1, "action": {"type": "expire"}, "selection": {
            "tagStatus": "tagged", "tagPatternList": ["v*-rc*"], "countType": "imageCountMoreThan", "countNumber": 10}},
        {"rulePriority": 2, "action": {"type": "expire"}, "selection": {
            "tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 7}},
        {"rulePriority": 3, "action": {"type": "expire"}, "selection": {
            "tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 500}},
    ]
})  # fmt: skip


def many(directory: Path) -> bool:
    """Prints each figure for both sizes; whether none of them grows faster than the number of images."""
    database = Database(directory / "many.db", (*ecr_tables.TABLES, *ecs_tables.TABLES))
    held = True
    figures = [_figures(database, _filled(database, count), count) for count in (FEW, MANY)]
    for name, few in figures[0].items():
        lots = figures[1][name]
        linear = lots <= max(LINEAR * few, 1.0)
        held &= linear
        print(f"{name:38} {few:9.2f} ms of {FEW:,}  {lots:9.2f} ms of {MANY:,}{'' if linear else '  NOT LINEAR'}")
    database.close()
    return held


def _filled(database: Database, count: int) -> Repository:
    """A repository whose images are a day apart in hundreds; every third has no tag."""
    now = SystemClock().now()
    repository = Repository("123456789012", "us-east-1", f"many-{count}", now, lifecycle_policy_text=POLICY)
    with database.write() as tx:
        store.create_repository(tx, repository)
        for number in range(count):
            digest = digest_of(f"{count}-{number}".encode())
            key = (repository.account, repository.region, repository.name)
            pushed_at = now - number * DAY_S / 100
            layers = tuple(digest_of(f"{number % 97}-{layer}".encode()) for layer in range(5))
            tx.insert(IMAGES, Image(*key, digest, OCI_MANIFEST, 1500, 10_000_000, pushed_at, blob_digests=layers))
            for tag in (f"v{number}", f"v{number}-rc1")[: number % 3]:
                tx.insert(IMAGE_TAGS, ImageTag(*key, tag, digest, pushed_at))
    return repository


def _figures(database: Database, repository: Repository, count: int) -> dict[str, float]:
    now, rules = SystemClock().now(), parse_policy(POLICY)
    middle = digest_of(f"{count}-{count // 2}".encode())
    with database.read() as reader:
        images = tagged_images(reader, repository)
        found = {
            "a page of 100 tags": _ms(lambda: store.list_tags(reader, repository, after="v5", limit=101)),
            "a page of 100 images": _ms(lambda: store.list_images(reader, repository, after=middle, limit=101)),
            "a tag resolved": _ms(lambda: store.find_image(reader, repository, "v500")),
            "images and tags read": _ms(lambda: tagged_images(reader, repository)),
            "a lifecycle policy evaluated": _ms(lambda: evaluate(rules, images, now)),
        }
        actions = evaluate(rules, images, now)
    start = time.thread_time()
    for first in range(0, len(actions), 200):
        with database.write() as tx:
            carry_out(tx, repository, actions[first : first + 200], now)
    found["one of its actions carried out"] = (time.thread_time() - start) * 1000 / len(actions)
    return found


def _ms(work: Callable[[], object]) -> float:
    """CPU time, the best of several: what others do on this machine only adds."""
    times = []
    for _ in range(9):
        start = time.thread_time()
        work()
        times.append((time.thread_time() - start) * 1000)
    return min(times)
