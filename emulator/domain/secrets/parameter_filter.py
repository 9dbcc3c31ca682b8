"""How ParameterFilters (and the older Filters) of Systems Manager choose parameters.

Source: the API model's ParameterStringFilter. Filters are combined with AND, the values of one with OR.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emulator.domain.errors import AwsError
from emulator.domain.secrets.parameter import Parameter, ParameterVersion, check_path, labels_of, under


class InvalidFilterKey(AwsError):
    """The key is not one this operation knows."""


class InvalidFilterOption(AwsError):
    """The option does not go with the key."""


class InvalidFilterValue(AwsError):
    """Values are missing or malformed."""


_OPTIONS = {
    "Name": ("BeginsWith", "Equals", "Contains"),
    "Path": ("Recursive", "OneLevel"),
    "tag": ("BeginsWith", "Equals"),
}
_DEFAULT_OPTIONS = {"Path": "OneLevel"}

Choose = Callable[[Parameter, ParameterVersion], bool]


@dataclass(frozen=True, slots=True)
class _Condition:
    key: str
    option: str
    values: tuple[str, ...]

    def holds(self, parameter: Parameter, version: ParameterVersion) -> bool:
        if self.key == "Path":
            recursive = self.option == "Recursive"
            return any(under(parameter.name, path, recursive=recursive) for path in self.values)
        if self.key.startswith("tag:"):
            value = parameter.tags.get(self.key.removeprefix("tag:"))
            return value is not None and (not self.values or self._any(value))
        return any(self._any(text) for text in _texts(self.key, parameter, version))

    def _any(self, text: str) -> bool:
        match self.option:
            case "BeginsWith":
                return text.startswith(self.values)
            case "Contains":
                return any(value in text for value in self.values)
            case _:
                return text in self.values


def _texts(key: str, parameter: Parameter, version: ParameterVersion) -> Sequence[str]:
    match key:
        case "Name":
            return (parameter.name,)
        case "Type":
            return (version.type,)
        case "KeyId":
            return (version.key_id,) if version.key_id else ()
        case "Tier":
            return (version.tier,)
        case "DataType":
            return (version.data_type,)
        case "Label":
            return labels_of(parameter, version.version)
    return ()


def chooser(filters: Iterable[Mapping[str, Any]], *, keys: Sequence[str] | None = None) -> Choose:
    """A predicate for ParameterFilters. `keys` limits the keys that the operation allows (None: all of the model's)."""
    conditions = [_condition(given, keys) for given in filters]
    repeated = [c.key for n, c in enumerate(conditions) if c.key in [other.key for other in conditions[:n]]]
    if repeated:
        raise InvalidFilterKey(
            f"The following filter is duplicated in the request: {repeated[0]}. "
            "A request can contain only one occurrence of a specific filter."
        )
    return lambda parameter, version: all(condition.holds(parameter, version) for condition in conditions)


def _condition(given: Mapping[str, Any], keys: Sequence[str] | None) -> _Condition:
    key = str(given["Key"])
    if keys is not None and key not in keys:
        raise InvalidFilterKey(
            f"The following filter key is not valid: {key}. Valid filter keys include: [{', '.join(keys)}]."
        )
    family = "tag" if key.startswith("tag:") else key
    options = _OPTIONS.get(family, ("BeginsWith", "Equals"))
    option = str(given.get("Option", _DEFAULT_OPTIONS.get(family, "Equals")))
    if option not in options:
        raise InvalidFilterOption(
            f"The following filter option is not valid: {option}. Valid options include: [{', '.join(options)}]."
        )
    values = tuple(str(value) for value in given.get("Values", ()))
    if not values and family != "tag":
        raise InvalidFilterValue(f"The following filter values are missing : null for filter key {key}")
    if key == "Path":
        for value in values:
            check_path(value)
    return _Condition(key, option, values)


def old_chooser(filters: Iterable[Mapping[str, Any]]) -> Choose:
    """A predicate for the older `Filters`: names by their beginning, types and keys exactly."""
    conditions = [
        _Condition(
            str(given["Key"]),
            "BeginsWith" if given["Key"] == "Name" else "Equals",
            tuple(str(value) for value in given["Values"]),
        )
        for given in filters
    ]
    return lambda parameter, version: all(condition.holds(parameter, version) for condition in conditions)
