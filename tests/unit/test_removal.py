"""Each role that installs something removes it again, and playbooks/remove.yml calls them in the reverse order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.whisperops.gpu.plugins.module_utils._build import build_run
from ansible_collections.whisperops.gpu.plugins.module_utils._system.installation_record import ROLES, added, parsed

ROOT = Path(__file__).parents[2]


def read(path):
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


TASKS = [task for play in read("playbooks/remove.yml") for task in play["tasks"]]


def called():
    """Entry points in the order of the playbook, each with the variables that it is given."""
    for task in TASKS:
        role = task.get("ansible.builtin.import_role")
        if role:
            yield role["name"].rpartition(".")[2], role["tasks_from"], task.get("vars", {})


def specification(role):
    return read(f"roles/{role}/meta/argument_specs.yml")["argument_specs"]


def test_each_role_that_records_an_installation_is_removed():
    assert set(ROLES) <= {role for role, entry, _variables in called() if entry == "remove"}


def test_what_depends_on_something_is_removed_before_it():
    assert [role for role, entry, _variables in called() if entry == "remove"] == [
        "whisper_gateway",
        "whisper_api",
        "whisper_proof",
        "gpu_metrics",
        "whisper_server",
        "whisper_image",
        "nvidia_container_toolkit",
        "docker_engine",
    ]


def test_each_entry_point_is_documented_and_given_what_it_needs():
    for role, entry, variables in called():
        options = specification(role)[entry].get("options", {})
        assert set(variables) == set(options) == {f"{role}_record"} & set(options), role
        assert (f"{role}_record" in options) is (role in ROLES), role


def test_nothing_is_removed_without_the_host_lock():
    assert "state" not in TASKS[0]["whisperops.gpu.host_lock"]
    assert TASKS[-1]["whisperops.gpu.host_lock"]["state"] == "released"


def places(module):
    return [index for index, task in enumerate(TASKS) if module in task]


def test_the_record_is_read_once_and_removed_after_all_that_read_it():
    read_first, *others = places("whisperops.gpu.installation_record")
    assert "whisperops.gpu.installation_record" in TASKS[read_first]
    assert all(TASKS[index]["whisperops.gpu.installation_record"]["state"] == "absent" for index in others)
    (last,) = places("whisperops.gpu.file_removal")
    assert "/etc/whisper/installed.json" in TASKS[last]["whisperops.gpu.file_removal"]["files"]
    assert max(places("ansible.builtin.import_role")) < min(others) < last


def test_the_record_of_an_engine_that_stays_is_kept():
    (task,) = [task for task in TASKS if task.get("whisperops.gpu.installation_record", {}) and "loop" in task]
    assert "difference(['docker_engine', 'whisper_image'])" in task["loop"]
    assert task["when"] == "docker_engine_kept_by | length > 0"


def test_everything_is_checked_before_anything_is_removed():
    entries = [entry for _role, entry, _variables in called()]
    checks = entries.count("remove_preflight")
    assert set(entries[:checks]) == {"remove_preflight"}
    assert set(entries[checks:]) == {"remove", "remove_rules"}
    assert ("docker_engine", "remove_preflight") in [call[:2] for call in called()]


def test_a_host_without_a_record_is_skipped_before_anything_is_done():
    first, second, _sources = read("playbooks/remove.yml")
    skip = {"ansible.builtin.meta": "end_host", "when": "not whisper_installed.roles"}
    for play in (first, second):
        before = []
        for task in play["tasks"]:
            if {key: task[key] for key in skip if key in task} == skip:
                break
            before += [key for key in task if "." in key]
        assert set(before) <= {
            "whisperops.gpu.host_lock",
            "whisperops.gpu.installation_record",
            "ansible.builtin.debug",
        }


TASK_FILES = sorted(path for folder in ("roles", "playbooks") for path in (ROOT / folder).rglob("*.yml"))
# A path that is removed on a host with whatever is in it. A name with a dot, or a variable of a file, is a file's.
DIRECTORY = re.compile(r"dirname|_dir\b|_folder\b|/(?:[^/.{}]+)$")
KNOWN_FILES = re.compile(r"/RPM-GPG-KEY-[a-z-]+$|/{{ item }}$")


def removed_paths(tasks):
    """What the module file removes on hosts, with the items of its loop."""
    for task in tasks if isinstance(tasks, list) else []:
        for part in ("block", "rescue", "always"):
            yield from removed_paths(task.get(part))
        options = task.get("ansible.builtin.file")
        if options and options.get("state") == "absent" and task.get("delegate_to") != "localhost":
            items = task.get("loop", []) if options["path"] == "{{ item }}" else [options["path"]]
            yield from items if isinstance(items, list) else [items]


def test_no_directory_is_removed_with_whatever_is_in_it():
    found = [
        (str(path.relative_to(ROOT)), removed)
        for path in TASK_FILES
        if "tasks" in path.parts or "playbooks" in path.parts
        for removed in removed_paths(yaml.safe_load(path.read_text(encoding="utf-8")))
        if DIRECTORY.search(removed) and not KNOWN_FILES.search(removed)
    ]
    assert found == []


@pytest.mark.parametrize(
    "path", ["/etc/whisper", "{{ _whisper_proof_program | dirname }}", "{{ _gpu_metrics_program_dir }}"]
)
def test_a_directory_is_seen(path):
    assert list(removed_paths([{"block": [{"ansible.builtin.file": {"path": path, "state": "absent"}}]}])) == [path]
    assert DIRECTORY.search(path)


def test_no_command_removes_what_is_below():
    recursive = re.compile(r"\brm -\w*r|-delete\b")
    assert [str(path.relative_to(ROOT)) for path in TASK_FILES if recursive.search(path.read_text("utf-8"))] == []


# What is written before it is recorded would stay on the host. The task that first writes something.
RECORDED_FIRST = [
    ("whisper_deployment", "deploy", "Install and start Docker Engine"),
    ("whisper_server", "main", "Download the models"),
    ("whisper_proof", "verify", "Create the directory for the reference audio"),
    ("whisper_proof", "timer", "Create the directories of the proof program"),
    ("gpu_metrics", "install", "Create the directories"),
    ("gpu_metrics", "rules", "Create the directories"),
    ("whisper_image", "build", "Create the build directory"),
    ("whisper_image", "receive_from_host", "Create the build directory"),
    ("whisper_gateway", "install", "Create the directories of the gateway"),
    ("whisper_gateway", "agent_apply", "Create the directory of the proof agent"),
    ("whisper_api", "install", "Create the directories of the API"),
    ("nvidia_container_toolkit", "install", "Install the toolkit with the distribution's package manager"),
]


def flat(tasks):
    for task in tasks:
        yield task
        for part in ("block", "rescue", "always"):
            yield from flat(task.get(part, []))


@pytest.mark.parametrize(("role", "entry", "writer"), RECORDED_FIRST)
def test_files_are_recorded_before_they_are_made(role, entry, writer):
    tasks = list(flat(read(f"roles/{role}/tasks/{entry}.yml")))
    (written,) = [index for index, task in enumerate(tasks) if task["name"] == writer]
    recorded = [task.get("whisperops.gpu.installation_record", {}) for task in tasks[:written]]
    assert [one for one in recorded if "files" in one or "trees" in one]


def rendered(name, role="docker_engine", **values):
    loader, variables = DataLoader(), {}
    for part in ("defaults", "vars"):
        variables.update(loader.load_from_file(str(ROOT / f"roles/{role}/{part}/main.yml"), trusted_as_template=True))
    return Templar(loader=loader, variables={**variables, **values}).template(variables[name])


def test_the_files_that_a_role_may_write_are_recorded_by_name():
    plan = {"model": "base.en", "servers": [{"gpu": None, "port": port} for port in (8080, 8081)]}
    assert rendered("_whisper_server_files", "whisper_server", whisper_server_plan=plan) == [
        "/etc/whisper/servers.json",
        "/var/lib/whisper/models/ggml-base.en.bin",
        "/var/lib/whisper/models/.ggml-base.en.bin.part",
        "/var/lib/whisper/logs/whisper-server-0.log",
        "/var/lib/whisper/logs/whisper-server-1.log",
    ]
    # Of several models each, and the one that finds speech.
    plan["servers"] = [{**server, "model": model} for server, model in zip(plan["servers"], ("base.en", "tiny"))]
    both = rendered("_whisper_server_files", "whisper_server", whisper_server_plan=plan, whisper_server_vad=True)
    for file in ("ggml-base.en.bin", "ggml-tiny.bin", "ggml-silero-v6.2.0.bin"):
        assert {f"/var/lib/whisper/models/{file}", f"/var/lib/whisper/models/.{file}.part"} < set(both)
    build = "/var/cache/whisperops/build"
    written = {f"{build}/{name}" for name in (".source.part", build_run.LOG, build_run._STATE, build_run._RESULT)}
    assert written <= set(rendered("_whisper_image_build_files", "whisper_image"))


DASHBOARDS = sorted(path.name for path in (ROOT / "roles/gpu_metrics/files/dashboards").iterdir())
RULES = ["/etc/prometheus/rules/whisperops.yml", "/etc/prometheus/targets/whisperops.yml"]


def test_all_that_is_written_for_prometheus_is_recorded():
    assert rendered("_gpu_metrics_prometheus_files", "gpu_metrics") == RULES
    values = {"gpu_metrics_targets_path": "", "gpu_metrics_dashboards_dir": "/srv/dashboards"}
    files = rendered("_gpu_metrics_prometheus_files", "gpu_metrics", **values)
    assert files == [RULES[0], *(f"/srv/dashboards/{name}" for name in DASHBOARDS)]


EXPORTER = "/usr/local/lib/whisperops/host_metrics.pyz"


@pytest.mark.parametrize(
    ("files", "removed", "directories"),
    [
        # A host that only runs Prometheus, whose dashboards were in another directory once.
        ([*RULES, "/old/fleet.json"], [*RULES, "/old/fleet.json"], ["/etc/prometheus/rules"]),
        # What belongs to exporters waits until they have been stopped.
        ([EXPORTER, *RULES], RULES, []),
        ([EXPORTER], [], []),
        ([], [], ["/etc/prometheus/rules"]),
    ],
)
def test_of_exporters_nothing_is_removed_with_the_files_of_prometheus(files, removed, directories):
    entries = {"files": files, "directories": ["/etc/prometheus/rules"]}
    record = {"gpu_metrics_record": added(parsed("", "x"), "gpu_metrics", entries)}
    assert rendered("_gpu_metrics_recorded_rules", "gpu_metrics", **record) == removed
    assert rendered("_gpu_metrics_recorded_directories", "gpu_metrics", **record) == directories


def test_without_a_recorded_file_of_prometheus_the_record_stays():
    """Without an entry, the record loses all that a role has."""
    (block,) = read("roles/gpu_metrics/tasks/remove_rules.yml")
    assert block["when"] == "_gpu_metrics_recorded_rules | length > 0"
    assert [task for task in block["block"] if "whisperops.gpu.installation_record" in task]


@pytest.mark.parametrize(
    ("groups", "variables", "hosts"),
    [
        (["whisper"], {}, "whisper"),
        (["whisper", "whisper_gateway"], {}, "whisper:whisper_gateway"),
        (["whisper", "prometheus"], {}, "whisper:prometheus"),
        (["whisper", "whisper_gateway", "prometheus"], {}, "whisper:whisper_gateway:prometheus"),
        (["lab"], {"whisper_hosts": "lab", "whisper_prometheus": "watcher"}, "lab:watcher"),
    ],
)
def test_the_removal_reaches_gateways_and_prometheus(groups, variables, hosts):
    first, _second, last = DataLoader().load_from_file(str(ROOT / "playbooks/remove.yml"), trusted_as_template=True)
    for play in (first, last):
        given = {"groups": {group: [] for group in groups}, **variables}
        assert Templar(loader=DataLoader(), variables=given).template(play["hosts"]) == hosts


@pytest.mark.parametrize(
    ("kind", "own"), [("none", False), ("host_file", False), ("provided", True), ("self_signed", True)]
)
def test_a_certificate_of_the_host_is_not_recorded_as_the_gateways(kind, own):
    values = {
        "whisper_gateway_tls": kind,
        "_whisper_gateway_tls_path": "/etc/x.pem",
        "_whisper_gateway_keys_file": "/etc/keys",
        "_whisper_gateway_refusals_file": "/etc/refuse",
    }
    files = rendered("_whisper_gateway_own_files", "whisper_gateway", **values)
    assert files == ["/etc/keys", "/etc/refuse", "/etc/whisper/gateway/loaded"] + ["/etc/x.pem"] * own


def with_entries(**entries):
    return {"docker_engine_record": added_all(parsed("", "x"), entries)}


def added_all(record, entries):
    for role, kinds in entries.items():
        record = added(record, role, kinds)
    return record


@pytest.mark.parametrize(
    ("entries", "needed"),
    [
        ({}, False),
        ({"gpu_metrics": {"files": ["/x"]}, "whisper_proof": {"files": ["/y"]}}, False),
        ({"whisper_server": {"files": ["/x"]}}, True),
        ({"whisper_image": {"images": ["x"]}}, True),
        ({"docker_engine": {"packages": ["docker.io"]}}, True),
    ],
)
def test_a_stopped_engine_is_started_only_where_something_of_ours_is_in_it(entries, needed):
    usage = {"answers": False, "installed": True}
    record = with_entries(**entries)
    assert rendered("_docker_engine_stopped", _docker_engine_before=usage, **record) is needed
    for other in ({"installed": False}, {"answers": True}):
        assert rendered("_docker_engine_stopped", _docker_engine_before={**usage, **other}, **record) is False


def test_an_engine_that_does_not_answer_ends_the_removal_before_anything_is_removed():
    tasks = read("roles/docker_engine/tasks/remove_preflight.yml")
    fails = [task for task in flat(tasks) if "ansible.builtin.fail" in task]
    assert all(task["ansible.builtin.fail"]["msg"].startswith("engine_not_running: ") for task in fails)
    assert "ansible.builtin.fail" in tasks[1]["rescue"][0]
    assert tasks[-1]["when"] == ["_docker_engine_stopped", "not _docker_engine_after.answers"]


@pytest.mark.parametrize(
    ("packages", "usage", "goes"),
    [
        (["docker.io"], {"answers": True, "others": []}, True),
        (["docker.io"], {"answers": True, "others": ["containerd namespace k8s.io"]}, False),
        (["docker.io"], {"answers": False, "others": []}, False),
        (["python3-requests"], {"answers": True, "others": []}, False),
    ],
)
def test_the_engine_goes_only_if_it_is_ours_and_nothing_of_others_is_in_it(packages, usage, goes):
    record = with_entries(docker_engine={"packages": packages})
    assert rendered("_docker_engine_goes", _docker_engine_usage=usage, **record) is goes


@pytest.mark.parametrize(("answer", "kept"), [({"rc": 0}, ["nftables"]), ({"rc": 1}, []), ({"rc": 4}, []), ({}, [])])
def test_nftables_stays_where_somebody_has_enabled_its_service(answer, kept):
    assert rendered("_docker_engine_in_use", _docker_engine_nftables=answer) == kept
    removal = next(
        task for task in read("roles/docker_engine/tasks/remove.yml") if task["name"] == "Remove the packages"
    )
    for kind in ("packages", "rpms"):
        assert removal["whisperops.gpu.package_removal"][kind].endswith("| difference(_docker_engine_in_use) }}")
