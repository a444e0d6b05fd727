"""The model table: what a download needs to know."""

from __future__ import annotations

import re

from ansible_collections.whisperops.gpu.plugins.module_utils._cuda import models


def test_every_model_has_a_file_an_address_and_a_checksum_of_its_own() -> None:
    for name, model in models.MODELS.items():
        assert model.url.endswith(f"/{model.file}")
        assert model.file == f"ggml-{name}.bin"
        assert re.fullmatch(r"[0-9a-f]{40}", model.sha1)
    assert len({model.sha1 for model in models.MODELS.values()}) == len(models.MODELS)


def test_auto_offers_only_models_whose_memory_is_known_largest_first() -> None:
    needs = [models.memory_needed_mib(name, 1) for name in models.AUTO_MODELS]
    assert None not in needs
    assert needs == sorted(needs, reverse=True)


def test_a_file_of_ones_own_is_told_by_its_ending() -> None:
    assert models.is_own_file("ggml-smoke.en.bin")
    assert not any(models.is_own_file(name) for name in models.MODELS)
