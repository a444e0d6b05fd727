from __future__ import annotations

from ansible_collections.whisperops.gpu.plugins.callback.summary import table


def test_the_columns_stand_below_each_other():
    lines = table([{"host": "a", "speed": "2 x"}, {"host": "a-long-name", "speed": None}])
    assert lines == ["HOST         SPEED", "a            2 x", "a-long-name  -"]
