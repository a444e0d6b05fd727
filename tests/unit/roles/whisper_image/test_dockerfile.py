"""The Dockerfile's own shell, run on source trees of each form that a release of whisper.cpp has had."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import jinja2
import pytest

TEMPLATE = Path(__file__).parents[4] / "roles" / "whisper_image" / "templates" / "Dockerfile.j2"

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


def step(pattern, tree, **variables):
    """The RUN step that holds the pattern, on a tree of the test's own in the place of the container's /."""
    environment = jinja2.Environment(undefined=jinja2.ChainableUndefined, trim_blocks=True)
    environment.filters["quote"] = str
    text = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        _whisper_image_cmake_options={}, whisper_image_plan={}, **variables
    )
    joined = text.replace("\\\n", "")
    command = next(line for line in joined.splitlines() if line.startswith("RUN ") and pattern in line)
    return re.sub(r"(?<= )/(?=unpacked|source|whisper\.cpp)", f"{tree}/", command[len("RUN ") :])


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
