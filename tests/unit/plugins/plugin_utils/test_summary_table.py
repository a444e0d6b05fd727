"""The table at the end of a run: aligned columns, then reasons, problems and the transcript of a single server."""

from __future__ import annotations

from ansible_collections.whisperops.gpu.plugins.plugin_utils._summary import summary, table


def texts(*given):
    return [line.text for line in summary(*given)]


def test_the_columns_stand_below_each_other():
    lines = table([{"host": "a", "speed": "2 x"}, {"host": "a-long-name", "speed": None}])
    assert lines == ["HOST         SPEED", "a            2 x", "a-long-name  -"]


def test_reasons_and_problems_follow_the_table_and_problems_are_colored():
    lines = list(summary([{"host": "a"}], {"a": "It has a GPU."}, {"a": ["gpu_lost: GPU 1 is lost."]}))
    assert [line.text for line in lines] == ["HOST", "a", "", "a: It has a GPU.", "", "a: gpu_lost: GPU 1 is lost."]
    assert [line.color for line in lines if line.color] == ["yellow"]


def test_the_transcript_of_one_server_stands_below_the_table():
    rows = [{"host": "a", "server": "http://a:8080", "transcript": "hello"}]
    assert texts(rows) == ["HOST  SERVER", "a     http://a:8080", "", "transcript: hello", "server: http://a:8080"]


def test_the_transcripts_of_several_servers_are_a_column():
    rows = [{"host": "a", "transcript": "hello"}, {"host": "b", "transcript": "-"}]
    assert texts(rows) == ["HOST  TRANSCRIPT", "a     hello", "b     -"]


def test_without_rows_there_is_nothing():
    assert texts([], {"a": "It has a GPU."}, {"a": ["gpu_lost: GPU 1 is lost."]}) == texts(None) == texts("x") == []
