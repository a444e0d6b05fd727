"""Tasks of the collection's YAML files, at any depth."""

from __future__ import annotations


def tasks_below(content):
    """Every task and every dictionary beside it, at any depth."""
    if isinstance(content, list):
        for entry in content:
            yield from tasks_below(entry)
    elif isinstance(content, dict):
        yield content
        for value in content.values():
            yield from tasks_below(value)
