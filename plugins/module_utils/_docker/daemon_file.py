# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file itself: read, and replaced in one step, with its owner, mode and SELinux label."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from typing import NoReturn

from ansible_collections.whisperops.gpu.plugins.module_utils._docker.daemon_config import DaemonConfigError

_NEW_MODE = 0o644
_LABEL = "security.selinux"


class DaemonFile:
    def __init__(self, path: str) -> None:
        self.path = path
        # A link stays a link.
        self._target = os.path.realpath(path)
        self._folder = os.path.dirname(self._target)

    def read(self) -> str | None:
        """None where there is no file."""
        try:
            with open(self._target, "rb") as handle:
                return handle.read().decode("utf-8")
        except FileNotFoundError:
            return None
        except UnicodeDecodeError as error:
            raise DaemonConfigError(
                f"daemon_config_malformed: {self.path}: byte {error.start} is no UTF-8. It is left as it is."
                " Correct it."
            ) from error
        except OSError as error:
            raise DaemonConfigError(
                f"daemon_config_unreadable: {self.path}: {error.strerror}. Run the task with become: true."
            ) from error

    def check_writable(self) -> None:
        """Before anything is done, and without doing anything."""
        if not os.path.isdir(self._folder):
            return
        if not os.access(self._folder, os.W_OK | os.X_OK):
            self._refuse("its folder cannot be written to")
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
            self._dress(backup)
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
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self._target)
            else:
                self._write(text)
        except OSError as error:
            self._refuse(error.strerror or str(error))

    def _write(self, text: str) -> None:
        os.makedirs(self._folder, mode=0o755, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=self._folder, prefix=".daemon.json.")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(text.encode("utf-8"))
                stream.flush()
                os.fsync(stream.fileno())
            self._dress(temporary)
            os.replace(temporary, self._target)
        except OSError:
            os.unlink(temporary)
            raise

    def _dress(self, path: str) -> None:
        try:
            like = os.stat(self._target)
        except FileNotFoundError:
            os.chmod(path, _NEW_MODE)
            return
        os.chown(path, like.st_uid, like.st_gid)
        os.chmod(path, like.st_mode & 0o7777)
        # Not every system has labels, and not every file system keeps them.
        with contextlib.suppress(OSError, AttributeError):
            os.setxattr(path, _LABEL, os.getxattr(self._target, _LABEL))

    def _refuse(self, why: str) -> NoReturn:
        raise DaemonConfigError(
            f"daemon_config_unwritable: {self.path}: {why}. Nothing was changed. Look at `ls -ld` and `lsattr` of the"
            " file and its folder and at `findmnt --target` of both, and let this task write there (become: true)."
        )
