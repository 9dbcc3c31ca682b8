"""The command `homeport`: `command` reads it, larger verbs have modules, `asking` asks a running emulator."""

from emulator.cli.command import main

__all__ = ["main"]
