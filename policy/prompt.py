"""Prompts."""

STOP: tuple[str, ...] = ("\n#", "\ndef", "\nclass", "\n```")
