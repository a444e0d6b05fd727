# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An answer that is no transcript, in the form in which OpenAI's API gives its errors."""

from __future__ import annotations

import json

SERVER_ERROR = 500


class RefusalError(Exception):
    """What the client gets instead of a transcript."""

    def __init__(
        self, status: int, code: str, message: str, param: str | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.param = param
        self.retry_after = retry_after

    @property
    def body(self) -> str:
        kind = "server_error" if self.status >= SERVER_ERROR else "invalid_request_error"
        error = {"message": self.message, "type": kind, "param": self.param, "code": self.code}
        return json.dumps({"error": error})

    @property
    def headers(self) -> dict[str, str]:
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}


def invalid(code: str, message: str, param: str | None = None) -> RefusalError:
    return RefusalError(400, code, message, param)
