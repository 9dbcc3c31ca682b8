"""From a model and a package of functions to the operations that can be called. Names are checked at import."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from botocore import xform_name
from botocore.model import OperationModel

from api_models import ApiModel
from emulator.wire import paginate
from emulator.wire.call import Call, Paging
from emulator.wire.errors import invalid_token
from emulator.wire.render import JsonWriter, Write
from emulator.wire.validate import Compiler, Read

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

    def __init__(self, api: ApiModel, modules: Iterable[ModuleType]) -> None:
        self.api = api
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
            encode=paginate.encode,
            decode=paginate.decode,
        )
