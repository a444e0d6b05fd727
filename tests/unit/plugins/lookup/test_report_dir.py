"""The report of a checkout is in the checkout; that of an installed collection next to the inventory."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.whisperops.gpu.plugins.lookup.report_dir import LookupModule, report_dir
from ansible_collections.whisperops.gpu.plugins.plugin_utils._collection import checkout

ROOT = Path(__file__).parents[4]


@pytest.fixture
def inventories(tmp_path):
    (tmp_path / "hosts.yml").write_text("", encoding="utf-8")
    (tmp_path / "mine").mkdir()
    return tmp_path


def test_this_checkout_has_its_reports_in_itself():
    assert LookupModule().run([], {"ansible_inventory_sources": ["/etc/hosts"]}) == [str(ROOT / "reports")]


def test_the_reports_of_an_installed_collection_are_next_to_the_inventory_file(inventories):
    assert report_dir([str(inventories / "hosts.yml")], Path("/run"), None) == inventories / "reports"


def test_reports_are_next_to_an_inventory_directory_and_never_in_it(inventories):
    assert report_dir([str(inventories / "mine")], Path("/run"), None) == inventories / "reports"


def test_of_several_inventories_the_first_counts(inventories):
    sources = ["gpu-1,", str(inventories / "missing.yml"), str(inventories / "hosts.yml"), "/etc/hosts"]
    assert report_dir(sources, Path("/run"), None) == inventories / "reports"


@pytest.mark.parametrize("sources", [[], ["gpu-1,"], [None], ["/no/such/inventory"]])
def test_without_an_inventory_file_the_reports_are_in_the_current_directory(sources):
    assert report_dir(sources, Path("/run"), None) == Path("/run/reports")


def test_a_collection_with_a_manifest_is_no_checkout(tmp_path):
    assert checkout(tmp_path) == tmp_path.resolve()
    (tmp_path / "MANIFEST.json").write_text("{}", encoding="utf-8")
    assert checkout(tmp_path) is None
