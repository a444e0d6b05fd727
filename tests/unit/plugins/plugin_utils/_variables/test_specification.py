"""The known variables are those of all roles' argument specifications and of the playbooks."""

from __future__ import annotations

import pytest
from ansible_collections.whisperops.gpu.plugins.plugin_utils._variables.specification import (
    read,
    specification,
    without_documentation,
)

ROLE = """
argument_specs:
  other:
    options:
      cook_heat: {type: str}
      cook_oven: {type: str}
  main:
    options:
      cook_heat: {type: int}
  without: {}
"""
PLAYBOOKS = "argument_specs: {main: {options: {whisper_policy: {type: dict}}}}"


@pytest.fixture
def collection(tmp_path):
    (tmp_path / "roles" / "cook" / "meta").mkdir(parents=True)
    (tmp_path / "roles" / "cook" / "meta" / "argument_specs.yml").write_text(ROLE, encoding="utf-8")
    (tmp_path / "product.yml").write_text(PLAYBOOKS, encoding="utf-8")
    (tmp_path / "facts.yml").write_text("[cook_result]", encoding="utf-8")
    return tmp_path


def test_options_of_all_entry_points_are_known_and_those_of_main_come_first(collection):
    assert read(collection, collection).options == {
        "whisper_policy": {"type": "dict"},
        "cook_heat": {"type": "int"},
        "cook_oven": {"type": "str"},
    }


def test_documentation_is_left_out_at_each_level():
    key = {"type": "str", "description": "A key.", "no_log": True}
    described = {"type": "dict", "description": ["x"], "version_added": "0.1.0", "options": {"key": key}}
    assert without_documentation(described) == {"type": "dict", "options": {"key": {"type": "str", "no_log": True}}}


def test_names_begin_with_a_role_or_with_whisper(collection):
    assert read(collection, collection).prefixes == ("whisper_", "cook_")


def test_facts_are_not_options(collection):
    known = read(collection, collection)
    assert known.facts == {"cook_result"}
    assert not known.facts & set(known.options)


def test_the_collections_own_specification_has_its_roles_and_its_playbooks():
    known = specification()
    assert {"whisper_server_listen_address", "gpu_metrics_hosts", "whisper_policy"} <= set(known.options)
    assert {"whisper_", "docker_engine_", "fleet_report_"} <= set(known.prefixes)


def test_the_specification_is_read_once():
    assert specification() is specification()
