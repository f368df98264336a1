"""The command ``zaiko``: ``commands``, and those about ``keys``."""

from app.cli.commands import main

__all__ = ["main"]
