# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A problem: a code to look up, what was seen, and what to do about it. Private to this collection."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Problem:
    code: str
    message: str
    remedy: str

    @classmethod
    def documented(cls, code: str, message: str, remedy: str) -> Problem:
        """With the place in the documentation that says more."""
        return cls(code, message, f"{remedy} See docs/troubleshooting.md#{code}")

    def __str__(self) -> str:
        return f"{self.code}: {self.message} {self.remedy}"

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


class InspectionError(Exception):
    """Bad input or an engine that does not answer: the module stops with it."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem
