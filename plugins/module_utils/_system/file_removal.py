# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remove files and directories that were recorded, and nothing that somebody else put there or mounted there.

Each path is reached step by step from the directory above the topmost recorded one, by file descriptors. A step that is
a link, another file system or a mount point (a bind mount has the file system of its source) ends the way.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from typing import Callable, Iterable, Iterator, NamedTuple, Sequence

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_ESCAPED = re.compile(r"\\([0-7]{3})")
# Of what keeps a directory, so many names are said.
_LONGEST_LIST = 3
# The field of /proc/self/mountinfo that has the mount point.
_MOUNT_POINT = 4

Device = Callable[[str, os.stat_result], int]


class Removal(NamedTuple):
    # Of a directory with its content, only the directory.
    removed: list[str]
    # Each with the reason, as `PATH (REASON)`.
    left: list[str]


class _StaysError(Exception):
    """The reason."""


class _Place(NamedTuple):
    """An open directory; `path` is without links."""

    path: str
    handle: int
    device: int


def mount_points(path: str = "/proc/self/mountinfo") -> set[str]:
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        fields = [line.split(" ") for line in file]
    return {
        _ESCAPED.sub(lambda code: chr(int(code.group(1), 8)), one[_MOUNT_POINT])
        for one in fields
        if len(one) > _MOUNT_POINT
    }


class FileRemoval:
    """Everything from outside comes in here, so that tests can bring mounts of their own.

    With ``test`` nothing is removed.
    """

    def __init__(self, test: bool, mounts: Iterable[str], device: Device = lambda _path, seen: seen.st_dev) -> None:
        self._test = test
        self._mounts = set(mounts)
        self._device = device
        self._gone: set[str] = set()
        self._left: dict[str, str] = {}
        self._tops: set[str] = set()

    def remove(
        self,
        files: Sequence[str] = (),
        trees: Sequence[str] = (),
        directories: Sequence[str] = (),
        contents: Sequence[str] = (),
    ) -> Removal:
        """A file only if it is no directory; a tree with its content; a directory if it is empty; contents without
        their directory, which may be a mount point."""
        self._tops = {*trees, *directories}
        for path in dict.fromkeys(files):
            with self._kept(path), self._above(path) as place:
                self._file(place, path)
                self._gone.add(path)
        for path in dict.fromkeys(trees):
            with self._kept(path), self._above(path) as place:
                self._whole_tree(place, path)
        for path in dict.fromkeys(contents):
            with self._kept(path), self._opened(path) as place:
                for name in sorted(os.listdir(place.handle)):
                    self._whole_tree(place, os.path.join(path, name))
        # Those below first.
        for path in sorted({*directories}, key=lambda one: (-one.count("/"), one)):
            with self._kept(path), self._above(path) as place:
                self._directory(place, path)
        removed = sorted(path for path in self._gone if os.path.dirname(path) not in self._gone)
        return Removal(removed, [f"{path} ({reason})" for path, reason in sorted(self._left.items()) if reason])

    def _file(self, place: _Place, path: str) -> None:
        seen = os.lstat(os.path.basename(path), dir_fd=place.handle)
        if stat.S_ISDIR(seen.st_mode):
            raise _StaysError("a directory")
        if not (stat.S_ISREG(seen.st_mode) or stat.S_ISLNK(seen.st_mode)):
            raise _StaysError("neither file nor link")
        self._unlink(place, path)

    def _whole_tree(self, place: _Place, path: str) -> None:
        os.lstat(os.path.basename(path), dir_fd=place.handle)
        if self._tree(place, path):
            self._gone.add(path)

    def _tree(self, place: _Place, path: str) -> bool:
        """Whether it is gone."""
        try:
            name = os.path.basename(path)
            if not stat.S_ISDIR(os.lstat(name, dir_fd=place.handle).st_mode):
                self._unlink(place, path)
                return True
            with self._step(place, name) as inner:
                below = [os.path.join(path, name) for name in sorted(os.listdir(inner.handle))]
                gone = [one for one in below if self._tree(inner, one)]
            if gone != below:
                self._gone.update(gone)
                # What keeps it was said.
                self._left.setdefault(path, "")
                return False
            self._rmdir(place, path)
            return True
        except FileNotFoundError:
            return True
        except (OSError, _StaysError) as error:
            self._left[path] = _reason(error)
            return False

    def _directory(self, place: _Place, path: str) -> None:
        with self._step(place, os.path.basename(path)) as inner:
            names = [one for one in sorted(os.listdir(inner.handle)) if os.path.join(path, one) not in self._gone]
        if not names:
            self._rmdir(place, path)
            self._gone.add(path)
            return
        unsaid = [name for name in names if os.path.join(path, name) not in self._left]
        shown = ", ".join(unsaid[:_LONGEST_LIST]) + (", …" if len(unsaid) > _LONGEST_LIST else "")
        self._left[path] = f"not empty: {shown}" if unsaid else ""

    def _unlink(self, place: _Place, path: str) -> None:
        name = os.path.basename(path)
        if os.path.join(place.path, name) in self._mounts:
            raise _StaysError("a mount point")
        if not self._test:
            os.unlink(name, dir_fd=place.handle)

    def _rmdir(self, place: _Place, path: str) -> None:
        if not self._test:
            os.rmdir(os.path.basename(path), dir_fd=place.handle)

    @contextlib.contextmanager
    def _kept(self, path: str) -> Iterator[None]:
        """What cannot be removed is told, and the rest is gone on with. What is not there needs no word."""
        try:
            yield
        except FileNotFoundError:
            pass
        except (OSError, _StaysError) as error:
            self._left[path] = _reason(error)

    @contextlib.contextmanager
    def _above(self, path: str) -> Iterator[_Place]:
        """The directory of a path, reached from above the topmost recorded one; without such, from above itself."""
        directory = os.path.dirname(path)
        above = [one for one in self._tops if path == one or path.startswith(one + "/")]
        start = os.path.dirname(min(above, key=len) if above else directory)
        with contextlib.ExitStack() as stack:
            place = stack.enter_context(self._opened(start))
            steps = os.path.relpath(directory, start).split("/") if directory != start else []
            for name in steps:
                place = stack.enter_context(self._step(place, name))
            yield place

    @contextlib.contextmanager
    def _opened(self, path: str) -> Iterator[_Place]:
        real = os.path.realpath(path)
        handle = os.open(real, _DIRECTORY)
        try:
            yield _Place(real, handle, self._device(real, os.fstat(handle)))
        finally:
            os.close(handle)

    @contextlib.contextmanager
    def _step(self, place: _Place, name: str) -> Iterator[_Place]:
        path = os.path.join(place.path, name)
        handle = os.open(name, _DIRECTORY, dir_fd=place.handle)
        try:
            device = self._device(path, os.fstat(handle))
            if device != place.device or path in self._mounts:
                raise _StaysError("another file system")
            yield _Place(path, handle, device)
        finally:
            os.close(handle)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        # So says the kernel of a link where a directory is asked for.
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            return "behind a link, or no directory"
        return error.strerror or str(error)
    return str(error)
