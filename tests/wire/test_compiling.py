"""Readers and writers are compiled at first use, by whichever request comes first: several may come at once."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

import api_models
from emulator.wire.render import JsonWriter
from emulator.wire.validate import Compiler, Findings


@pytest.fixture(autouse=True)
def restless() -> Iterator[None]:
    """Threads change places as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_threads_that_compile_the_same_shapes_at_once_all_read() -> None:
    shape = api_models.load("ecs").operation("RunTask").input_shape
    for _ in range(20):
        compiler, together = Compiler(), threading.Barrier(4)

        def read(compiler: Compiler = compiler, together: threading.Barrier = together) -> object:
            together.wait(60)
            return compiler.reader(shape)({"taskDefinition": "web", "count": 2}, (), Findings())

        with ThreadPoolExecutor(4) as pool:
            answers = [each.result(20) for each in [pool.submit(read) for _ in range(4)]]
        assert answers == [{"taskDefinition": "web", "count": 2}] * 4


def test_threads_that_compile_the_same_answer_at_once_all_write() -> None:
    shape = api_models.load("ecs").operation("DescribeTasks").output_shape
    answer = {"tasks": [{"taskArn": "a", "tags": [{"key": "k", "value": "v"}]}], "failures": []}
    for _ in range(20):
        writer, together = JsonWriter(), threading.Barrier(4)

        def write(writer: JsonWriter = writer, together: threading.Barrier = together) -> object:
            together.wait(60)
            return writer.writer(shape)(answer, "")

        with ThreadPoolExecutor(4) as pool:
            answers = [each.result(20) for each in [pool.submit(write) for _ in range(4)]]
        assert answers == [answer] * 4
