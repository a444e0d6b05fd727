"""The summaries of the hosts of a play, in one."""

from __future__ import annotations

from ansible_collections.whisperops.gpu.plugins.filter.fleet_summary import fleet_summary

HOSTVARS = {
    "b": {
        "whisper_summary": {"rows": [{"host": "b"}, {"host": "b"}], "reasons": "No GPU.", "changes": [], "problems": []}
    },
    "a": {"whisper_summary": {"rows": [{"host": "a"}], "reasons": None, "problems": ["gpu_lost: lost"]}},
    "failed": {},
}


def test_rows_come_in_the_order_of_the_hosts_and_the_rest_by_host():
    assert fleet_summary(["b", "a"], HOSTVARS) == {
        "rows": [{"host": "b"}, {"host": "b"}, {"host": "a"}],
        "reasons": {"b": "No GPU."},
        # No change is worth a line; a host that says nothing of changes gets none.
        "changes": {"b": []},
        "problems": {"b": [], "a": ["gpu_lost: lost"]},
    }


def test_a_host_that_did_not_come_so_far_is_left_out():
    assert fleet_summary(["failed", "unknown"], HOSTVARS)["rows"] == []
