"""Garbage collection beside everything that clients do: whatever the order, no image loses a blob."""

from __future__ import annotations

import contextlib
import random
import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from emulator.domain.ecr.manifest import OCI_INDEX
from emulator.registry.collect import collect
from emulator.store.ecr_tables import IMAGES, LAYER_LINKS
from tests.registry.conftest import House, digest, image_manifest, index_of

HOUR = 3600.0


def assert_nothing_missing(house: House) -> None:
    """Every blob that an image names is linked to its repository, and on disk."""
    with house.database.read() as reader:
        images = reader.find(IMAGES)
        links = {(link.repository, link.digest) for link in reader.find(LAYER_LINKS)}
    on_disk = set(house.blobs.layout.digests())
    for image in images:
        for blob in image.blob_digests:
            assert (image.repository, blob) in links
            assert blob in on_disk


class Life(RuleBasedStateMachine):
    """Pushes, mounts, deletions, waiting and collecting in any order."""

    images = Bundle("images")

    @initialize()
    def open(self) -> None:
        self._directory = tempfile.TemporaryDirectory()
        self.house = House(Path(self._directory.name))
        for name in ("app", "other"):
            self.house.create(name)

    REPOSITORIES = st.sampled_from(["app", "other"])
    CONTENTS = st.sampled_from([b"a", b"b", b"c", b"d"])

    @rule(repository=REPOSITORIES, content=CONTENTS)
    def upload(self, repository: str, content: bytes) -> None:
        self.house.push_blob(repository, content)

    @rule(repository=REPOSITORIES, content=CONTENTS)
    def look(self, repository: str, content: bytes) -> None:
        self.house.call("HEAD", f"/v2/{repository}/blobs/{digest(content)}")

    @rule(repository=REPOSITORIES, origin=REPOSITORIES, content=CONTENTS)
    def mount(self, repository: str, origin: str, content: bytes) -> None:
        self.house.call("POST", f"/v2/{repository}/blobs/uploads/?mount={digest(content)}&from={origin}")

    @rule(target=images, repository=REPOSITORIES, contents=st.lists(CONTENTS, min_size=1, max_size=3))
    def push(self, repository: str, contents: list[bytes]) -> tuple[str, bytes]:
        """Without uploading: it may be refused, but never accepted without its blobs."""
        body = image_manifest(contents[0], *contents[1:])
        answer = self.house.push_manifest(repository, digest(body), body)
        assert answer.status_code in (201, 404)
        return repository, body

    @rule(one=images)
    def index(self, one: tuple[str, bytes]) -> None:
        self.house.push_manifest(one[0], "index", index_of(one[1]), OCI_INDEX)

    @rule(one=images)
    def delete(self, one: tuple[str, bytes]) -> None:
        self.house.call("DELETE", f"/v2/{one[0]}/manifests/{digest(one[1])}")

    @rule(repository=REPOSITORIES, content=CONTENTS)
    def delete_blob(self, repository: str, content: bytes) -> None:
        self.house.call("DELETE", f"/v2/{repository}/blobs/{digest(content)}")

    @rule(hours=st.sampled_from([0.5, 2, 25]))
    def wait(self, hours: float) -> None:
        self.house.clock.advance(hours * HOUR)

    @rule()
    def collect(self) -> None:
        collect(self.house.database, self.house.blobs, self.house.uploads, self.house.clock.now())

    @invariant()
    def nothing_is_missing(self) -> None:
        if hasattr(self, "house"):
            assert_nothing_missing(self.house)

    def teardown(self) -> None:
        if hasattr(self, "house"):
            self.house.close()
            self._directory.cleanup()


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)


@pytest.mark.parametrize("seed", range(3))
def test_beside_concurrent_pushes_and_deletions(house: House, seed: int) -> None:
    """Pushers that trust what HEAD told them, as docker does, share layers with images that are deleted and collected
    all the time. What is linked becomes old at once, so that only having been asked for protects it."""
    shared = [f"layer {number}".encode() * 50 for number in range(6)]
    stop, troubles, at_work = threading.Event(), [], [threading.Lock() for _ in range(4)]

    def guarded(work: Callable[[], None]) -> None:
        try:
            while not stop.is_set():
                work()
        except Exception as error:  # noqa: BLE001 - told by the test
            troubles.append(error)
            stop.set()

    def pushing(number: int) -> Callable[[], None]:
        chance = random.Random(seed * 100 + number)

        def push() -> None:
            layers = chance.sample(shared, 3)
            config = f"config {number} {chance.random()}".encode()
            for blob in (config, *layers):
                if house.call("HEAD", f"/v2/app/blobs/{digest(blob)}").status_code != 200:
                    house.push_blob("app", blob)
            body = image_manifest(config, *layers)
            answer = house.push_manifest("app", digest(body), body)
            assert answer.status_code == 201, answer.text
            for blob in (config, *layers):
                assert house.call("GET", f"/v2/app/blobs/{digest(blob)}").data == blob
            assert house.call("DELETE", f"/v2/app/manifests/{digest(body)}").status_code == 202

        def work() -> None:
            with at_work[number]:
                push()

        return work

    def collecting() -> None:
        with house.database.write() as tx:
            for link in tx.find(LAYER_LINKS):
                tx.put(LAYER_LINKS, replace(link, linked_at=link.linked_at - 48 * HOUR))
        removed.append(collect(house.database, house.blobs, house.uploads, house.clock.now()).links)
        if len(removed) % 10 == 0:
            with contextlib.ExitStack() as pause:  # nobody is to rely on what he was told two hours ago
                for lock in at_work:
                    pause.enter_context(lock)
                house.clock.advance(2 * HOUR)
        if len(removed) >= 60:
            stop.set()

    removed: list[int] = []
    threads = [threading.Thread(target=guarded, args=(pushing(number),)) for number in range(4)]
    for thread in threads:
        thread.start()
    guarded(collecting)
    for thread in threads:
        thread.join(30)
    assert troubles == []
    assert sum(removed) > 0
    assert_nothing_missing(house)
