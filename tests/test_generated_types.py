"""The generated types are those of the pinned botocore and of the operations that are there."""

from __future__ import annotations

from api_models import generate


def test_the_generated_files_are_up_to_date() -> None:
    assert [path.name for path, _ in generate.changes()] == [], "run `python -m api_models.generate`"


def test_every_member_and_what_is_required_is_written() -> None:
    text = generate.source("ecs", "1.2.3")
    assert "from botocore 1.2.3" in text
    assert "class RunTaskRequest(TypedDict, total=False):" in text
    assert "    taskDefinition: Required[str]\n" in text
    assert "    overrides: TaskOverride\n" in text
    assert "    createdAt: float\n" in text
    compile(text, "ecs.py", "exec")
