# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""whisper.cpp's models: file, size, memory and checksum, from the table on the project's models page."""

from __future__ import annotations

from typing import NamedTuple

SOURCE = "https://github.com/ggml-org/whisper.cpp/blob/master/models/README.md"
DOWNLOAD_BASE = "https://huggingface.co/ggerganov/whisper.cpp/resolve/main"


class Model(NamedTuple):
    name: str
    size_mib: int
    memory_mb: int | None  # upstream's figure; None where upstream gives none
    sha1: str

    @property
    def file(self) -> str:
        return f"ggml-{self.name}.bin"

    @property
    def url(self) -> str:
        return f"{DOWNLOAD_BASE}/{self.file}"


# Sizes given in GiB upstream are rounded to its one decimal: 1.5 GiB is 1536 MiB, 2.9 GiB 2970, 1.1 GiB 1126.
_TABLE = (
    Model("tiny", 75, 273, "bd577a113a864445d4c299885e0cb97d4ba92b5f"),
    Model("tiny.en", 75, 273, "c78c86eb1a8faa21b369bcd33207cc90d64ae9df"),
    Model("base", 142, 388, "465707469ff3a37a2b9b8d8f89f2f99de7299dac"),
    Model("base.en", 142, 388, "137c40403d78fd54d454da0f9bd998f78703390c"),
    Model("small", 466, 852, "55356645c2b361a969dfd0ef2c5a50d530afd8d5"),
    Model("small.en", 466, 852, "db8a495a91d927739e50b3fc1cc4c6b8f6c2d022"),
    Model("medium", 1536, 2100, "fd9727b6e1217c2f614f9b698455c4ffd82463b4"),
    Model("medium.en", 1536, 2100, "8c30f0e44ce9560643ebd10bbe50cd20eafd3723"),
    Model("large-v1", 2970, 3900, "b1caaf735c4cc1429223d5a74f0f4d0b9b59a299"),
    Model("large-v2", 2970, 3900, "0f4c8e34f21cf1a914c59d8b3ce882345ad349d6"),
    Model("large-v2-q5_0", 1126, None, "00e39f2196344e901b3a2bd5814807a769bd1630"),
    Model("large-v3", 2970, 3900, "ad82bf6a9043ceed055076d0fd39f5f186ff8062"),
    Model("large-v3-q5_0", 1126, None, "e6e2ed78495d403bef4b7cff42ef4aaadcfea8de"),
    Model("large-v3-turbo", 1536, None, "4af2b29d7ec73d781377bfd1758ca957a807e941"),
    Model("large-v3-turbo-q5_0", 547, None, "e050f7970618a659205450ad97eb95a18d69c9ee"),
)
MODELS: dict[str, Model] = {model.name: model for model in _TABLE}

# What `model: auto` chooses from, largest first: the multilingual ones whose memory upstream gives.
AUTO_MODELS = ("large-v3", "medium", "small", "base", "tiny")
# On a CPU auto does not ask how much memory there is, but how long a person wants to wait.
AUTO_MODEL_ON_CPU = "base"

# Ours, not measured: room for the CUDA context, for longer audio, and for a desktop on the same card.
HEADROOM_FACTOR = 1.25


def is_own_file(name: str) -> bool:
    """A model file that somebody brings along is named by its file name: ``ggml-mine.bin`` or a path to it."""
    return name.endswith(".bin")


def memory_needed_mib(name: str, instances: int) -> int | None:
    """Upstream's figure taken as MiB (an upper bound for either reading of its MB), for every server on one GPU."""
    model = MODELS.get(name)
    if model is None or model.memory_mb is None:
        return None
    return model.memory_mb * instances


def memory_with_headroom_mib(name: str, instances: int) -> int | None:
    needed = memory_needed_mib(name, instances)
    return None if needed is None else int(needed * HEADROOM_FACTOR)
