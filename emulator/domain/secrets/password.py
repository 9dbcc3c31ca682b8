"""What a random password consists of (GetRandomPassword). Where the randomness comes from is the caller's affair."""

from __future__ import annotations

import string
from collections.abc import Callable
from dataclasses import dataclass

from emulator.domain.errors import InvalidParameterException

_PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


@dataclass(frozen=True, slots=True)
class PasswordRules:
    """The defaults are those of the API model: 32 characters of all four types, each at least once."""

    length: int = 32
    exclude_characters: str = ""
    numbers: bool = True
    punctuation: bool = True
    uppercase: bool = True
    lowercase: bool = True
    space: bool = False
    require_each_type: bool = True

    def alphabets(self) -> list[str]:
        """One alphabet per included type, without the excluded characters; a type left empty is left out."""
        included = (
            (self.lowercase, string.ascii_lowercase),
            (self.uppercase, string.ascii_uppercase),
            (self.numbers, string.digits),
            (self.punctuation, _PUNCTUATION),
            (self.space, " "),
        )
        kept = (
            "".join(c for c in letters if c not in self.exclude_characters) for wanted, letters in included if wanted
        )
        return [letters for letters in kept if letters]


def random_password(rules: PasswordRules, pick: Callable[[int], int]) -> str:
    """`pick(n)` gives a number from 0 to n - 1. InvalidParameterException when the rules cannot be met."""
    alphabets = rules.alphabets()
    if not alphabets:
        raise InvalidParameterException("The password must include at least one type of character.")
    required = alphabets if rules.require_each_type else []
    if len(required) > rules.length:
        raise InvalidParameterException("The password length is too short based on the required types.")
    everything = "".join(alphabets)
    letters = [alphabet[pick(len(alphabet))] for alphabet in required]
    letters += [everything[pick(len(everything))] for _ in range(rules.length - len(letters))]
    for last in range(len(letters) - 1, 0, -1):  # so that the required ones do not stand in front
        other = pick(last + 1)
        letters[last], letters[other] = letters[other], letters[last]
    return "".join(letters)
