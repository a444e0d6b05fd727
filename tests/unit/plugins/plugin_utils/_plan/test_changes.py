"""The list of changes: empty where nothing differs, and each difference with its role and its reason."""

from __future__ import annotations

import copy
import json

import pytest

pytest.importorskip("ansible", reason="the control node has Ansible")

from ansible.errors import AnsibleFilterError
from ansible_collections.whisperops.gpu.plugins.filter.deployment_changes import deployment_changes
from ansible_collections.whisperops.gpu.plugins.module_utils._host import firewall
from ansible_collections.whisperops.gpu.plugins.module_utils._host.deployment import PLAN as RECORDED
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan import inputs
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.change import line
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.changes import PLAN_PARTS, roles_to_apply
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.model_files import model_files
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.policy import PlanInputError

from .deployments import BARE, CPU_PLAN, DEPLOYED, IMAGE, LIMITS, PLAN, TOOLKIT, changes, deployed, told, wanted


def with_difference(**differences):
    host = deployed()
    for part, difference in differences.items():
        host[part] = {**host[part], **difference} if isinstance(difference, dict) else difference
    return host


def test_a_host_as_the_last_run_has_left_it_has_none():
    assert changes(deployed()) == []


def test_a_bare_host_gets_everything_in_the_order_of_the_roles():
    assert told(changes(BARE)) == [
        "docker_engine: install Docker Engine",
        "docker_engine: install python3-requests",
        "docker_engine: install nftables",
        *[f"nvidia_container_toolkit: install {name}" for name in TOOLKIT],
        "whisper_image: pull the official image",
        "whisper_server: configure the firewall of the servers",
        "whisper_server: download the model",
        "whisper_server: create whisper-server-0",
        "whisper_proof: check role whisper_proof",
    ]


def test_a_host_without_a_gpu_hears_nothing_of_the_toolkit():
    assert not [one for one in told(changes(BARE, CPU_PLAN)) if "nvidia" in one]


def test_a_host_that_somebody_uses_is_checked_where_only_the_roles_can_tell():
    host = {**copy.deepcopy(DEPLOYED), "applied": None}
    assert set(told(changes(host))) == {f"{role}: check role {role}" for role in inputs.ROLES}


def test_another_port_replaces_the_server_and_says_so():
    plan = {**PLAN, "servers": [{"gpu": PLAN["gpus"][0], "port": 9090}]}
    (change,) = changes(deployed(), plan)
    assert (change.role, change.action, change.what) == ("whisper_server", "replace", "whisper-server-0")
    assert change.interrupts == ("whisper-server-0",)
    assert (change.before, change.after) == ("port 8080 on GPU-3f0f4e5c", "port 9090 on GPU-3f0f4e5c")


def test_a_variable_that_the_server_runs_by_replaces_it():
    (change,) = changes(deployed(), whisper_server_listen_address="0.0.0.0")
    assert (change.action, change.what, change.after) == ("replace", "whisper-server-0", "0.0.0.0")
    assert change.why == "whisper_server_listen_address"


def test_several_variables_replace_a_server_once_and_are_all_named():
    (change,) = changes(
        deployed(whisper_server_beam_size=5, whisper_server_language="de"),
        whisper_server_beam_size=8,
        whisper_server_prompt="Docker, NVIDIA",
    )
    assert (change.action, change.what, change.interrupts) == ("replace", "whisper-server-0", ("whisper-server-0",))
    assert (change.before, change.after) == (None, None)
    assert change.why == (
        "whisper_server_beam_size: 5 -> 8, whisper_server_language: de -> unset, "
        "whisper_server_prompt: unset -> Docker, NVIDIA"
    )


def test_voice_activity_detection_downloads_a_model_and_replaces_the_server():
    found = changes(deployed(), whisper_server_vad=True)
    assert told(found) == [
        "whisper_server: download the model for voice activity detection",
        "whisper_server: replace whisper-server-0",
    ]
    assert (found[0].after, found[0].interrupts) == ("ggml-silero-v6.2.0.bin", ())
    assert (found[1].after, found[1].why) == ("true", "whisper_server_vad")


def test_a_model_for_voice_activity_detection_that_has_changed_is_checked():
    host = copy.deepcopy(DEPLOYED)
    host["models"]["ggml-silero-v6.2.0.bin"] = "885098 bytes of 1"
    host = deployed(host=host, whisper_server_vad=True)
    assert changes(host, whisper_server_vad=True) == []
    host["models"] = {**host["models"], "ggml-silero-v6.2.0.bin": "12 bytes of 2"}
    (change,) = changes(host, whisper_server_vad=True)
    assert (change.role, change.action, change.what) == ("whisper_server", "check", "ggml-silero-v6.2.0.bin")


def test_a_variable_that_it_does_not_run_by_leaves_it_alone():
    (change,) = changes(deployed(), whisper_server_ready_seconds=300)
    assert (change.action, change.interrupts) == ("check", ())


def test_a_variable_that_is_no_longer_set_is_a_difference_too():
    (change,) = changes(deployed(whisper_server_language="de"))
    assert (change.before, change.after) == ("de", None)


@pytest.mark.parametrize(
    ("before", "why"), [(None, "it was created without limits"), ("memory: 512 MiB", "its limits are others")]
)
@pytest.mark.parametrize("state", ["running", "exited"])
def test_a_server_with_other_limits_is_replaced_and_says_so(before, why, state):
    """As the servers of a host are that was deployed before there were limits."""
    host = deployed()
    host["servers"][0].update(limits=before, state=state)
    (change, *others) = [one for one in changes(host) if one.role == "whisper_server" and one.action != "check"]
    assert (change.action, change.what, change.before, change.after) == ("replace", "whisper-server-0", before, LIMITS)
    assert (change.why, change.interrupts, others) == (why, ("whisper-server-0",), [])


def test_nothing_is_said_of_limits_where_no_engine_answers():
    host = deployed()
    host["servers"][0]["limits"] = None
    host["engine"]["limits"] = None
    assert [one.action for one in changes(host)] == []


def test_a_limit_by_which_no_server_starts_ends_the_run_before_anything_is_done():
    with pytest.raises(PlanInputError, match=r"^server_limit_invalid: whisper_server_pids_limit is 3,"):
        changes(deployed(), whisper_server_pids_limit=3)


@pytest.mark.parametrize(
    ("given", "variable"),
    [({"whisper_server_beam_size": 9}, "beam_size"), ({"whisper_server_language": "xx"}, "language")],
)
def test_an_option_that_no_server_can_have_ends_the_run_before_anything_is_done(given, variable):
    with pytest.raises(PlanInputError, match=f"^server_option_invalid: whisper_server_{variable} is "):
        changes(deployed(), **given)


def test_a_newer_toolkit_is_an_upgrade_of_each_of_its_packages():
    host = deployed()
    found = changes(host, nvidia_container_toolkit_version="1.21.0")
    upgrades = [change for change in found if change.action == "upgrade"]
    assert [change.what for change in upgrades] == list(TOOLKIT)
    assert {(change.before, change.after) for change in upgrades} == {("1.20.1", "1.21.0")}


@pytest.mark.parametrize(
    ("differences", "expected"),
    [
        ({"servers": []}, "whisper_server: create whisper-server-0"),
        (
            {"servers": [{**DEPLOYED["servers"][0], "state": "exited"}]},
            "whisper_server: start whisper-server-0",
        ),
        (
            {"servers": [*DEPLOYED["servers"], {**DEPLOYED["servers"][0], "name": "whisper-server-1"}]},
            "whisper_server: remove whisper-server-1",
        ),
        (
            {"servers": [{**DEPLOYED["servers"][0], "name": "whisper-server-0-previous"}]},
            "whisper_server: replace whisper-server-0",
        ),
        ({"servers": [{**DEPLOYED["servers"][0], "id": "e" * 64}]}, "whisper_server: check whisper-server-0"),
        ({"images": {IMAGE: "sha256:2"}}, f"whisper_image: check {IMAGE}"),
        ({"models": {"ggml-base.en.bin": "147964211 bytes of 2"}}, "whisper_server: check ggml-base.en.bin"),
        ({"engine": {"installed": True, "version": "27.0"}}, "docker_engine: check Docker Engine"),
        ({"engine": {"installed": True, "version": None}}, "docker_engine: start Docker Engine"),
        ({"files": {"/etc/docker/daemon.json": "sha256:e"}}, "nvidia_container_toolkit: check /etc/docker/daemon.json"),
        ({"files": {"/etc/whisper/plan.json": "sha256:q"}}, "whisper_server: check /etc/whisper/plan.json"),
        ({"files": {"/etc/whisper/servers.json": "sha256:t"}}, "whisper_server: check /etc/whisper/servers.json"),
        (
            {"speech": {"/var/lib/whisper/speech/jfk.wav": "sha256:k"}},
            "whisper_proof: check /var/lib/whisper/speech/jfk.wav",
        ),
        (
            {"files": {"/etc/systemd/system/whisper-firewall.service": "sha256:w"}},
            "whisper_server: check /etc/systemd/system/whisper-firewall.service",
        ),
        (
            {"files": {"/etc/systemd/system/nftables.service.d/whisperops.conf": "sha256:n"}},
            "whisper_server: check /etc/systemd/system/nftables.service.d/whisperops.conf",
        ),
        ({"files": {firewall.RULES: "sha256:e"}}, "whisper_server: configure the firewall of the servers"),
        ({"firewall": "missing"}, "whisper_server: start whisper-firewall.service"),
        ({"firewall": "sha256:e"}, "whisper_server: check table inet whisperops"),
        ({"units": {firewall.UNIT: "failed"}}, "whisper_server: check whisper-firewall.service"),
        ({"units": {"docker.service": "failed"}}, "docker_engine: check docker.service"),
        ({"units": {"whisper-activator.service": "failed"}}, "whisper_server: check whisper-activator.service"),
        ({"units": {"whisper-proof.timer": "active"}}, "whisper_proof: remove whisper-proof.timer"),
        (
            {"packages": {TOOLKIT[0]: {"version": "1.20.1-1", "held": True}}},
            f"nvidia_container_toolkit: check {TOOLKIT[0]}",
        ),
        ({"selinux": "enforcing"}, "whisper_server: check SELinux"),
        (
            {"gpu": {"driver": {"version": "580.1"}}},
            "nvidia_container_toolkit: check the GPUs and their driver",
        ),
    ],
)
def test_what_has_changed_on_the_host_is_in_the_list(differences, expected):
    assert expected in told(changes(with_difference(**differences)))


def test_a_server_that_nobody_uses_is_as_it_was():
    assert changes(with_difference(servers=[{**DEPLOYED["servers"][0], "state": "unloaded"}])) == []


def test_other_sources_change_the_firewall_and_no_server():
    found = changes(deployed(), whisper_server_sources=["192.0.2.10"])
    assert told(found) == [
        "whisper_server: configure the firewall of the servers",
        "whisper_server: check whisper_server_sources",
    ]
    assert [change.interrupts for change in found] == [(), ()]
    assert (
        line(found[0].to_dict()) == "~ configure the firewall of the servers: 192.0.2.10"
        " (the ports, the listen address or the sources differ)"
    )
    assert changes(deployed(whisper_server_sources=["192.0.2.10"]), whisper_server_sources=["192.0.2.10"]) == []


def test_a_firewall_that_cannot_be_seen_is_no_difference():
    assert changes(with_difference(firewall=None)) == []


def test_a_source_that_is_no_address_is_refused_before_a_host_is_changed():
    given = {**wanted(whisper_server_sources=["gateway"])}
    with pytest.raises(AnsibleFilterError, match="server_source_invalid: "):
        deployment_changes(BARE, PLAN, given)


def test_a_model_that_is_gone_is_downloaded():
    host = deployed()
    host["models"] = {}
    assert told(changes(host)) == ["whisper_server: download the model"]


def test_containers_of_others_are_not_removed():
    other = {**DEPLOYED["servers"][0], "name": "whisper-server-of-theirs"}
    assert "whisper_server: remove whisper-server-of-theirs" not in told(
        changes(with_difference(servers=[*DEPLOYED["servers"], other]))
    )


def test_a_local_image_that_is_gone_is_built_again():
    plan = {**PLAN, "origin": "local", "image": "whisperops/whisper.cpp:cuda-sm61"}
    facts = {"image_reference": "whisperops/whisper.cpp:cuda-sm61-1.9.5-0123456789ab"}
    host = {**DEPLOYED, "images": {facts["image_reference"]: "sha256:1"}}
    assert changes(deployed(plan, host, facts), plan) == []
    gone = deployed(plan, host, facts)
    gone["images"] = {}
    assert told(changes(gone, plan)) == ["whisper_image: build a local image"]


def test_another_version_of_the_collection_runs_every_role_of_the_host_again():
    host = deployed()
    host["applied"]["collection"] = "of last year"
    assert told(changes(host)) == [f"{role}: check role {role}" for role in inputs.ROLES]


def test_a_record_of_no_known_form_is_none():
    for record in ({}, {"format": 0}, {**deployed()["applied"], "state": "all well"}, ["format"]):
        assert told(changes({**DEPLOYED, "applied": record})) == [f"{role}: check role {role}" for role in inputs.ROLES]


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        ("options", "whisper_server_language", "de"),
        ("plan", "servers", ["8080"]),
        ("plan", "servers", 8080),
        ("state", "packages", {"docker.io": "26.1.5"}),
        ("state", "packages", ["docker.io"]),
        ("state", "servers", "none"),
        ("state", "servers", {"whisper-server-0": "running"}),
    ],
)
def test_a_record_with_an_odd_part_is_none(part, key, value):
    host = deployed()
    host["applied"][part][key] = value
    assert told(changes(host)) == [f"{role}: check role {role}" for role in inputs.ROLES]


@pytest.mark.parametrize("part", ["files", "speech", "units", "models", "images", "engine"])
def test_a_part_of_the_record_that_is_no_mapping_costs_a_check_and_no_crash(part):
    host = deployed()
    host["applied"]["state"][part] = "lost"
    assert "check" in {change.action for change in changes(host)}


def test_an_older_toolkit_is_called_a_downgrade():
    host = deployed()
    found = changes(host, nvidia_container_toolkit_version="1.9.0", nvidia_container_toolkit_allow_downgrade=True)
    assert {change.action for change in found if change.what in TOOLKIT} == {"downgrade"}


def test_of_the_images_on_a_host_only_the_one_that_serves_is_recorded():
    host = {**DEPLOYED, "images": {**DEPLOYED["images"], **{f"theirs:{number}": "sha256:9" for number in range(9999)}}}
    assert deployed(host=host)["applied"]["state"]["images"] == DEPLOYED["images"]


def test_the_operator_s_own_audio_is_compared_by_its_content(tmp_path):
    audio = tmp_path / "own.wav"
    seen = []
    for content in (b"one", b"two"):
        audio.write_bytes(content)
        seen.append(inputs.inputs({"whisper_proof_audio": str(audio)}, str(audio))["options"]["whisper_proof_audio"])
    assert seen[0] != seen[1]


def test_a_readme_is_no_part_of_what_is_applied(tmp_path):
    (tmp_path / "roles").mkdir()
    (tmp_path / "roles" / "main.yml").write_text("a", encoding="utf-8")
    before = inputs.fingerprint(tmp_path)
    inputs.fingerprint.cache_clear()
    (tmp_path / "roles" / "README.md").write_text("b", encoding="utf-8")
    assert inputs.fingerprint(tmp_path) == before
    inputs.fingerprint.cache_clear()
    (tmp_path / "roles" / "main.yml").write_text("c", encoding="utf-8")
    assert inputs.fingerprint(tmp_path) != before
    inputs.fingerprint.cache_clear()


def test_a_host_with_more_cores_starts_its_servers_anew_unless_their_threads_are_set():
    before, after = ({**PLAN, "threads": threads} for threads in (4, 8))
    (found,) = changes(deployed(before), after)
    assert (found.action, found.what, found.before, found.after) == ("replace", "whisper-server-0", "4", "8")
    given = {"whisper_server_threads": 6}
    assert changes(deployed(before, **given), after, **given) == []


def test_the_parts_of_a_plan_that_are_compared_are_those_that_are_recorded():
    assert set(PLAN_PARTS) == set(RECORDED)


def test_a_password_is_in_no_line_and_in_no_record():
    proxy = {"http": "http://me:geheim@proxy.example.net:3128"}
    host = deployed(whisper_proxy={"http": "http://proxy.example.net:3128"})
    found = changes(host, whisper_proxy=proxy)
    assert found
    assert "geheim" not in " ".join(line(change.to_dict()) for change in found)
    assert "geheim" not in repr(deployed(whisper_proxy=proxy)["applied"])


def test_a_line_reads_like_a_planner_s():
    (change,) = changes(deployed(), whisper_server_listen_address="0.0.0.0")
    assert line(change.to_dict()) == (
        "± replace whisper-server-0: 0.0.0.0 (whisper_server_listen_address, interrupts whisper-server-0"
        " until its model is loaded, at most 120 s)"
    )


def test_the_time_that_a_server_may_not_answer_is_what_the_operator_has_set():
    found = changes(
        deployed(whisper_server_ready_seconds=900),
        whisper_server_ready_seconds="900",
        whisper_server_listen_address="0.0.0.0",
    )
    assert [(change.action, change.seconds) for change in found] == [("replace", 900)]


def test_a_server_that_is_removed_does_not_come_back():
    surplus = {**DEPLOYED["servers"][0], "name": "whisper-server-1"}
    found = changes(with_difference(servers=[*DEPLOYED["servers"], surplus]))
    (removed,) = [change for change in found if change.action == "remove"]
    assert (removed.interrupts, removed.seconds) == (("whisper-server-1",), None)
    assert line(removed.to_dict()).endswith("interrupts whisper-server-1 for good)")


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        ([], []),
        (["whisper_proof"], ["whisper_proof"]),
        (["whisper_server"], ["whisper_server", "whisper_proof"]),
        (["whisper_image"], list(inputs.ROLES)),
        (["docker_engine", "whisper_proof"], list(inputs.ROLES)),
    ],
)
def test_what_stands_on_a_change_is_applied_too(roles, expected):
    assert roles_to_apply([{"role": role} for role in roles]) == expected


def test_every_variable_of_the_roles_belongs_to_one_of_them():
    for name in inputs.names():
        assert name == inputs.PROXY or name.startswith(inputs.role_of(name) + "_")


@pytest.mark.parametrize("name", sorted(inputs.DOWNLOADS))
def test_the_record_of_a_downloads_url_has_no_credentials_and_changes_with_the_rest(name):
    def kept(url):
        return inputs.inputs({name: url})["options"][name]

    before = kept("https://user:secret@example.net/a?sig=secret")
    assert "secret" not in json.dumps(before)
    assert kept("https://another:password@example.net/a?sig=renewed") == before
    assert kept("https://user:secret@example.net/b?sig=secret")["digest"] != before["digest"]
    assert name in inputs.names()


def test_another_password_of_a_proxy_is_a_change_that_is_not_shown():
    first, second = (
        inputs.inputs({inputs.PROXY: {"http": f"http://user:{word}@proxy:3128"}})["options"][inputs.PROXY]
        for word in ("secret", "another")
    )
    assert first["digest"] != second["digest"]
    assert first["shown"] == second["shown"]


def files_of(options):
    return [one.file for one in model_files({"model": "base.en"}, options)]


def test_the_plan_looks_for_the_file_that_the_role_downloads():
    own = {"whisper_server_model_url": "https://example.net/ggml-mine.bin?sig=a/b"}
    assert files_of({}) == ["ggml-base.en.bin"]
    assert files_of({**own, "whisper_server_model_checksum": f"sha256:{'0' * 64}"}) == ["ggml-mine.bin"]


@pytest.mark.parametrize(
    ("model", "url", "code"),
    [
        ("ggml-mine.bin", "", "model_unknown: "),
        ("base.en", "https://example.net/ggml-mine.bin", "model_without_checksum: "),
    ],
)
def test_a_model_that_cannot_be_downloaded_is_refused_with_the_plan(model, url, code):
    given = {"whisper_server_model_url": url}
    with pytest.raises(AnsibleFilterError, match=code):
        deployment_changes(deployed(), {**PLAN, "model": model}, wanted(**given))


@pytest.mark.parametrize("switch", [True, "true"])
def test_the_model_for_voice_activity_detection_is_looked_for_where_it_is_wanted(switch):
    options = {"whisper_server_vad": switch, "whisper_server_vad_model": "silero-v5.1.2"}
    assert files_of(options) == ["ggml-base.en.bin", "ggml-silero-v5.1.2.bin"]
    assert files_of({**options, "whisper_server_vad": False}) == ["ggml-base.en.bin"]
