"""From a model and a package of functions to the operations that can be called. Names are checked at import."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

from api_models import ApiModel
from api_models.service_index import ServiceIndex
from emulator.wire import paginate
from emulator.wire.authorize import Authorization
from emulator.wire.call import Call, Paging
from emulator.wire.errors import invalid_token, page_too_small
from emulator.wire.render import JsonWriter, Write
from emulator.wire.validate import Compiler, Read

if TYPE_CHECKING:
    from botocore.model import OperationModel

Function = Callable[[Call, Mapping[str, Any]], Mapping[str, Any] | None]

_READS = ("describe_", "list_", "get_", "batch_get_", "batch_check_", "filter_", "lookup_", "simulate_", "test_")


@dataclass(frozen=True, slots=True)
class Operation:
    """One callable operation, with its compiled reader and writer."""

    name: str
    model: OperationModel
    function: Function
    reads_only: bool
    slow: bool
    stores: str | None
    read: Read | None
    write: Write | None
    paging: Paging | None


class Service:
    """One AWS API: its model and those of its operations that act."""

    def __init__(
        self, api: ApiModel, modules: Iterable[ModuleType], authorization: Authorization | None = None
    ) -> None:
        from botocore import xform_name

        self.api = api
        self.authorization = authorization or {}
        self.operations: dict[str, Operation] = {}
        self._names = {xform_name(name): name for name in api.operation_names}
        self._functions = dict(self._collect(modules))
        self._compiler = Compiler()
        self._writer = JsonWriter()

    @property
    def implemented(self) -> frozenset[str]:
        """Names of the operations that have a function."""
        return frozenset(self._functions)

    def functions(self) -> Mapping[str, Function]:
        return self._functions

    def knows(self, operation: str) -> bool:
        return operation in self._names.values()

    def operation(self, name: str) -> Operation | None:
        """None when AWS has the operation and Homeport does not, or nobody has it; compiled at first use."""
        found = self.operations.get(name)
        if found is None and name in self._functions:
            found = self.operations[name] = self._compile(name, self._functions[name])
        return found

    def _collect(self, modules: Iterable[ModuleType]) -> Iterable[tuple[str, Function]]:
        seen: dict[str, str] = {}
        for module in modules:
            for name, function in vars(module).items():
                if name.startswith("_") or not inspect.isfunction(function) or function.__module__ != module.__name__:
                    continue
                if name not in self._names:
                    raise TypeError(f"{module.__name__}.{name} is no operation of {self.api.name}")
                if name in seen:
                    raise TypeError(f"{module.__name__}.{name} is also in {seen[name]}")
                seen[name] = module.__name__
                yield self._names[name], function

    def _compile(self, name: str, function: Function) -> Operation:
        model = self.api.operation(name)
        marks = function.__dict__
        return Operation(
            name=name,
            model=model,
            function=function,
            reads_only=function.__name__.startswith(_READS) and not marks.get("writes"),
            slow=bool(marks.get("slow")),
            stores=marks.get("stores"),
            read=None if model.input_shape is None else self._compiler.reader(model.input_shape),
            write=None if model.output_shape is None else self._writer.writer(model.output_shape),
            paging=self._paging(name),
        )

    def _paging(self, name: str) -> Paging | None:
        pagination = self.api.pagination(name)
        if pagination is None:
            return None
        return Paging(
            operation=f"{self.api.name}.{name}",
            input_token=pagination.input_token,
            limit_key=pagination.limit_key,
            default_size=pagination.default,
            maximum_size=pagination.maximum,
            invalid_token=lambda: invalid_token(self.api),
            too_small=lambda size: page_too_small(self.api, name, pagination.limit_key or "", size),
            encode=paginate.encode,
            decode=paginate.decode,
        )


class Services(Mapping[str, Service]):
    """The services by botocore's name, each loaded at its first use; `load` checks its functions' names then."""

    def __init__(self, index: Mapping[str, ServiceIndex], load: Callable[[str], Service]) -> None:
        self._index = index
        self._load = load
        self._loaded: dict[str, Service] = {}
        self._lock = threading.Lock()
        self._by_target = {entry.target_prefix: name for name, entry in index.items() if entry.target_prefix}
        self._by_signing_name = {entry.signing_name: name for name, entry in index.items()}

    def by_target_prefix(self, prefix: str) -> Service | None:
        """The service whose X-Amz-Target begins so."""
        name = self._by_target.get(prefix)
        return None if name is None else self[name]

    def by_signing_name(self, signing_name: str) -> Service | None:
        """The service that a credential scope names."""
        name = self._by_signing_name.get(signing_name)
        return None if name is None else self[name]

    def __getitem__(self, name: str) -> Service:
        found = self._loaded.get(name)
        if found is None:
            if name not in self._index:
                raise KeyError(name)
            with self._lock:
                found = self._loaded.get(name) or self._load(name)
                self._loaded[name] = found
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._index)

    def __len__(self) -> int:
        return len(self._index)
