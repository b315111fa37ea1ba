"""The `byol-keras` command. It only reads arguments and prints; what it does lives in the modules it calls."""

from .main import command, main

__all__ = ["command", "main"]
