# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What apt itself says of lists that it is shown in a directory of their own. Asking changes nothing on the host."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from typing import NamedTuple, Sequence

from ansible_collections.whisperops.gpu.plugins.module_utils._apt.sources import Source, SourceFile, encoded
from ansible_collections.whisperops.gpu.plugins.module_utils._system.passwords import hidden
from ansible_collections.whisperops.gpu.plugins.module_utils._system.run_command import Result, Runner

# The signed list of a repository's files tells whether it is there and whether its key is known. One that is trusted
# without may have none: its lists of packages tell.
_NO_INDEXES = ("deb::Packages", "deb::Translations", "deb-src::Sources")
_OPTIONS = (
    "APT::Sandbox::User=root",
    "Acquire::Retries=0",
    "Acquire::http::Timeout=15",
    "Acquire::https::Timeout=15",
    "Dir::Cache::pkgcache=",
    "Dir::Cache::srcpkgcache=",
)


class Settings(NamedTuple):
    """What this host's apt is configured for."""

    main: str
    directory: str
    architecture: str


_DEFAULTS = Settings("/etc/apt/sources.list", "/etc/apt/sources.list.d/", "")


class Answer(NamedTuple):
    # Whether apt takes it for an error. A server that does not answer is none to apt-get, but one to Ansible's module.
    refused: bool
    # What it said, None where it said nothing against the lists.
    said: str | None

    @property
    def conflicting(self) -> bool:
        """It reads no list at all where two sources of one repository name different keys."""
        return self.refused and "Conflicting values set for option Signed-By" in (self.said or "")


class Apt:
    def __init__(self, program: str, runner: Runner) -> None:
        self._program = program
        self._runner = runner

    def settings(self) -> Settings:
        names = ("Dir::Etc::sourcelist/f", "Dir::Etc::sourceparts/d", "APT::Architecture")
        asked = [word for number, name in enumerate(names) for word in (f"A{number}", name)]
        result = self._runner([f"{self._program[: -len('get')]}config", "shell", *asked])
        found = dict(re.findall(r"^(\w+)='(.*)'$", result.out, re.MULTILINE))
        return Settings(*(found.get(f"A{number}", value) for number, value in enumerate(_DEFAULTS)))

    def read(self, files: Sequence[SourceFile], main: str) -> Answer:
        """Whether it can read the lists at all, which takes no network."""
        return self._asked("indextargets", {file.path: file.content for file in files}, main)

    def fetch(self, file: SourceFile, source: Source) -> Answer:
        """Whether it can update from one source alone."""
        lines = file.lines[source.first : source.last + 1]
        indexes = () if source.trusted else _NO_INDEXES
        left_out = [f"Acquire::IndexTargets::{name}::DefaultEnabled=false" for name in indexes]
        return self._asked("update", {source.path: encoded([*lines, ""])}, "", left_out)

    def _asked(self, command: str, contents: dict[str, bytes], main: str, options: Sequence[str] = ()) -> Answer:
        top = tempfile.mkdtemp(prefix="whisperops-apt.")
        try:
            shown = {path: self._copied(top, path, main) for path in contents}
            for path, content in contents.items():
                with open(shown[path], "wb") as handle:
                    handle.write(content)
            os.makedirs(f"{top}/lists/partial")
            lists = [f"Dir::Etc::sourcelist={top}/main.list", f"Dir::Etc::sourceparts={top}/parts"]
            if command == "update":
                lists.append(f"Dir::State::Lists={top}/lists")
            arguments = [part for option in (*lists, *_OPTIONS, *options) for part in ("-o", option)]
            return _answer(self._runner([self._program, *arguments, command]), shown)
        finally:
            shutil.rmtree(top)

    def _copied(self, top: str, path: str, main: str) -> str:
        os.makedirs(f"{top}/parts", exist_ok=True)
        if path == main:
            return f"{top}/main.list"
        suffix = ".sources" if path.endswith(".sources") else ".list"
        return f"{top}/parts/{os.path.basename(path)}" if main else f"{top}/parts/source{suffix}"


def _answer(result: Result, shown: dict[str, str]) -> Answer:
    # Of a source that is marked as trusted it says that the key is not there, and goes on.
    against = r"E: |W: .*(Failed to fetch|GPG error)" if result.rc else "W: .*Failed to fetch"
    said = [line[3:] for line in result.err.splitlines() if re.match(against, line)]
    if result.rc is None:
        said.append(result.err)
    text = " ".join(line for line in dict.fromkeys(said) if "list of sources could not be read" not in line)
    for path, copy in shown.items():
        text = text.replace(copy, path)
    return Answer(bool(result.rc), hidden(text).rstrip(".") or None)
