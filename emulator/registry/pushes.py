"""What clients write: uploads of blobs in all of their forms, mounts, manifests, deletions.

Bytes go from the socket to a file; the database is opened only before and after, never while they come.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from emulator.domain.ecr.image import LayerUpload, Repository
from emulator.domain.ecr.image_errors import (
    EmptyUploadException,
    ImageAlreadyExistsException,
    RepositoryNotFoundException,
    UploadNotFoundException,
)
from emulator.domain.ecr.manifest import MANIFEST_LIMIT, digest_of, is_digest
from emulator.domain.ecr.pull_through import rule_for
from emulator.domain.ecr.registry_settings import BLOB_MOUNTING, DISABLED
from emulator.registry.errors import (
    RegistryError,
    blob_unknown,
    digest_invalid,
    digest_mismatch,
    not_allowed,
)
from emulator.registry.repository import (
    delete_image,
    delete_tag,
    find_image,
    find_layer,
    find_repository,
    link_layer,
    needed_layers,
    put_manifest,
    unlink_layer,
)
from emulator.registry.signing_orders import order_signings
from emulator.registry.uploads import DigestMismatch, Source, Upload, UploadBusy, UploadEnded
from emulator.registry.visit import Answer, Visit
from emulator.store.database import Reader
from emulator.store.ecr_tables import LAYER_LINKS, LAYER_UPLOADS, PULL_THROUGH_RULES, REPOSITORIES
from emulator.store.registry_settings import put_setting

_CONTENT_RANGE = re.compile(r"([0-9]{1,18})-([0-9]{1,18})")


# ---------------------------------------------------------------------------------------------- uploads


def start_upload(visit: Visit) -> Answer:
    """POST: opens a session; or mounts a blob (`mount`); or takes a whole blob at once (`digest`)."""
    dialect = visit.registry.dialect
    algorithm = visit.request.args.get("digest-algorithm", "sha256")
    if algorithm not in dialect.algorithms:
        raise digest_invalid(algorithm)
    repository = _to_push(visit)
    mounted = visit.request.args.get("mount")
    if mounted is not None and _mount(visit, mounted):
        return _created(visit, mounted)
    upload_id = visit.registry.ids.uuid()
    digest = visit.request.args.get("digest")
    if digest is not None and dialect.monolithic_posts:
        return _take_whole(visit, repository, upload_id, digest)
    row = LayerUpload(repository.account, repository.region, repository.name, upload_id, visit.now, algorithm)
    with visit.registry.database.write() as tx:
        find_repository(tx, repository.account, repository.region, repository.name)
        tx.insert(LAYER_UPLOADS, row)
    answer = Answer(202, _session(visit, upload_id, 0))
    if dialect.smallest_chunk is not None:
        answer.headers["OCI-Chunk-Min-Length"] = str(dialect.smallest_chunk)
    return answer


def _to_push(visit: Visit) -> Repository:
    """Most pushes find their repository; only one that does not may have to make it."""
    try:
        with visit.registry.database.read() as reader:
            return visit.repository(reader, "InitiateLayerUpload")
    except RepositoryNotFoundException:
        with visit.registry.database.write() as tx:
            return visit.repository_to_push(tx, "InitiateLayerUpload")


def _take_whole(visit: Visit, repository: Repository, upload_id: str, digest: str) -> Answer:
    visit.check_digest(digest)
    with visit.registry.uploads.taken(upload_id, digest.partition(":")[0]) as upload:
        try:
            upload.receive(*_source(visit))
            _publish(visit, repository, upload_id, upload, digest)
        finally:
            visit.registry.uploads.forget(upload_id)
    return _created(visit, digest)


def append(visit: Visit) -> Answer:
    """PATCH: appends a chunk, with `Content-Range` at exactly the place where the last one ended."""
    with _session_upload(visit) as (_, upload):
        received = _append(visit, upload)
    return Answer(visit.registry.dialect.chunk_status, _session(visit, visit.item, received))


def finish(visit: Visit) -> Answer:
    """PUT: takes a last chunk, if there is one, and makes the upload a blob of the repository."""
    digest = visit.check_digest(visit.request.args.get("digest", ""))
    with _session_upload(visit) as (repository, upload):
        _append(visit, upload)
        _publish(visit, repository, visit.item, upload, digest)
    return _created(visit, digest)


def upload_status(visit: Visit) -> Answer:
    """GET: how much has arrived."""
    with visit.registry.database.read() as reader:
        _find_session(reader, visit, visit.repository(reader, "UploadLayerPart"))
    return Answer(204, _session(visit, visit.item, visit.registry.uploads.received(visit.item)))


def cancel(visit: Visit) -> Answer:
    """DELETE: drops the upload."""
    with _session_upload(visit) as (repository, _):
        _drop_session(visit, repository, visit.item)
    return Answer(204)


@contextmanager
def _session_upload(visit: Visit) -> Iterator[tuple[Repository, Upload]]:
    """The session of the path, for this request alone. Raises UploadNotFoundException."""
    with visit.registry.database.read() as reader:
        repository = visit.repository(reader, "UploadLayerPart")
        row = _find_session(reader, visit, repository)
    try:
        with visit.registry.uploads.taken(visit.item, row.algorithm) as upload:
            yield repository, upload
    except UploadBusy as error:
        raise RegistryError(409, "BLOB_UPLOAD_INVALID", "Another request is writing to this upload.") from error
    except UploadEnded as error:
        raise UploadNotFoundException(repository.account, repository.name, visit.item) from error


def _find_session(reader: Reader, visit: Visit, repository: Repository) -> LayerUpload:
    row = reader.get(LAYER_UPLOADS, repository.account, repository.region, repository.name, visit.item)
    if row is None or row.expired(visit.now) or row.parts is not None:
        raise UploadNotFoundException(repository.account, repository.name, visit.item)
    return row


def _drop_session(visit: Visit, repository: Repository, upload_id: str) -> None:
    with visit.registry.database.write() as tx:
        tx.delete(LAYER_UPLOADS, repository.account, repository.region, repository.name, upload_id)
    visit.registry.uploads.forget(upload_id)


def _append(visit: Visit, upload: Upload) -> int:
    """Receives the body. Returns how much of the upload there is now, in bytes."""
    received = upload.received
    source, length = _source(visit)
    smallest = visit.registry.dialect.smallest_chunk
    if smallest is not None and length != 0 and received and upload.last_part < smallest:
        raise RegistryError(
            400, "BLOB_UPLOAD_INVALID", "All layer parts except the last part should be at least 5MB",
            _session(visit, visit.item, received),
        )  # fmt: skip
    expected = _expected_length(visit, received, length)
    appended = upload.receive(source, length) if length != 0 else 0
    if expected is not None and appended != expected:
        upload.truncate(received)
        raise RegistryError(
            400, "SIZE_INVALID", f"Content-Range announced {expected} bytes, but {appended} came.",
            _session(visit, visit.item, received),
        )  # fmt: skip
    if length is not None and appended < length:
        raise RegistryError(400, "SIZE_INVALID", "The body ended before its Content-Length.")
    return received + appended


def _expected_length(visit: Visit, received: int, length: int | None) -> int | None:
    """Bytes that `Content-Range` announces, None without one. Raises 416 when it does not go on where we are."""
    header = visit.request.headers.get("Content-Range")
    if header is None:
        return None
    match = _CONTENT_RANGE.fullmatch(header)
    announced = None if match is None else int(match[2]) - int(match[1]) + 1
    if match is None or announced is None or int(match[1]) != received or length not in (None, announced):
        raise RegistryError(
            416, "BLOB_UPLOAD_INVALID", f"The chunk '{header}' does not follow the {received} bytes received.",
            _session(visit, visit.item, received),
        )  # fmt: skip
    return announced


def _source(visit: Visit) -> tuple[Source, int | None]:
    """The body and, where the server leaves its end to us, its length."""
    environ = visit.request.environ
    source: Source = environ["wsgi.input"]
    length = visit.request.content_length
    if length is None and not environ.get("wsgi.input_terminated"):
        return source, 0
    return source, length


def _publish(visit: Visit, repository: Repository, upload_id: str, upload: Upload, digest: str) -> None:
    """File, then row: whoever sees the row finds the file. A wrong digest spends the upload."""
    if not visit.registry.dialect.empty_blobs and upload.received == 0:
        raise EmptyUploadException(repository.account, repository.name, upload_id)
    try:
        size = upload.seal(digest)
    except DigestMismatch as error:
        _drop_session(visit, repository, upload_id)
        raise digest_mismatch(digest) from error
    with visit.registry.blobs.publishing(upload.path, digest), visit.registry.database.write() as tx:
        # The repository may have been deleted while the bytes came.
        find_repository(tx, repository.account, repository.region, repository.name)
        link_layer(tx, repository, digest, size, visit.now)
        tx.delete(LAYER_UPLOADS, repository.account, repository.region, repository.name, upload_id)
    visit.registry.uploads.forget(upload_id)


def _mount(visit: Visit, digest: str) -> bool:
    """Links a blob of another repository of the same registry, or of any of them without `from`.

    The account's setting BLOB_MOUNTING decides; until it is put, the dialect does. In ECR's way an image of the other
    repository must have the blob, both must be encrypted alike, and the caller may read it there.
    """
    if not is_digest(digest):
        return False
    origin = visit.request.args.get("from")
    account, region = visit.place.account, visit.place.region
    with visit.registry.database.write() as tx:
        setting = put_setting(tx, account, region, BLOB_MOUNTING)
        if setting == DISABLED or (setting is None and not visit.registry.dialect.mounts):
            return False
        repository = visit.repository(tx, "InitiateLayerUpload")
        if not visit.registry.dialect.mounts and not _mountable(visit, tx, repository, origin, digest):
            return False
        if origin is None:
            found = tx.find(LAYER_LINKS, digest=digest, account=account, region=region)
            link = found[0] if found else None
        else:
            place = visit.registry.addressing.place(_host(visit), origin)
            same = (place.account, place.region) == (account, region)
            link = tx.get(LAYER_LINKS, account, region, place.name, digest) if same else None
        if link is None or visit.registry.blobs.size(digest) is None:
            return False
        link_layer(tx, repository, digest, link.size, visit.now)
    return True


def _mountable(visit: Visit, reader: Reader, repository: Repository, origin: str | None, digest: str) -> bool:
    """ECR's conditions for a mount (user guide, "Blob mounting"); never from a repository of a pull-through cache."""
    place = None if origin is None else visit.registry.addressing.place(_host(visit), origin)
    source = None if place is None else reader.get(REPOSITORIES, place.account, place.region, place.name)
    rules = () if source is None else reader.find(PULL_THROUGH_RULES, account=source.account, region=source.region)
    return (
        source is not None
        and rule_for(rules, source.name) is None
        and (source.encryption_type, source.kms_key) == (repository.encryption_type, repository.kms_key)
        and digest in needed_layers(reader, source)
        and visit.refusal(reader, "GetDownloadUrlForLayer", source.arn) is None
    )


def _host(visit: Visit) -> str:
    return visit.request.host.partition(":")[0]


def _session(visit: Visit, upload_id: str, received: int) -> dict[str, str]:
    return {
        "Location": visit.location(f"blobs/uploads/{upload_id}"),
        "Range": f"0-{max(0, received - 1)}",
        "Docker-Upload-Uuid": upload_id,
    }


def _created(visit: Visit, digest: str) -> Answer:
    return Answer(201, {"Location": visit.location(f"blobs/{digest}"), "Docker-Content-Digest": digest})


# ---------------------------------------------------------------------------------------------- manifests


def push_manifest(visit: Visit) -> Answer:
    """PUT by tag, or by digest with any number of `tag` parameters. Pushing again what is there is no error."""
    body = _manifest_body(visit)
    digest = visit.check_digest(visit.item) if ":" in visit.item else None
    tags = visit.request.args.getlist("tag") if digest is not None else [visit.item]
    media_type = visit.request.headers.get("Content-Type", "").partition(";")[0].strip()
    with visit.registry.database.write() as tx:
        repository = visit.repository_to_push(tx, "PutImage")
        try:
            image = put_manifest(
                tx, repository, body, now=visit.now, media_type=media_type or None, tags=tags, digest=digest
            )
        except ImageAlreadyExistsException:
            existing = find_image(tx, repository, digest or digest_of(body))
            assert existing is not None
            image = existing
        order_signings(tx, repository, image, lambda arn: visit.signing_refusal(tx, arn), visit.now)
    headers = {"Location": visit.location(f"manifests/{image.digest}"), "Docker-Content-Digest": image.digest}
    if image.subject_digest is not None:
        headers["OCI-Subject"] = image.subject_digest
    created = Answer(201, headers)
    if digest is not None:
        created.repeated = [("OCI-Tag", tag) for tag in tags]
    return created


def _manifest_body(visit: Visit) -> bytes:
    """All of it, which is 4 MiB at most."""
    source, length = _source(visit)
    if length is not None and length > MANIFEST_LIMIT:
        raise _too_large()
    body = bytearray()
    piece = memoryview(bytearray(64 * 1024))
    while (length is None or len(body) < length) and (got := source.readinto(piece)):
        body += piece[:got]
        if len(body) > MANIFEST_LIMIT:
            raise _too_large()
    return bytes(body)


def _too_large() -> RegistryError:
    return RegistryError(413, "SIZE_INVALID", f"A manifest has at most {MANIFEST_LIMIT} bytes.")


# ---------------------------------------------------------------------------------------------- deletions


def remove_manifest(visit: Visit) -> Answer:
    """DELETE: a tag (in ECR's way the image with its last one), or an image with all of its tags."""
    dialect = visit.registry.dialect
    if ":" in visit.item:
        visit.check_digest(visit.item)
    with visit.registry.database.write() as tx:
        repository = visit.repository(tx, "BatchDeleteImage")
        if ":" in visit.item:
            delete_image(tx, repository, visit.item, visit.now, even_if_listed=dialect.deletes_listed_images)
        else:
            delete_tag(tx, repository, visit.item, visit.now, alone=not dialect.last_tag_takes_image)
    return Answer(202)


def remove_blob(visit: Visit) -> Answer:
    """DELETE: takes a blob out of the repository, unless an image needs it."""
    if not visit.registry.dialect.deletes_blobs:
        raise not_allowed()
    visit.check_digest(visit.item)
    with visit.registry.database.write() as tx:
        repository = visit.repository(tx, "BatchDeleteImage")
        if find_layer(tx, repository, visit.item) is None:
            raise blob_unknown(visit.item)
        if visit.item in needed_layers(tx, repository):
            raise RegistryError(405, "UNSUPPORTED", f"The layer with digest '{visit.item}' is part of an image.")
        unlink_layer(tx, repository, visit.item)
    return Answer(202)
