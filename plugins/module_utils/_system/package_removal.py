# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remove packages, and leave those that other packages need: apt and dnf would remove these other packages too."""

from __future__ import annotations

import re
from typing import Callable, Iterable, NamedTuple, Sequence

from ansible_collections.whisperops.gpu.plugins.module_utils._system.run_command import Result, Runner

_DPKG_ERROR = re.compile(r"^dpkg: error processing package (\S+) \(--purge\):\n (.*)$", re.MULTILINE)
_DPKG_NEEDED = "dependency problems - not removing"
_RPM_INSTALLED = re.compile(r"^(\S+) (\S+)$", re.MULTILINE)
_RPM_NEEDED = re.compile(r"^\t(\S+).* is needed by \(installed\) ", re.MULTILINE)


class PackageRemovalError(Exception):
    """A package is still there that must not be, or the package manager could not work."""


class Removal(NamedTuple):
    removed: list[str]
    # Needed by packages that stay.
    kept: list[str]


Remove = Callable[[Sequence[str], Runner, bool], Removal]


def remove(remove_with: Remove, names: Sequence[str], required: Iterable[str], run: Runner, test: bool) -> Removal:
    """Where one of ``required`` would stay, nothing is removed. With ``test`` nothing is removed either."""
    if not names:
        return Removal([], [])
    expected = remove_with(names, run, True)
    left = sorted(set(required) & set(expected.kept))
    if left:
        raise _failed(f"other packages need {', '.join(left)}, and nothing was removed")
    return expected if test or not expected.removed else remove_with(names, run, False)


def with_dpkg(names: Sequence[str], run: Runner, test: bool) -> Removal:
    shown = run(
        ["dpkg-query", "--show", "--showformat", r"${Package} ${binary:Package} ${db:Status-Status}\n", *names]
    ).out
    # dpkg adds the architecture to a name where several can be installed.
    known = {name for line in shown.splitlines() for name in line.split()[:2] if not line.endswith(" not-installed")}
    present = [name for name in names if name in known]
    if not present:
        return Removal([], [])
    done = run(["dpkg", "--force-hold", *(["--simulate"] if test else []), "--purge", *present])
    errors = dict(_DPKG_ERROR.findall(done.err))
    if done.rc != 0 and (not errors or set(errors.values()) != {_DPKG_NEEDED}):
        raise _failed(f"dpkg --purge {' '.join(present)} ended with {done.rc}: {_last(done)}")
    needed = {name for error in errors for name in (error, error.partition(":")[0])}
    return _divided(present, needed)


def with_rpm(names: Sequence[str], run: Runner, test: bool) -> Removal:
    """rpm removes all of the packages that it is given or none, so those that stay are left out until it can."""
    shown = run(["rpm", "--query", "--queryformat", r"%{NAME} %{NAME}-%{VERSION}-%{RELEASE}\n", *names]).out
    # Other lines say that a package is not installed.
    known = {name for names_of_one in _RPM_INSTALLED.findall(shown) for name in names_of_one}
    present = [name for name in names if name in known]
    needed: set[str] = set()
    while set(present) - needed:
        going = _divided(present, needed).removed
        done = run(["rpm", *(["--test"] if test else []), "--erase", *going])
        if done.rc == 0:
            break
        more = _providers(_RPM_NEEDED.findall(done.err), run) & set(going)
        if not more:
            raise _failed(f"rpm --erase {' '.join(going)} ended with {done.rc}: {_last(done)}")
        needed |= more
    return _divided(present, needed)


def _providers(capabilities: Iterable[str], run: Runner) -> set[str]:
    asked = ["rpm", "--query", "--queryformat", r"%{NAME}\n", "--whatprovides"]
    return {name for capability in sorted(set(capabilities)) for name in run([*asked, capability]).out.split()}


def _divided(present: Sequence[str], needed: set[str]) -> Removal:
    return Removal([name for name in present if name not in needed], [name for name in present if name in needed])


def _last(done: Result) -> str:
    return (done.err.strip().splitlines() or ["it said nothing"])[-1].strip()


def _failed(seen: str) -> PackageRemovalError:
    return PackageRemovalError(
        f"package_removal_failed: {seen}. See which packages need it, remove or repair them, and run the removal again."
    )
