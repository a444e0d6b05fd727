# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file itself: read, and replaced in one step, with its owner, mode, SELinux label and encoding."""

from __future__ import annotations

import codecs
import contextlib
import errno
import os
import shutil
import time
from typing import NoReturn

from ansible_collections.whisperops.gpu.plugins.module_utils._docker.daemon_config import DaemonConfigError
from ansible_collections.whisperops.gpu.plugins.module_utils._system import whole_file

# By a byte order mark dockerd, from 23.0 on, knows how the file is encoded.
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


class DaemonFile:
    def __init__(self, path: str) -> None:
        self.path = path
        # A link stays a link.
        self._target = os.path.realpath(path)
        self._folder = os.path.dirname(self._target)
        self._mark, self._encoding = b"", "utf-8"

    @property
    def marked(self) -> bool:
        """Whether it begins with a byte order mark. The text that is read never does."""
        return bool(self._mark)

    def read(self) -> str | None:
        """None where there is no file."""
        try:
            with open(self._target, "rb") as handle:
                content = handle.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DaemonConfigError(
                f"daemon_config_unreadable: {self.path}: {error.strerror}. Run the task with become: true."
            ) from error
        self._mark, self._encoding = next((it for it in _MARKS if content.startswith(it[0])), (b"", "utf-8"))
        try:
            return content[len(self._mark) :].decode(self._encoding)
        except UnicodeDecodeError as error:
            raise DaemonConfigError(
                f"daemon_config_malformed: {self.path}: byte {error.start + len(self._mark)} is no"
                f" {self._encoding.upper()}. It is left as it is. Correct it."
            ) from error

    def encoded(self, text: str) -> bytes:
        """As the file that was read was encoded."""
        return self._mark + text.encode(self._encoding)

    def check_writable(self) -> None:
        """Before anything is done, and without doing anything."""
        if not os.path.isdir(self._folder):
            return
        if not os.access(self._folder, os.W_OK | os.X_OK):
            self._refuse("its directory cannot be written to")
        if os.path.exists(self._target):
            try:
                # Tells an immutable file and a file mounted read-only, which the folder's mode does not.
                os.close(os.open(self._target, os.O_WRONLY | os.O_APPEND))
            except OSError as error:
                self._refuse(error.strerror or str(error))

    def back_up(self) -> str | None:
        if not os.path.exists(self._target):
            return None
        backup = time.strftime(f"{self._target}.%Y-%m-%d-%H%M%S~")
        try:
            shutil.copy2(self._target, backup)
            whole_file.dress(backup, self._target)
        except OSError as error:
            self._refuse(error.strerror or str(error))
        return backup

    def drop(self, backup: str | None) -> None:
        if backup is not None:
            with contextlib.suppress(OSError):
                os.unlink(backup)

    def replace(self, text: str | None) -> None:
        """None takes the file away."""
        try:
            if text is None:
                self._remove()
            else:
                whole_file.replace(self._target, self.encoded(text))
        except OSError as error:
            self._refuse(error.strerror or str(error))

    def _remove(self) -> None:
        try:
            os.unlink(self._target)
        except FileNotFoundError:
            pass
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            # A mount point stays. Engines before 23.0 refuse an empty file.
            whole_file.replace(self._target, self.encoded("{}\n"))

    def _refuse(self, why: str) -> NoReturn:
        raise DaemonConfigError(
            f"daemon_config_unwritable: {self.path}: {why}. Nothing was changed. Look at `ls -ld` and `lsattr` of the"
            " file and its directory and at `findmnt --target` of both, and let this task write there (become: true)."
        )
