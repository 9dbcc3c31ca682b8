"""Which condition keys policies ask for: those of their conditions, and those of their variables.

Source: IAM API reference, GetContextKeysForCustomPolicy. Pure; values are not known here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

_VARIABLE = re.compile(r"\$\{\s*([^},]*[^},\s])\s*(?:,[^}]*)?\}")
_LITERALS = frozenset({"*", "?", "$"})


def context_keys(documents: Iterable[str]) -> list[str]:
    """Each once, in the first spelling met, in order; keys differ by more than case."""
    found: dict[str, str] = {}
    for document in documents:
        policy = json.loads(document)
        listed = policy["Statement"]
        for statement in [listed] if isinstance(listed, dict) else listed:
            for keys in statement.get("Condition", {}).values():
                for key in keys:
                    found.setdefault(key.lower(), key)
            for key in _VARIABLE.findall(json.dumps(statement)) if policy.get("Version") == "2012-10-17" else ():
                if key not in _LITERALS:
                    found.setdefault(key.lower(), key)
    return list(found.values())
