"""No request to the host's own server, gateway or exporter goes through a proxy, whatever /etc/environment names."""

from __future__ import annotations

import ast
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Iterator

import pytest
import yaml
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper import client, host_metrics, wait

ROOT = Path(__file__).resolve().parents[2]
# Modules that take a proxy from the environment.
WITH_A_PROXY = ("ansible.builtin.uri", "ansible.builtin.get_url", "ansible.builtin.unarchive")
# The one such task that asks another host: the model's.
OUTSIDE = {"Get the size of the model"}
# What these import goes through a proxy; downloads are to.
DOWNLOADS = {"plugins/modules/file_download.py", "plugins/modules/repository_key_info.py"}
PROGRAMS = sorted(path for part in ("plugins", "roles") for path in (ROOT / part).rglob("*.py"))
TASKS = sorted(
    path for part in ("roles", "playbooks") for path in (ROOT / part).rglob("*.yml") if "meta" not in path.parts
)


def tasks(document: Any) -> Iterator[dict[str, Any]]:
    for one in document if isinstance(document, list) else []:
        if isinstance(one, dict):
            yield one
            for part in ("block", "rescue", "always", "tasks", "pre_tasks", "post_tasks"):
                yield from tasks(one.get(part))


def through_a_proxy(document: Any) -> Iterator[str]:
    for task in tasks(document):
        for module in WITH_A_PROXY:
            arguments = task.get(module) or {"use_proxy": False}
            local_file = module == "ansible.builtin.unarchive" and "://" not in str(arguments)
            if arguments.get("use_proxy") is not False and not local_file:
                yield task["name"]


def imported(source: str) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def takes_a_proxy(source: str) -> list[str]:
    return sorted(
        name
        for name in imported(source)
        if name.startswith(("urllib.request", "requests", "ansible.module_utils.urls"))
    )


@pytest.mark.parametrize("path", TASKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_task_asks_the_host_itself_through_a_proxy(path):
    assert set(through_a_proxy(yaml.safe_load(path.read_text(encoding="utf-8")))) <= OUTSIDE


def test_a_task_that_takes_the_proxy_is_found():
    task = {"name": "Ask", "ansible.builtin.uri": {"url": "{{ url }}"}}
    assert list(through_a_proxy([{"name": "A block", "block": [task]}])) == ["Ask"]
    assert list(through_a_proxy([{"name": "Ask", "ansible.builtin.uri": {"url": "x", "use_proxy": False}}])) == []


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_program_but_a_download_takes_a_proxy_from_the_environment(path):
    if str(path.relative_to(ROOT)) not in DOWNLOADS:
        assert takes_a_proxy(path.read_text(encoding="utf-8")) == []


def test_a_program_that_takes_the_proxy_is_found():
    assert takes_a_proxy("import urllib.request") == ["urllib.request"]
    assert takes_a_proxy("from ansible.module_utils.urls import open_url") == ["ansible.module_utils.urls.open_url"]
    assert takes_a_proxy("import http.client") == []


@pytest.fixture
def server(monkeypatch):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self._answer(b"{}")

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(b'{"text": "a text"}')

        def _answer(self, body):
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    yield server
    server.shutdown()


def test_health_proof_and_metrics_reach_the_server_past_a_proxy_that_is_gone(server):
    url = f"http://127.0.0.1:{server.server_port}"
    assert wait.healthy(f"{url}/health")
    assert client.transcribe(f"{url}/inference", b"RIFF", 5).text == "a text"
    assert host_metrics.health("127.0.0.1", server.server_port)[0] == 1
