# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong in the fleet: each problem once, the worst first, with its hosts and its remedy."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Iterator, Mapping

from .coerce import mapping, mappings, texts
from .state import CPU_ONLY, IMPOSSIBLE, NOT_PROVEN, older_than_plan, state_of

GUIDE = Path(__file__).parents[3] / "docs" / "troubleshooting.md"
UNREACHABLE = "unreachable: "
UNREACHABLE_REMEDY = (
    "See that the host is up, that its name or ansible_host is right, and that `ansible HOST -m ping` answers."
)
CODE = re.compile(r"\s*([a-z]+(?:_[a-z]+)+):\s")
FAILURE, NO_GPU_USE, ON_HOST, WARNING = range(4)
KINDS = ("Failure", "GPU not used", "On the host", "Warning")


@dataclass(frozen=True)
class Finding:
    """One thing wrong on one host."""

    severity: int
    code: str | None
    title: str
    message: str
    remedy: str | None = None


@dataclass
class FleetProblem:
    """The same thing on any number of hosts."""

    severity: int
    code: str | None
    title: str
    messages: dict[str, list[str]] = field(default_factory=dict)
    remedies: list[str] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)

    @property
    def kind(self) -> str:
        return KINDS[self.severity]

    def as_dict(self) -> dict[str, Any]:
        messages = [{"text": message, "hosts": hosts} for message, hosts in self.messages.items()]
        return {
            "kind": self.kind, "code": self.code, "title": self.title, "messages": messages, "remedies": self.remedies,
            "hosts": self.hosts,
        }  # fmt: skip


def read_guide(path: Path = GUIDE) -> dict[str, str]:
    """Code -> its section of the troubleshooting guide. Empty where the guide was not installed with the collection."""
    if not path.exists():
        return {}
    sections = path.read_text(encoding="utf-8").split("\n## ")[1:]
    return {heading.strip(): body.strip() for heading, _end, body in (section.partition("\n") for section in sections)}


def findings(record: Mapping[str, Any]) -> Iterator[Finding]:
    plan, gpu_info, state = mapping(record.get("plan")), mapping(record.get("gpu_info")), state_of(record)
    error = record.get("error")
    if error:
        code = CODE.match(str(error))
        title = code.group(1) if code else "The run failed"
        remedy = None
        if str(error).startswith(UNREACHABLE):
            title, remedy = "Unreachable", UNREACHABLE_REMEDY
        yield Finding(FAILURE, code.group(1) if code else None, title, str(error), remedy)
    if state is IMPOSSIBLE:
        reasons = texts(plan.get("reasons"))
        remedies = [reason[len("Remedy: ") :] for reason in reasons if reason.startswith("Remedy: ")]
        seen = " ".join(reason for reason in reasons if not reason.startswith("Remedy: "))
        yield Finding(FAILURE, "plan_impossible", "plan_impossible", seen, " ".join(remedies) or None)
    if state is CPU_ONLY:
        message = " ".join(texts(plan.get("warnings"))) or "The host has an NVIDIA GPU, and its server runs on the CPU."
        yield Finding(NO_GPU_USE, None, "CPU ONLY although a GPU is there", message)
    if state is NOT_PROVEN:
        yield from _unproven(record)
    yield from _seen_on_host(plan, gpu_info, state is not CPU_ONLY)
    for problem in mappings(mapping(record.get("image")).get("problems")):
        yield _problem(WARNING, problem)


def _unproven(record: Mapping[str, Any]) -> Iterator[Finding]:
    if older_than_plan(record, "proof"):
        return
    for result in mappings(record.get("proof")):
        if result.get("gpu_used") is not True:
            missing = "; ".join(texts(result.get("missing")))
            unused = result.get("gpu_used") is False
            message = "The GPU was not used" if unused else "It cannot be known whether the GPU was used"
            if missing:
                message += f". Missing: {missing}"
            cause = mapping(result.get("cause"))
            code = cause.get("code") and str(cause["code"])
            if cause:
                message += f". Likeliest cause: {cause.get('message')}"
            title = "Inference not proven on the GPU" + (f": {code}" if code else "")
            yield Finding(NO_GPU_USE, code or None, title, message, cause.get("remedy") and str(cause["remedy"]))


def _seen_on_host(plan: Mapping[str, Any], gpu_info: Mapping[str, Any], warn: bool) -> Iterator[Finding]:
    problems = mappings(gpu_info.get("problems"))
    # Where the plan serves from the CPU because there is no GPU, that is how it should be.
    expected = {"no_gpu"} if plan.get("runtime") == "cpu" and not gpu_info.get("gpu_present") else set()
    for problem in problems:
        if str(problem.get("code")) not in expected:
            yield _problem(WARNING if plan.get("runtime") == "cuda" else ON_HOST, problem)
    if warn:
        for warning in texts(plan.get("warnings")):
            yield Finding(WARNING, None, "Warning of the plan", warning)


def _problem(severity: int, problem: Mapping[str, Any]) -> Finding:
    code = str(problem.get("code") or "") or None
    remedy = problem.get("remedy")
    return Finding(
        severity, code, code or "Problem", str(problem.get("message") or "-"), None if remedy is None else str(remedy)
    )


def fleet_problems(records: list[dict[str, Any]]) -> list[FleetProblem]:
    found: dict[tuple[int, str | None, str], FleetProblem] = {}
    for record in records:
        host = str(record.get("host"))
        for one in findings(record):
            key = (one.severity, one.code, one.title)
            problem = found.setdefault(key, FleetProblem(*key))
            at = problem.messages.setdefault(one.message, [])
            if host not in at:
                at.append(host)
            if host not in problem.hosts:
                problem.hosts.append(host)
            if one.remedy and one.remedy not in problem.remedies:
                problem.remedies.append(one.remedy)
    return sorted(found.values(), key=lambda p: (p.severity, -len(p.hosts), p.title))
