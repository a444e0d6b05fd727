# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of a root file system, from a directory or from the tar stream of an image, one at a time."""

from __future__ import annotations

import contextlib
import errno
import os
import posixpath
import stat
import tarfile
import tempfile
from typing import IO, Callable, Iterator, Protocol

from ansible_collections.whisperops.gpu.plugins.module_utils._problem import InspectionError, Problem

from .problems import DamagedFileError
from .reader import BytesReader, FileReader, Reader

# A library of this size or less is looked at in memory; a larger one goes through a temporary file.
_LARGEST_IN_MEMORY = 8 * 1024 * 1024
_COPY_SIZE = 1024 * 1024
# tarfile copies its whole buffer for each header: with 1 MiB an image of 40 000 files takes three times as long.
_STREAM_BUFFER = 64 * 1024
# As many as the Linux kernel follows, and as long as it takes a path.
_MOST_SYMLINKS = 40
_LONGEST_PATH = 4096
# Ten times what the largest images known hold.
_MOST_KNOWN_SYMLINKS = 1_000_000

# On a running host these are no files of its root file system.
_NOT_ON_DISK = ("/proc", "/sys", "/dev", "/run")


class File(Protocol):
    """Valid until the next one is taken."""

    @property
    def path(self) -> str:
        """Absolute, as a process inside the tree would say it."""

    @property
    def size(self) -> int: ...

    @property
    def symlink_to(self) -> str | None: ...

    @property
    def hard_link_to(self) -> str | None:
        """The path of a file that came earlier, where the content is."""

    def head(self, length: int) -> bytes:
        """The first bytes, fewer where the file is shorter. To be called at most once, before ``reader``."""

    def reader(self) -> contextlib.AbstractContextManager[Reader]: ...


class FileTree(Protocol):
    def files(self) -> Iterator[File]: ...

    def symlink(self, path: str) -> str | None:
        """Where a symbolic link points; None for anything else. Complete once ``files`` is exhausted."""


def printable(path: str) -> str:
    """A name on Linux is any bytes: those that are no UTF-8 are told by their numbers, as JSON cannot carry them."""
    try:
        return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:
        # Half of a character, as JSON can say it.
        return path.encode("utf-8", "backslashreplace").decode("utf-8")


def resolve(path: str, symlink: Callable[[str], str | None]) -> str:
    """The path with every symbolic link followed, never out of the tree."""
    if len(path) > _LONGEST_PATH:
        return path
    pending = [part for part in path.split("/") if part]
    done = "/"
    followed = 0
    while pending:
        part = pending.pop(0)
        if part == ".":
            continue
        if part == "..":
            done = posixpath.dirname(done)
            continue
        here = posixpath.join(done, part)
        target = symlink(here)
        if target is None or followed >= _MOST_SYMLINKS or len(target) > _LONGEST_PATH:
            done = here
            continue
        followed += 1
        if target.startswith("/"):
            done = "/"
        pending[:0] = [step for step in target.split("/") if step]
    return done


@contextlib.contextmanager
def open_on_host(path: str) -> Iterator[Reader]:
    # Non-blocking, so that a path which turns out to be a pipe does not hang.
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise DamagedFileError("unreadable", f"{error.strerror}") from error
    try:
        yield FileReader(descriptor)
    except OSError as error:
        raise DamagedFileError("unreadable", f"{error.strerror}") from error
    finally:
        os.close(descriptor)


class _HostFile:
    hard_link_to = None

    def __init__(self, root: str, path: str, size: int, symlink_to: str | None) -> None:
        self._on_host = root.rstrip("/") + path
        self.path = path
        self.size = size
        self.symlink_to = symlink_to

    def head(self, length: int) -> bytes:
        with open_on_host(self._on_host) as reader:
            return reader.read(0, min(length, reader.size))

    def reader(self) -> contextlib.AbstractContextManager[Reader]:
        return open_on_host(self._on_host)


class HostTree:
    """A directory of this host."""

    def __init__(self, root: str) -> None:
        self._root = os.path.realpath(root)
        self.unreadable: list[str] = []

    def _entries(self, directory: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(directory) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            self.unreadable.append(str(error.filename))
            return []
        if self._root == "/":
            found = [entry for entry in found if entry.path not in _NOT_ON_DISK]
        return found

    def files(self) -> Iterator[File]:
        # Not os.walk: before Python 3.12 it calls itself for each level, and a tree can be deeper than Python's stack.
        pending = [self._root]
        while pending:
            directories = []
            for entry in self._entries(pending.pop()):
                try:
                    status = entry.stat(follow_symlinks=False)
                    target = os.readlink(entry.path) if stat.S_ISLNK(status.st_mode) else None
                except OSError:
                    # Gone since the directory was listed.
                    continue
                if stat.S_ISDIR(status.st_mode):
                    directories.append(entry.path)
                elif target is not None or stat.S_ISREG(status.st_mode):
                    inside = "/" + os.path.relpath(entry.path, self._root)
                    yield _HostFile(self._root, inside, status.st_size, target)
            pending += reversed(directories)

    def symlink(self, path: str) -> str | None:
        try:
            return os.readlink(self._root.rstrip("/") + path)
        except (OSError, ValueError):
            # ValueError: a NUL in it, as a loader configuration may say it and no file can be named.
            return None


class _TarMember:
    def __init__(self, archive: tarfile.TarFile, member: tarfile.TarInfo, temporary_directory: str | None) -> None:
        self._archive = archive
        self._member = member
        self._temporary_directory = temporary_directory
        self._content: IO[bytes] | None = None
        self._head = b""
        self.path = _absolute(member.name)
        self.size = member.size
        self.symlink_to = member.linkname if member.issym() else None
        self.hard_link_to = _absolute(member.linkname) if member.islnk() else None

    def head(self, length: int) -> bytes:
        self._content = self._archive.extractfile(self._member)
        self._head = self._content.read(length) if self._content else b""
        return self._head

    @contextlib.contextmanager
    def reader(self) -> Iterator[Reader]:
        if self._content is None:
            self.head(0)
        content = self._content
        if content is None:
            raise DamagedFileError("unreadable", "the archive holds no content for it")
        if self.size <= _LARGEST_IN_MEMORY:
            yield BytesReader(self._head + content.read())
            return
        with self._spooled(content) as spool:
            yield FileReader(spool.fileno())

    def _spooled(self, content: IO[bytes]) -> IO[bytes]:
        try:
            spool: IO[bytes] = tempfile.TemporaryFile(dir=self._temporary_directory)  # noqa: SIM115  # the caller closes it
            piece = self._head
            while piece:
                spool.write(piece)
                piece = content.read(_COPY_SIZE)
            spool.flush()
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.ENOENT, errno.EROFS):
                # The stream's own trouble, which its opener names.
                raise
            raise InspectionError(
                Problem(
                    "no_space",
                    f"{self.path} ({self.size} bytes) could not be copied out of the image: {error.strerror}.",
                    "Make room in Ansible's temporary directory on the host (remote_tmp), or put it elsewhere.",
                )
            ) from error
        return spool


def _absolute(name: str) -> str:
    return posixpath.normpath("/" + name)


class TarTree:
    """A root file system that arrives as one tar stream; it can be gone through once."""

    def __init__(self, stream: IO[bytes], temporary_directory: str | None = None) -> None:
        self._stream = stream
        self._temporary_directory = temporary_directory
        self._symlinks: dict[str, str] = {}

    def files(self) -> Iterator[File]:
        with tarfile.open(
            fileobj=self._stream, mode="r|", bufsize=_STREAM_BUFFER, encoding="utf-8", errors="surrogateescape"
        ) as archive:
            while True:
                member = archive.next()
                if member is None:
                    return
                if member.issym() and len(self._symlinks) < _MOST_KNOWN_SYMLINKS:
                    self._symlinks[_absolute(member.name)] = member.linkname
                if member.isreg() or member.issym() or member.islnk():
                    yield _TarMember(archive, member, self._temporary_directory)
                # tarfile keeps every member it has seen, about 1 KB each; an image has 100 000.
                archive.members.clear()  # type: ignore[attr-defined]  # public in the code, missing from typeshed

    def symlink(self, path: str) -> str | None:
        return self._symlinks.get(path)
