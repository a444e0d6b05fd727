"""The Dockerfile's own shell, run on source trees of each form that a release of whisper.cpp has had."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import jinja2
import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

ROLE = Path(__file__).parents[4] / "roles" / "whisper_image"
TEMPLATE = ROLE / "templates" / "Dockerfile.j2"

# The lines of the releases' own CMakeLists.txt that state the version.
UP_TO_1_9_2 = """cmake_minimum_required(VERSION 3.5)
project("whisper.cpp" C CXX)
project("whisper.cpp" VERSION 1.9.1)
"""
SINCE_1_9_3 = """cmake_minimum_required(VERSION 3.18)
project("whisper.cpp" C CXX)
set(WHISPER_VERSION_MAJOR 1)
set(WHISPER_VERSION_MINOR 9)
set(WHISPER_VERSION_PATCH 5)
set(WHISPER_VERSION_BASE "${WHISPER_VERSION_MAJOR}.${WHISPER_VERSION_MINOR}.${WHISPER_VERSION_PATCH}")
"""
UNKNOWN = 'cmake_minimum_required(VERSION 4.0)\nfile(READ VERSION version)\nproject("whisper.cpp" C CXX)\n'


def rendered(**variables):
    environment = jinja2.Environment(undefined=jinja2.ChainableUndefined, trim_blocks=True)
    environment.filters["quote"] = str
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        _whisper_image_cmake_options={}, whisper_image_plan={}, **variables
    )


def step(pattern, tree, **variables):
    """The RUN step that holds the pattern, on a tree of the test's own in the place of the container's /."""
    joined = rendered(**variables).replace("\\\n", "")
    command = next(line for line in joined.splitlines() if line.startswith("RUN ") and pattern in line)
    command = re.sub(r"^RUN (--mount=\S+ +)*", "", command)
    return re.sub(r"(?<= )/(?=unpacked|source|whisper\.cpp|run/|tmp/)|(?<=>)/(?=tmp/)", f"{tree}/", command)


def check_version(tmp_path, source, version):
    (tmp_path / "whisper.cpp").mkdir()
    (tmp_path / "whisper.cpp" / "CMakeLists.txt").write_text(source, encoding="utf-8")
    command = step("version_mismatch", tmp_path, whisper_image_version=version)
    return subprocess.run(["sh", "-c", command], check=False, capture_output=True, text=True)


@pytest.mark.parametrize(("source", "version"), [(UP_TO_1_9_2, "1.9.1"), (SINCE_1_9_3, "1.9.5")])
def test_a_source_of_the_right_version_passes(tmp_path, source, version):
    assert check_version(tmp_path, source, version).returncode == 0


@pytest.mark.parametrize(("source", "found"), [(UP_TO_1_9_2, "1.9.1"), (SINCE_1_9_3, "1.9.5")])
def test_another_version_is_refused_and_named(tmp_path, source, found):
    result = check_version(tmp_path, source, "1.9.4")
    assert result.returncode == 1
    assert result.stdout == (
        f"WHISPEROPS version_mismatch: the source is whisper.cpp {found}, whisper_image_version is 1.9.4\n"
    )


def test_a_form_of_the_future_passes(tmp_path):
    assert check_version(tmp_path, UNKNOWN, "2.0.0").returncode == 0


def test_the_source_is_found_beside_other_trees(tmp_path):
    for place in ("whisper.cpp-1.9.5/include", "whisper.cpp-1.9.5/bindings/ruby/ext/include"):
        (tmp_path / "archive" / place).mkdir(parents=True)
        (tmp_path / "archive" / place / "whisper.h").touch()
    subprocess.run(["tar", "-cf", tmp_path / "source", "-C", tmp_path / "archive", "."], check=True)
    subprocess.run(["sh", "-c", step("source_invalid", tmp_path)], check=True)
    assert (tmp_path / "whisper.cpp" / "include" / "whisper.h").exists()
    assert (tmp_path / "whisper.cpp" / "bindings").is_dir()


def fetch(tmp_path, url, commit):
    """The step that fetches the source, with the URL as its secret."""
    for place in ("run/secrets", "tmp"):
        (tmp_path / place).mkdir(parents=True)
    (tmp_path / "run" / "secrets" / "whisper_source_git").write_text(url, encoding="utf-8")
    variables = {"whisper_image_source_git": url, "whisper_image_source_commit": commit}
    command = step("git fetch", tmp_path, **variables)
    assert "secret" not in rendered(**variables).replace("/run/secrets", "").replace("type=secret", "")
    return subprocess.run(["sh", "-c", command], check=False, capture_output=True, text=True)


def test_the_source_is_fetched_by_a_url_that_no_step_names_and_no_layer_keeps(tmp_path):
    repository = tmp_path / "secret.git"
    git = ["git", "-C", str(repository), "-c", "user.name=a", "-c", "user.email=a@example.net"]
    subprocess.run(["git", "init", "--quiet", str(repository)], check=True)
    subprocess.run([*git, "config", "uploadpack.allowAnySHA1InWant", "true"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "--message", "a source"], check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    result = fetch(tmp_path, f"file://{repository}", commit)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert list((tmp_path / "whisper.cpp").iterdir()) == []
    assert list((tmp_path / "tmp").iterdir()) == []


def test_what_git_says_of_a_url_is_shown_without_the_url(tmp_path):
    result = fetch(tmp_path, "https://user:secret@127.0.0.1:1/w.git?sig=secret", "0" * 40)
    assert result.returncode == 1
    assert "secret" not in result.stdout + result.stderr
    assert result.stdout.startswith("fatal: unable to access whisper_image_source_git ")
    assert result.stdout.endswith("WHISPEROPS source_unreachable: git could not fetch the commit\n")


@pytest.mark.parametrize("option", ["whisper_image_source_git", "whisper_image_source_url"])
def test_neither_label_nor_message_has_the_credentials_of_the_source(option):
    loader = DataLoader()
    variables = loader.load_from_file(str(ROLE / "vars" / "main.yml"), trusted_as_template=True)
    variables.update(loader.load_from_file(str(ROLE / "defaults" / "main.yml"), trusted_as_template=True))
    variables[option] = "https://user:secret@example.net/whisper?sig=secret"
    templar = Templar(loader=loader, variables={**variables, "inventory_hostname": "gpu-1"})
    shown = templar.template(variables["_whisper_image_source_shown"])
    assert shown == "https://********@example.net/whisper?********"
    assert "secret" not in templar.template(variables["_whisper_image_source"])
    assert "secret" not in templar.template(variables["_whisper_image_attempt"]["source_url"])
    text = rendered(**{name: templar.template(variables[name]) for name in (option, "_whisper_image_source_shown")})
    assert f'image.source="{shown}"' in text
    assert "user:secret" not in text
