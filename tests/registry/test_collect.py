"""Garbage goes, everything that may still be wanted stays."""

from __future__ import annotations

from emulator.domain.ecr.image import Repository
from emulator.registry.collect import Collected, collect
from emulator.registry.repository import delete_repository, find_repository
from tests.registry.conftest import ACCOUNT, REGION, House, digest, image_manifest

DAY = 24 * 3600.0
NOTHING = Collected(uploads=0, links=0, blobs=0, bytes=0)


def collected(house: House) -> Collected:
    return collect(house.database, house.blobs, house.uploads, house.clock.now())


def on_disk(house: House) -> set[str]:
    return set(house.blobs.layout.digests())


def test_blobs_of_images_stay_for_ever(house: House) -> None:
    house.push_image("app", "v1", b"layer")
    house.clock.advance(365 * DAY)
    assert collected(house) == NOTHING
    assert house.call("GET", f"/v2/app/blobs/{digest(b'layer')}").data == b"layer"


def test_blobs_of_a_deleted_image_go_after_a_day(house: House) -> None:
    house.push_image("app", "v1", b"shared", b"one")
    gone = house.push_image("app", "v2", b"shared", b"two")
    assert house.call("DELETE", f"/v2/app/manifests/{digest(gone)}").status_code == 202
    assert digest(b"two") in on_disk(house)
    house.clock.advance(DAY + 1)
    found = collected(house)
    assert (found.links, found.blobs) == (2, 2)  # its layer and its config
    assert digest(b"two") not in on_disk(house)
    assert digest(b"shared") in on_disk(house)
    assert house.call("HEAD", f"/v2/app/blobs/{digest(b'two')}").status_code == 404
    assert collected(house) == NOTHING


def test_a_blob_waits_a_day_for_its_manifest(house: House) -> None:
    house.push_blob("app", b"early")
    house.clock.advance(DAY)
    assert collected(house) == NOTHING
    house.clock.advance(1)
    assert collected(house) == Collected(uploads=0, links=1, blobs=1, bytes=5)


def test_a_blob_that_a_client_was_told_about_waits_for_its_manifest(house: House) -> None:
    house.push_blob("app", b"config")
    house.clock.advance(DAY + 1)
    assert house.call("HEAD", f"/v2/app/blobs/{digest(b'config')}").status_code == 200
    assert collected(house) == NOTHING
    assert house.push_manifest("app", "v1", image_manifest(b"config")).status_code == 201


def test_a_blob_stays_while_another_repository_has_it(house: House) -> None:
    house.push_image("other", "v1", b"shared")
    house.push_blob("app", b"shared")
    house.clock.advance(DAY + 1)
    assert collected(house) == Collected(uploads=0, links=1, blobs=0, bytes=0)
    assert house.call("HEAD", f"/v2/app/blobs/{digest(b'shared')}").status_code == 404
    assert house.call("HEAD", f"/v2/other/blobs/{digest(b'shared')}").status_code == 200


def test_a_deleted_repository_leaves_nothing(house: House) -> None:
    house.push_image("app", "v1", b"layer")
    start = house.call("POST", "/v2/app/blobs/uploads/")
    house.call("PATCH", start.headers["Location"], data=b"half")
    with house.database.write() as tx:
        repository: Repository = find_repository(tx, ACCOUNT, REGION, "app")
        delete_repository(tx, repository, house.clock.now(), force=True)
    found = collected(house)
    assert (found.uploads, found.blobs) == (1, 2)
    assert not on_disk(house)
    assert house.call("PUT", f"{start.headers['Location']}?digest={digest(b'half')}").status_code == 404


def test_uploads_go_after_a_day_unless_a_request_is_writing(house: House) -> None:
    location = house.call("POST", "/v2/app/blobs/uploads/").headers["Location"]
    house.call("PATCH", location, data=b"half")
    upload_id = location.rpartition("/")[2]
    assert collected(house) == NOTHING
    house.clock.advance(DAY + 1)
    with house.uploads.taken(upload_id):
        assert collected(house) == NOTHING
        assert house.uploads.received(upload_id) == 4
    assert collected(house).uploads == 1
    assert not list(house.blobs.layout.upload_ids())


def test_files_that_a_kill_left_behind_go(house: House) -> None:
    stray = house.blobs.layout.blob(digest(b"renamed, not linked"))
    stray.write_bytes(b"renamed, not linked")
    house.blobs.layout.upload("no-row").write_bytes(b"partial")
    unknown = stray.with_name("README")
    unknown.write_text("not ours")
    assert collected(house) == Collected(uploads=1, links=0, blobs=1, bytes=19)
    assert unknown.exists()


def test_a_row_whose_file_a_power_cut_took_goes(house: House) -> None:
    named = house.push_blob("app", b"lost")
    house.blobs.layout.blob(named).unlink()
    assert house.call("HEAD", f"/v2/app/blobs/{named}").status_code == 404
    assert house.call("GET", f"/v2/app/blobs/{named}").status_code == 404
    assert collected(house).links == 1
    house.push_blob("app", b"lost")
    assert house.call("GET", f"/v2/app/blobs/{named}").data == b"lost"


def test_a_blob_being_published_is_not_collected(house: House) -> None:
    with house.uploads.taken("u1") as upload:
        upload.path.write_bytes(b"new")
        with house.blobs.publishing(upload.path, digest(b"new")):
            assert collected(house) == NOTHING
    assert collected(house).blobs == 1
