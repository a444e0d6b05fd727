"""Downloads from a real server that breaks as real ones do."""

from __future__ import annotations

import email.utils
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._download.transfer import (
    TransferError,
    retry_after,
    transfer,
)

CONTENT = bytes(range(256)) * 4000


class Host:
    """Answers each request by the next of ``plan``, the last one for ever: a function of the handler."""

    def __init__(self, *plan):
        self.plan = list(plan)
        self.ranges = []
        host = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                if "/redirected" not in self.path:
                    host.ranges.append(self.headers.get("Range"))
                (host.plan.pop(0) if len(host.plan) > 1 else host.plan[0])(self)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/file"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def open(self, headers):
        return urllib.request.urlopen(urllib.request.Request(self.url, headers=headers), timeout=5)


def whole(content=CONTENT, etag='"one"', until=None):
    """The file, or its rest where that is asked for under the same ETag; the connection ends at ``until``."""

    def answer(handler):
        asked, condition = handler.headers.get("Range"), handler.headers.get("If-Range")
        start = int(asked[6:-1]) if asked and condition in (None, etag) else 0
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        handler.send_header("ETag", etag)
        handler.send_header("Content-Length", str(len(content) - start))
        handler.end_headers()
        handler.wfile.write(content[start:until])
        handler.close_connection = True

    return answer


def chunked(content=CONTENT, until=None):
    """As an archive that is made while it is sent: no length, no ranges."""

    def answer(handler):
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        part = content[:until]
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(part), part) + (b"" if until else b"0\r\n\r\n"))
        handler.close_connection = True

    return answer


def status(code, **headers):
    def answer(handler):
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


@pytest.fixture
def download(tmp_path):
    """Runs a plan; gives what was transferred, what came, how long was waited, and the ranges that were asked for."""

    def run(*plan, attempts=3):
        host, waits, part = Host(*plan), [], tmp_path / "part"
        try:
            done = transfer(host.open, host.url, part, attempts, sleep=waits.append)
        finally:
            host.server.shutdown()
        return done, part.read_bytes(), waits, host.ranges

    return run


def test_a_download_that_nothing_disturbs_takes_one_request(download):
    done, content, waits, ranges = download(whole())
    assert content == CONTENT
    assert done == (len(CONTENT), 1, False)
    assert (waits, ranges) == ([], [None])


def test_a_connection_that_ends_early_is_resumed_where_it_ended(download):
    done, content, _waits, ranges = download(whole(until=300_000), whole())
    assert content == CONTENT
    assert done == (len(CONTENT), 2, True)
    assert ranges == [None, "bytes=300000-"]


def test_a_file_that_has_changed_meanwhile_is_fetched_anew(download):
    done, content, _waits, _ranges = download(whole(until=300_000), whole(CONTENT[::-1], '"two"'))
    assert content == CONTENT[::-1]
    assert not done.resumed


def test_where_there_are_no_ranges_it_begins_again(download):
    done, content, _waits, _ranges = download(chunked(until=300_000), chunked())
    assert content == CONTENT
    assert done == (len(CONTENT), 2, False)


def test_a_line_that_breaks_for_ever_gets_on_piece_by_piece(download):
    pieces = [whole(until=end) for end in range(100_000, len(CONTENT), 100_000)]
    _done, content, _waits, ranges = download(*pieces, whole(), attempts=2)
    assert content == CONTENT
    assert len(ranges) == len(pieces) + 1


@pytest.mark.parametrize("answer", [whole(until=1000), chunked(until=1000)], ids=["with a length", "chunked"])
def test_what_never_gets_further_ends(download, answer):
    with pytest.raises(TransferError, match=r"ended after 1000 .*\(\d attempts\)") as failure:
        download(answer)
    assert failure.value.reason == "network"


def test_a_busy_server_is_asked_when_it_wants_to_be(download):
    _done, content, waits, _ranges = download(status(429, Retry_After="7"), status(503), whole())
    assert content == CONTENT
    assert waits == [7.0, 2.0]


def test_a_server_that_wants_to_be_left_alone_for_an_hour_is(download):
    with pytest.raises(TransferError, match=r"429 .*asked again in 3600 s"):
        download(status(429, Retry_After="3600"), whole())


@pytest.mark.parametrize("code", [401, 403, 404, 410])
def test_a_refusal_is_not_repeated(download, code):
    with pytest.raises(TransferError, match=f"status {code}"):
        download(status(code), whole())


def test_a_signed_address_that_has_run_out_is_asked_for_again(tmp_path):
    cdn = Host(status(403), whole())
    hub = Host(status(302, Location=f"http://localhost:{cdn.server.server_port}/signed"))
    transfer(hub.open, hub.url, tmp_path / "part", 3, sleep=lambda _: None)
    assert (tmp_path / "part").read_bytes() == CONTENT
    assert len(hub.ranges) == 2


def test_a_range_that_is_none_any_more_begins_again(download):
    _done, content, _waits, ranges = download(whole(until=300_000), status(416), whole())
    assert content == CONTENT
    assert ranges[-1] is None


def test_what_an_earlier_run_left_is_not_taken_for_the_beginning(download, tmp_path):
    (tmp_path / "part").write_bytes(b"something else")
    _done, content, _waits, ranges = download(whole())
    assert content == CONTENT
    assert ranges == [None]


def test_nobody_answers(tmp_path):
    host = Host(whole())
    host.server.shutdown()
    host.server.server_close()
    with pytest.raises(TransferError, match=r"[Rr]efused.*\(2 attempts\)"):
        transfer(host.open, host.url, tmp_path / "part", 2, sleep=lambda _: None)


def test_a_full_disk_is_no_reason_to_try_again(tmp_path):
    (tmp_path / "part").symlink_to("/dev/full")
    host = Host(whole())
    with pytest.raises(TransferError, match="No space left") as failure:
        transfer(host.open, host.url, tmp_path / "part", 3)
    assert failure.value.reason == "disk"
    assert len(host.ranges) == 1


def test_retry_after_is_seconds_or_a_date():
    now = time.time()
    assert retry_after("5", now) == 5
    assert retry_after(email.utils.formatdate(now + 30, usegmt=True), now) == pytest.approx(30, abs=1)
    assert retry_after(email.utils.formatdate(now - 30, usegmt=True), now) == 0
    assert retry_after("soon", now) is None
    assert retry_after(None, now) is None
