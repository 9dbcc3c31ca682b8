"""Files that are put into a container before it starts, where the engine may be on another machine than we are."""

from __future__ import annotations

from typing import Protocol


class ContainerFiles(Protocol):
    """A part of every Engine."""

    def put_file(self, container_id: str, path: str, content: bytes) -> None:
        """Writes a file of root's, readable by all, over one that is there. Its directory must exist.

        In a volume it can be written even where the root file system is read-only. NotFound without the container or
        the directory.
        """
        ...
