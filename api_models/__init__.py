"""What AWS says: botocore's own service models, plus what they lack (our overlays). Data only, no behaviour.

`load("ecs")` gives an ApiModel. An overlay `overlays/<service>.json` may hold:

- `validation`: `{"code": ..., "style": "coral" | "ecr"}`: the error for a member that breaks the model's constraint;
- `messages`: `{"DescribeTasks.tasks.required": ["InvalidParameterException", "Tasks cannot be empty."]}`: the
  service's own words for one constraint (`Operation.member.path.kind`, list positions left out; kinds are
  required, min_length, max_length, min, max, enum, pattern);
- `invalid_token`: `[code, message]` for a pagination token that is not ours;
- `pages`: `{"ListServices": {"default": 10, "maximum": 100}}`, and for operations that botocore has no paginator
  for also `input_token`, `output_token`, `limit_key`;
- `constraints`: `{"ShapeName": {"min": 1, "max": 10, "pattern": "...", "enum": [...]}}`: bounds AWS enforces but the
  model leaves out;
- `max_body`: bytes.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botocore.model import OperationModel, ServiceModel

_OVERLAYS = Path(__file__).with_name("overlays")


@dataclass(frozen=True)
class Pagination:
    """How an operation pages: member names and sizes."""

    input_token: str
    output_token: str
    limit_key: str | None
    default: int
    maximum: int | None


@dataclass(frozen=True)
class ApiModel:
    """One service: botocore's model, its paginators and waiters, our overlay."""

    name: str
    model: ServiceModel
    paginators: dict[str, Any]
    overlay: dict[str, Any]

    @property
    def protocol(self) -> str:
        """Of several the one that botocore speaks: newer models name first what it does not."""
        return str(self.model.resolved_protocol)

    @property
    def target_prefix(self) -> str | None:
        prefix = self.model.metadata.get("targetPrefix")
        return None if prefix is None else str(prefix)

    @property
    def operation_names(self) -> list[str]:
        return list(self.model.operation_names)

    def operation(self, name: str) -> OperationModel:
        return self.model.operation_model(name)

    def pagination(self, operation: str) -> Pagination | None:
        """None when the operation does not page."""
        ours = self.overlay.get("pages", {}).get(operation, {})
        theirs = self.paginators.get(operation, {})
        token = ours.get("input_token", theirs.get("input_token"))
        if not isinstance(token, str):
            return None
        limit = ours.get("limit_key", theirs.get("limit_key"))
        return Pagination(
            input_token=token,
            output_token=str(ours.get("output_token", theirs.get("output_token", token))),
            limit_key=limit,
            default=int(ours.get("default", self.overlay.get("default_page", 100))),
            maximum=ours.get("maximum"),
        )


def _read_overlay(service: str) -> dict[str, Any]:
    path = _OVERLAYS / f"{service}.json"
    if not path.exists():
        return {}
    overlay: dict[str, Any] = json.loads(path.read_text())
    return overlay


@functools.cache
def load(service: str) -> ApiModel:
    """The model of a service by botocore's name. Raises botocore's UnknownServiceError when there is none."""
    # botocore is imported at the first use of a service, so that the emulator answers sooner after its start.
    from botocore.loaders import Loader
    from botocore.model import ServiceModel

    loader = Loader(include_default_search_paths=True)
    description = loader.load_service_model(service, "service-2")
    overlay = _read_overlay(service)
    for shape, bounds in overlay.get("constraints", {}).items():
        description["shapes"][shape].update(bounds)
    try:
        paginators = loader.load_service_model(service, "paginators-1")["pagination"]
    except Exception as error:
        if "DataNotFound" not in type(error).__name__ and "Unknown" not in type(error).__name__:
            raise
        paginators = {}
    return ApiModel(service, ServiceModel(description, service_name=service), paginators, overlay)
