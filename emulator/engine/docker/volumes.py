"""Named volumes of a Docker Engine."""

from __future__ import annotations

from collections.abc import Mapping

from emulator.engine.base import EngineError
from emulator.engine.docker.calls import ApiRefusal, DockerCalls
from emulator.engine.volumes import VolumeSpec


class DockerVolumes:
    def __init__(self, calls: DockerCalls) -> None:
        self._calls = calls

    def ensure(self, spec: VolumeSpec) -> None:
        with self._calls.client() as client:
            made = client.create_volume(spec.name, spec.driver, dict(spec.options), dict(spec.labels))
        if made.get("Driver") != spec.driver:
            raise EngineError(f"the volume {spec.name} is there, of the driver {made.get('Driver')}", 409)

    def remove(self, name: str) -> None:
        try:
            with self._calls.client() as client:
                client.remove_volume(name)
        except ApiRefusal as refusal:
            if refusal.code != 404:
                raise

    def named(self, labels: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
        wanted = {"label": [f"{name}={value}" for name, value in labels.items()]}
        with self._calls.client() as client:
            found = client.volumes(filters=wanted).get("Volumes") or ()
        return {str(volume["Name"]): volume.get("Labels") or {} for volume in found}
