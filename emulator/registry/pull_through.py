"""The pull-through cache: an image that a rule leads to is brought from its upstream before it is looked for here.

What is brought is whole: manifest and layers, an image like any other; of an index the images come when they are asked
for. A cached tag is compared with the upstream's once a day. When the upstream fails, what is cached is served. It must
not know who asks: whether that one may have something brought is asked of the caller.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from emulator.domain.ecr.creation_template import PULL_THROUGH_CACHE
from emulator.domain.ecr.ecr_events import PULL_THROUGH_CACHE_ACTION, envelope
from emulator.domain.ecr.image import Repository
from emulator.domain.ecr.image_errors import (
    ImageAlreadyExistsException,
    ImageTagAlreadyExistsException,
    InvalidManifest,
)
from emulator.domain.ecr.manifest import LIST_TYPES, Manifest, parse_manifest
from emulator.domain.ecr.pull_through import CachedTag, PullThroughRule, rule_for
from emulator.domain.errors import AwsError
from emulator.ids import Ids
from emulator.registry.blobs import BlobStore
from emulator.registry.creation import create_by_template
from emulator.registry.notes import note
from emulator.registry.repository import (
    find_image,
    find_layer,
    find_repository,
    link_layer,
    manifest_body,
    put_manifest,
)
from emulator.registry.uploads import DigestMismatch, Uploads
from emulator.registry.upstream import Fetched, Upstream, UpstreamDenied, UpstreamError
from emulator.store.database import Database, Reader
from emulator.store.ecr_tables import CACHED_TAGS, PULL_THROUGH_RULES, REPOSITORIES
from emulator.store.sealing import Sealer
from emulator.store.secret_values import Scope, read_secret

_log = logging.getLogger("homeport.registry")

Refusal = Callable[[Reader, str], str | None]
"""Why whoever asks may not do an action with the repository; None when it may."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An image of a repository, by tag or digest."""

    account: str
    region: str
    name: str
    reference: str


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where upstreams are: `named` by the user (host to address), our own registries at `own` under their host with
    credentials of an account and region; every other by HTTPS at its name."""

    named: Mapping[str, str]
    own: str
    own_credentials: Callable[[str, str], tuple[str, str]]

    def upstream(self, rule: PullThroughRule, credentials: tuple[str, str] | None, mark: str) -> Upstream:
        host = rule.upstream_url
        if host in self.named:
            return Upstream(self.named[host], credentials, None, mark)
        if rule.upstream_registry == "ecr":
            return Upstream(self.own, self.own_credentials(rule.account, host.split(".")[3]), host, mark)
        return Upstream(f"https://{host}", credentials, None, mark)


class PullThroughCache:
    """Safe for threads: an image is brought once, whoever else wants it meanwhile waits."""

    def __init__(
        self, database: Database, blobs: BlobStore, uploads: Uploads, ids: Ids, sealer: Sealer, addresses: Addresses
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._uploads = uploads
        self._ids = ids
        self._sealer = sealer
        self._addresses = addresses
        self._mark = f"homeport-{ids.hex(16)}"
        self._locks: dict[tuple[str, str, str], threading.Lock] = {}
        self._locks_lock = threading.Lock()

    @property
    def named(self) -> Mapping[str, str]:
        """Hosts that the user allowed as upstreams, with their addresses."""
        return self._addresses.named

    def is_own(self, via: str) -> bool:
        """Whether a request's Via says that it comes from this cache: rules lead in a circle, and it brings nothing."""
        return self._mark in via

    def bring(self, wanted: Wanted, now: float, refusal: Refusal) -> None:
        """Has the image here, if a rule leads to it and whoever asks may have it brought. Raises UpstreamError when the
        upstream fails and nothing is cached."""
        with self._database.read() as reader:
            rule = self._due(reader, wanted, now)
            if rule is None or refusal(reader, "BatchImportUpstreamImage") is not None:
                return
            missing = reader.get(REPOSITORIES, wanted.account, wanted.region, wanted.name) is None
            if missing and refusal(reader, "CreateRepository") is not None:
                return
        with self._lock(wanted):
            with self._database.read() as reader:
                if self._due(reader, wanted, now) is None:
                    return
                here = self._here(reader, wanted)
            try:
                self._import(rule, wanted, here, now)
            except UpstreamError as error:
                self._note_failure(rule, wanted, now)
                if here is None:
                    raise
                _log.warning("%s:%s is served from the cache: %s", wanted.name, wanted.reference, error)

    def bring_for_platform(self, wanted: Wanted, architecture: str, now: float) -> None:
        """For the engine: the image, and of an index that for Linux on an architecture."""
        self.bring(wanted, now, _nobody_refused)
        with self._database.read() as reader:
            here = self._here(reader, wanted)
            if here is None:
                return
            repository, digest = here
            image = find_image(reader, repository, digest)
            if image is None or image.media_type not in LIST_TYPES:
                return
            children = parse_manifest(manifest_body(reader, image), image.media_type).children
        for child in children:
            if child.platform.get("os") == "linux" and child.platform.get("architecture") == architecture:
                self.bring(Wanted(wanted.account, wanted.region, wanted.name, child.digest), now, _nobody_refused)

    def check(self, rule: PullThroughRule, now: float) -> None:
        """Whether the upstream answers and takes the rule's credentials. Raises UpstreamError and its kinds."""
        self._upstream(rule, now).check()

    def _due(self, reader: Reader, wanted: Wanted, now: float) -> PullThroughRule | None:
        """The rule by which something is to be brought now; None when there is none or what is here will do."""
        rules = reader.find(PULL_THROUGH_RULES, account=wanted.account, region=wanted.region)
        rule = rule_for(rules, wanted.name) if rules else None
        if rule is None or self._here(reader, wanted) is None:
            return rule
        if ":" in wanted.reference:
            return None
        known = reader.get(CACHED_TAGS, wanted.account, wanted.region, wanted.name, wanted.reference)
        return None if known is not None and known.fresh(now) else rule

    def _here(self, reader: Reader, wanted: Wanted) -> tuple[Repository, str] | None:
        repository = reader.get(REPOSITORIES, wanted.account, wanted.region, wanted.name)
        image = None if repository is None else find_image(reader, repository, wanted.reference)
        return None if repository is None or image is None else (repository, image.digest)

    def _import(self, rule: PullThroughRule, wanted: Wanted, here: tuple[Repository, str] | None, now: float) -> None:
        upstream, name = self._upstream(rule, now), rule.upstream_name(wanted.name)
        assert name is not None
        if here is not None and upstream.manifest(name, wanted.reference, head=True).digest == here[1]:
            self._note_check(wanted, now)
            return
        fetched = upstream.manifest(name, wanted.reference)
        try:
            manifest = parse_manifest(fetched.body, fetched.media_type or None)
        except InvalidManifest as error:
            raise UpstreamError(f"the upstream's manifest cannot be cached: {error.message}") from error
        repository = self._repository(wanted, now)
        for blob in manifest.required_blobs:
            self._bring_blob(upstream, name, repository, blob.digest, now)
        self._put(rule, wanted, fetched, manifest, now)

    def _repository(self, wanted: Wanted, now: float) -> Repository:
        with self._database.write() as tx:
            found = tx.get(REPOSITORIES, wanted.account, wanted.region, wanted.name)
            return found or create_by_template(tx, wanted.account, wanted.region, wanted.name, PULL_THROUGH_CACHE, now)

    def _bring_blob(self, upstream: Upstream, name: str, repository: Repository, digest: str, now: float) -> None:
        """A blob that another repository has is linked; the bytes of every other come from the upstream."""
        with self._database.read() as reader:
            if find_layer(reader, repository, digest) is not None:
                return
        upload_id = self._ids.uuid()
        try:
            with self._uploads.taken(upload_id, digest.partition(":")[0]) as upload:
                with upstream.blob(name, digest) as body:
                    upload.receive(body)
                size = upload.seal(digest)
                with self._blobs.publishing(upload.path, digest), self._database.write() as tx:
                    find_repository(tx, repository.account, repository.region, repository.name)
                    link_layer(tx, repository, digest, size, now)
        except DigestMismatch as error:
            raise UpstreamError(f"the upstream's layer does not have the digest {digest}") from error
        finally:
            self._uploads.forget(upload_id)

    def _put(self, rule: PullThroughRule, wanted: Wanted, fetched: Fetched, manifest: Manifest, now: float) -> None:
        tag = None if ":" in wanted.reference else wanted.reference
        with self._database.write() as tx:
            repository = find_repository(tx, wanted.account, wanted.region, wanted.name)
            # An immutable tag keeps the image that was cached first (user guide).
            with suppress(ImageAlreadyExistsException, ImageTagAlreadyExistsException):
                put_manifest(
                    tx, repository, fetched.body, now=now, media_type=manifest.media_type,
                    tags=() if tag is None else (tag,), digest=fetched.digest, partial=True,
                )  # fmt: skip
            if tag is not None:
                tx.put(CACHED_TAGS, CachedTag(wanted.account, wanted.region, wanted.name, tag, now))
            event = _event(rule, repository, "SUCCESS", tag, fetched.digest, now)
            note(tx, repository, "eventbridge", event, now)

    def _note_check(self, wanted: Wanted, now: float) -> None:
        if ":" not in wanted.reference:
            with self._database.write() as tx:
                tx.put(CACHED_TAGS, CachedTag(wanted.account, wanted.region, wanted.name, wanted.reference, now))

    def _note_failure(self, rule: PullThroughRule, wanted: Wanted, now: float) -> None:
        by_digest = ":" in wanted.reference
        repository = Repository(wanted.account, wanted.region, wanted.name, now)
        tag, digest = (None, wanted.reference) if by_digest else (wanted.reference, None)
        with self._database.write() as tx:
            note(tx, repository, "eventbridge", _event(rule, repository, "FAILED", tag, digest, now), now)

    def _upstream(self, rule: PullThroughRule, now: float) -> Upstream:
        credentials = None
        if rule.credential_arn is not None:
            with self._database.read() as reader:
                credentials = credentials_of(reader, self._sealer, rule, rule.credential_arn, now)
        return self._addresses.upstream(rule, credentials, self._mark)

    def _lock(self, wanted: Wanted) -> threading.Lock:
        """One for each repository."""
        with self._locks_lock:
            return self._locks.setdefault((wanted.account, wanted.region, wanted.name), threading.Lock())


def credentials_of(reader: Reader, sealer: Sealer, rule: PullThroughRule, secret: str, now: float) -> tuple[str, str]:
    """User and password of a secret, JSON with `username` and `accessToken`. Raises UpstreamDenied."""
    try:
        value = read_secret(reader, sealer, Scope(rule.account, rule.region, now), secret)
        found = json.loads(value.text or "")
        return str(found["username"]), str(found["accessToken"])
    except AwsError as error:
        raise UpstreamDenied(f"the secret {secret} cannot be read: {error.message}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UpstreamDenied(f"the secret {secret} has no username and accessToken") from error


def _nobody_refused(reader: Reader, action: str) -> str | None:
    return None


def _event(
    rule: PullThroughRule, repository: Repository, status: str, tag: str | None, digest: str | None, now: float
) -> dict[str, object]:
    detail = {
        "rule-version": "1",
        "sync-status": status,
        "ecr-repository-prefix": rule.prefix,
        "repository-name": repository.name,
        "upstream-registry-url": rule.upstream_url,
        "image-tag": tag,
        "image-digest": digest,
    }
    return envelope(repository, PULL_THROUGH_CACHE_ACTION, detail, now, resources=[repository.arn])
