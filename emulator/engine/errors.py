"""What an engine may refuse, and how it says so."""

from __future__ import annotations


class EngineError(Exception):
    """The engine refused; `str(error)` is its own text, fit to show in a stoppedReason.

    `status` is the HTTP status it answered with, where there was one.
    """

    def __init__(self, text: str = "", status: int | None = None) -> None:
        super().__init__(text)
        self.status = status

    @property
    def api_text(self) -> str:
        """`API error (404): ...`, the form that the ECS agent shows for a Docker error."""
        return str(self) if self.status is None else f"API error ({self.status}): {self}"


class EngineUnavailable(EngineError):
    """No engine answers."""


class EngineNotResponding(EngineError):
    """A call passed its deadline."""


class ImageNotFound(EngineError):
    """The engine, or the registry it asked, has no such image."""


class ImagePullFailed(EngineError):
    """The pull failed for another reason (refused, denied, network, disk)."""


class ImageLoadFailed(EngineError):
    """The engine would not load an archive."""


class ContainerCreateFailed(EngineError):
    """The engine would not create the container."""


class ContainerStartFailed(EngineError):
    """The engine created but could not start it, e.g. the executable is not there."""


class NotFound(EngineError):
    """No such container or network."""


class NetworkConflict(EngineError):
    """The range collides with one that exists on the host."""
