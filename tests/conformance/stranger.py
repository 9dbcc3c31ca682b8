"""Somebody who knows the models and nothing else: makes requests of any values, and takes up what answers tell.

A request is mostly well formed, so that it comes further than the first check, and mostly wrong somewhere. What answers
name (ARNs, names, ids) is used again where a member of a like name asks for it: that leads to the rules behind.
"""

from __future__ import annotations

import functools
import json
import random
import re
from collections import defaultdict, deque
from typing import Any

from botocore.model import Shape

from emulator.wire.validate import compile_pattern

ODD_TEXTS = (
    "", " ", "\x00", "a\x00b", "\x1b[31m", "\r\nX-Evil: 1", "é" * 10, "💥", "\u202eabc", "a" * 300, "A" * 5000,
    "x" * 70_000, "../../etc/passwd", "%s%n%00", "'; DROP TABLE tasks; --", "arn:aws:", "arn:aws:ecs:::::",
    "arn:aws:ecs:us-east-1:1:x/y", "-1", "0", "1", "99999999999999999999", "1e400", "NaN", "null", "true", "*", "?",
    "[", "(", "{", "${x}", "{{x}}", ":", "/", "//", "a/", "/a", "a:b", "a:b:c", "a@sha256:1", "@", "=", "&", "<a>",
    "]]>", "1.5", "1 GB", "0.25 vCPU", ".5", "256", "512", "fuzz", "fuzz-1", "Fuzz_2", "us-east-1", "us-east-1a",
    "10.0.0.0/16", "0.0.0.0/0", "300.1.1.1/99", "::/0", "10.0.0.1", "2026-01-01T00:00:00Z", "9999-99-99", "rate(1 day)",
    "sha256:" + "a" * 64, "sha256:" + "g" * 64, "sub-\ud800-gate",
)  # fmt: skip
ODD_NUMBERS = (
    0, 1, 2, 3, 5, 10, 80, 100, 256, 512, 1024, 65_535, 65_536, -1, -(2**31), 2**31 - 1, 2**31, 2**53, 2**63 - 1, 2**63,
    10**30, 0.5, 1.0, 1e-320, 1e308, -0.0,
)  # fmt: skip
DOCUMENTS = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}',
    '{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":["ecs:*"],"Resource":["*"],"Condition":'
    '{"StringLike":{"aws:PrincipalArn":["*"]},"Bool":{"aws:SecureTransport":"true"}}}}',
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},'
    '"Action":"sts:AssumeRole"}]}',
    '{"rules":[{"rulePriority":1,"selection":{"tagStatus":"untagged","countType":"imageCountMoreThan","countNumber":1},'
    '"action":{"type":"expire"}}]}',
    '{"rules":[{"rulePriority":1,"selection":{"tagStatus":"tagged","tagPatternList":["v*"],"countType":"sinceImagePushed",'
    '"countUnit":"days","countNumber":14},"action":{"type":"expire"}}]}',
    '{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json","config":{"mediaType":'
    '"application/vnd.docker.container.image.v1+json","size":2,"digest":"sha256:'
    '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},"layers":[]}',
    '{"schemaVersion":2,"manifests":[]}',
)  # fmt: skip
PLAIN_TEXTS = (
    "fuzz", "fuzz-1", "web", "app", "a", "key", "256", "512", "10.0.0.0/24", "/a/b", "sha256:" + "0" * 64, "fuzz/app",
    "v1", "arn:aws:iam::123456789012:role/fuzz", "us-east-1", "us-east-1a", "123456789012", "t3.medium", "a" * 36,
    "public.ecr.aws",
)  # fmt: skip
_ENDS = re.compile(r"(arns?|names?|ids?|identifiers?|s)$")


class Stranger:
    """One seed, one course of requests, as long as the answers are the same."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self._known: dict[str, deque[str]] = defaultdict(lambda: deque(maxlen=12))
        self._templates: dict[str, list[Any]] = defaultdict(list)
        self._any: deque[str] = deque(maxlen=60)
        self._odd = 0.0

    def learn(self, name: str, text: str) -> None:
        if len(text) < 2000:
            self._known[_kind(name)].append(text)
            if text.startswith("arn:"):
                self._any.append(text)

    def learn_request(self, operation: str, request: Any) -> None:
        """What somebody who knows the API said: variations of it come far."""
        self._templates[operation].append(request)

    def request(self, operation: str, shape: Shape | None) -> Any:
        """For one operation; now and then without anything odd."""
        self._odd = self.chance.choice((0.0, 0.01, 0.05, 0.2))
        if shape is None:
            return self._anything(0)
        templates = self._templates.get(operation)
        if templates and self.chance.random() < 0.6:
            return self._variation(shape, "", self.chance.choice(templates), 0)
        return self._structure(shape, 0)

    def body(self, request: Any) -> bytes:
        """JSON, which is not always quite that."""
        try:
            text = json.dumps(request, ensure_ascii=self.chance.random() < 0.5).encode(errors="surrogatepass")
        except ValueError:
            return b"{"
        match self.chance.randrange(40):
            case 0:
                return text[: self.chance.randrange(len(text) + 1)]
            case 1:
                return text.replace(b"{", b'{"tags": 1, "tags": [], ', 1)
            case 2:
                where = self.chance.randrange(len(text) + 1)
                return text[:where] + self.chance.choice((b"\xff", b"\x00", b"\xc3", b"{", b'"', b",")) + text[where:]
            case 3:
                return b"\xef\xbb\xbf" + text
        return text

    # -- values

    def _value(self, shape: Shape, name: str, depth: int) -> Any:
        if self.chance.random() < self._odd:
            return self._anything(depth)
        match shape.type_name:
            case "structure":
                return self._anything(depth) if shape.metadata.get("document") else self._structure(shape, depth)
            case "list":
                return [self._value(shape.member, name, depth + 1) for _ in range(self._length(shape, depth))]
            case "map":
                count = self._length(shape, depth)
                return {self._text(shape.key, name): self._value(shape.value, name, depth + 1) for _ in range(count)}
            case "integer" | "long" | "float" | "double":
                return self._number(shape)
            case "boolean":
                return self.chance.random() < 0.5
            case "timestamp":
                return self.chance.choice((0, 1_700_000_000, 1_700_000_100.5, -1, 4e9, 1e13))
            case "blob":
                return self.chance.choice(("YQ==", "", "e30=", "YWJj" * 100))
        return self._text(shape, name)

    def _variation(self, shape: Shape, name: str, value: Any, depth: int) -> Any:
        """The value with some places changed, and names of today in it."""
        if self.chance.random() < max(self._odd, 0.03) / (1 + depth):
            return self._value(shape, name, depth)
        if shape.type_name == "structure" and isinstance(value, dict) and not shape.metadata.get("document"):
            kept = {
                member: self._variation(shape.members[member], member, item, depth + 1)
                for member, item in value.items()
                if member in shape.members and self.chance.random() > self._odd / 4
            }
            if self.chance.random() < 0.15 and shape.members:
                more = self.chance.choice(list(shape.members))
                kept[more] = self._value(shape.members[more], more, depth + 1)
            return kept
        if shape.type_name == "list" and isinstance(value, list):
            return [self._variation(shape.member, name, item, depth + 1) for item in value]
        if shape.type_name == "map" and isinstance(value, dict):
            return {key: self._variation(shape.value, name, item, depth + 1) for key, item in value.items()}
        known = self._known.get(_kind(name))
        if isinstance(value, str) and known and self.chance.random() < 0.4:
            return self._bent(self.chance.choice(known))
        return value

    def _structure(self, shape: Shape, depth: int) -> dict[str, Any]:
        chosen = {}
        for name, member in shape.members.items():
            required = name in shape.required_members
            wanted = 1 - self._odd if required else (0.35, 0.3, 0.25, 0.2, 0.1)[min(depth, 4)]
            if self.chance.random() < wanted and depth < 9:
                chosen[name] = self._value(member, name, depth + 1)
        if self.chance.random() < self._odd:
            chosen[self.chance.choice(("noSuchMember", "", "a.b", "\x00", "é"))] = self._anything(depth)
        return chosen

    def _length(self, shape: Shape, depth: int) -> int:
        if self.chance.random() < self._odd / 4:
            return self.chance.choice((0, 200))
        low = min(int(shape.metadata.get("min") or 0), 3)
        return max(low, self.chance.choice((0, 1, 1, 1, 2, 3) if depth < 5 else (0, 1)))

    def _number(self, shape: Shape) -> Any:
        if self.chance.random() < max(self._odd, 0.05):
            return self.chance.choice(ODD_NUMBERS)
        low, high = shape.metadata.get("min"), shape.metadata.get("max")
        choices = [0, 1, 1, 2, 10, 80, 256, *(int(bound) for bound in (low, high) if bound is not None)]
        whole = self.chance.choice(choices)
        return min(max(whole, int(low) if low is not None else whole), int(high) if high is not None else whole)

    def _text(self, shape: Shape, name: str) -> str:
        choices = getattr(shape, "enum", None)
        if choices and self.chance.random() > self._odd:
            return str(self.chance.choice(choices))
        for _ in range(6):
            text = self._some_text(name)
            if self.chance.random() < self._odd or _fits(shape, text):
                break
        return text

    def _some_text(self, name: str) -> str:
        lowered = name.lower()
        if ("policy" in lowered or "document" in lowered or "manifest" in lowered) and self.chance.random() < 0.6:
            return self._document()
        known = self._known.get(_kind(name))
        if known and self.chance.random() < 0.75:
            return self._bent(self.chance.choice(known))
        if self._any and self.chance.random() < 0.15:
            return self._bent(self.chance.choice(self._any))
        if self.chance.random() < max(self._odd, 0.1):
            return self.chance.choice(ODD_TEXTS)
        return self.chance.choice(PLAIN_TEXTS)

    def _bent(self, text: str) -> str:
        """Mostly as it is; else with one place changed."""
        if self.chance.random() > self._odd or not text:
            return text
        where = self.chance.randrange(len(text))
        return text[:where] + self.chance.choice(("", ":", "/", "x", "*", "\x00", "é", text)) + text[where + 1 :]

    def _document(self) -> str:
        text = self.chance.choice(DOCUMENTS)
        if self.chance.random() < 0.4:
            return text
        return json.dumps(self._changed(json.loads(text), 0))

    def _changed(self, value: Any, depth: int) -> Any:
        """A JSON value with some place in it changed."""
        if self.chance.random() < 0.12:
            return self._anything(depth)
        if isinstance(value, dict):
            kept = {k: self._changed(item, depth + 1) for k, item in value.items() if self.chance.random() > 0.04}
            return {**kept, "x": 1} if self.chance.random() < 0.05 else kept
        if isinstance(value, list):
            return [self._changed(item, depth + 1) for item in value] * self.chance.choice((1, 1, 1, 0, 2))
        return value

    def _anything(self, depth: int) -> Any:
        match self.chance.randrange(9):
            case 0:
                return None
            case 1:
                return self.chance.random() < 0.5
            case 2:
                return self.chance.choice(ODD_NUMBERS)
            case 3 | 4:
                return self.chance.choice(ODD_TEXTS)
            case 5:
                return [self._anything(depth + 1) for _ in range(self.chance.randrange(3))] if depth < 9 else []
            case 6:
                names = ("a", "Key", "name", "\x00", "")
                return {self.chance.choice(names): self._anything(depth + 1)} if depth < 9 else {}
            case 7:
                return _nested(self.chance.choice((5, 60, 300)))
        return {}


def _kind(name: str) -> str:
    """`clusterArn`, `clusters` and `clusterName` ask for the like."""
    lowered = name.lower()
    return _ENDS.sub("", lowered) or lowered


def _fits(shape: Shape, text: str) -> bool:
    low, high, pattern = (shape.metadata.get(rule) for rule in ("min", "max", "pattern"))
    if (low is not None and len(text) < low) or (high is not None and len(text) > high):
        return False
    return pattern is None or _compiled(pattern).fullmatch(text) is not None


_compiled = functools.cache(compile_pattern)


def _nested(depth: int) -> Any:
    value: Any = 1
    for number in range(depth):
        value = [value] if number % 2 else {"a": value}
    return value
