"""Repositories that ECR makes by itself: for a replica, for a cached image, for a first push. By their template.

Decides nothing about who may have one made: callers ask before.
"""

from __future__ import annotations

from emulator.domain.ecr.creation_template import CREATE_ON_PUSH, repository_by, template_for
from emulator.domain.ecr.image import Repository
from emulator.registry.notes import note
from emulator.registry.repository import create_repository
from emulator.store.database import Reader, Transaction
from emulator.store.ecr_tables import CREATION_TEMPLATES, repository_key


def makes_on_push(reader: Reader, account: str, region: str, name: str) -> bool:
    """Whether a template has a push of that name make the repository."""
    templates = reader.find(CREATION_TEMPLATES, account=account, region=region)
    return template_for(templates, name, CREATE_ON_PUSH) is not None


def create_by_template(tx: Transaction, account: str, region: str, name: str, purpose: str, now: float) -> Repository:
    """A repository by the template for the purpose, or with ECR's defaults. Raises RepositoryAlreadyExistsException."""
    template = template_for(tx.find(CREATION_TEMPLATES, account=account, region=region), name, purpose)
    repository = repository_by(template, account, region, name, now)
    create_repository(tx, repository)
    by = "" if template is None else template.prefix
    note(tx, repository, "repository.created", {"repository-name": name, "for": purpose, "template": by}, now)
    if repository.lifecycle_policy_text is not None:
        tx.wake("lifecycle", repository_key(repository))
    return repository
