"""When a libcuda of the image would be found before the host's own."""

from __future__ import annotations

import fnmatch

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._image.file_tree import resolve
from ansible_collections.whisperops.gpu.plugins.module_utils._image.loader import (
    compat_problems,
    configured_directories,
)

COMPAT = "/usr/local/cuda-12.3/compat"
INCLUDE_ALL = {"/etc/ld.so.conf": "include /etc/ld.so.conf.d/*.conf\n"}
MULTIARCH = {"/etc/ld.so.conf.d/x86_64-linux-gnu.conf": "/usr/local/lib/x86_64-linux-gnu\n/usr/lib/x86_64-linux-gnu\n"}
LINKS = {
    "/usr/local/cuda": "/etc/alternatives/cuda",
    "/etc/alternatives/cuda": "/usr/local/cuda-12.3",
    "/lib": "usr/lib",
}


def codes(libraries: list, library_path: str = "", **configuration: str) -> list:
    files = {**INCLUDE_ALL, **MULTIARCH}
    files.update({f"/etc/ld.so.conf.d/{name}.conf": text for name, text in configuration.items()})
    found = compat_problems(libraries, library_path, files, lambda path: resolve(path, LINKS.get))
    return [problem.code for problem in found]


@pytest.mark.parametrize(
    "library_path", [COMPAT, "/usr/local/cuda/compat:/usr/local/lib", "/opt/lib:/usr/local/cuda-12.3/lib64/../compat/"]
)
def test_library_path_that_leads_to_the_compat_directory(library_path: str) -> None:
    assert codes([f"{COMPAT}/libcuda.so.1"], library_path) == ["compat_library_shadows_driver"]


def test_compat_directory_that_nothing_points_to_does_no_harm() -> None:
    assert codes([f"{COMPAT}/libcuda.so.1"], "/usr/local/nvidia/lib:/usr/local/nvidia/lib64") == []


def test_library_path_to_a_compat_directory_that_the_image_does_not_have() -> None:
    assert codes([], COMPAT) == []


def test_driver_directory_before_the_compat_directory() -> None:
    assert codes([f"{COMPAT}/libcuda.so.1"], f"/lib/x86_64-linux-gnu:{COMPAT}") == []


def test_loader_configuration_that_sorts_before_the_distributions_own() -> None:
    found = codes([f"{COMPAT}/libcuda.so.545.23.06"], **{"000_cuda_compat": "/usr/local/cuda/compat\n"})
    assert found == ["compat_library_shadows_driver"]


def test_loader_configuration_that_sorts_after_the_distributions_own() -> None:
    assert codes([f"{COMPAT}/libcuda.so.1"], zz_cuda_compat=COMPAT) == []


def test_where_no_file_names_the_driver_directory_it_comes_last() -> None:
    """As on Red Hat's images: /usr/lib64 is built into the loader."""
    files = {**INCLUDE_ALL, "/etc/ld.so.conf.d/cuda.conf": COMPAT}
    found = compat_problems([f"{COMPAT}/libcuda.so.1"], "", files, lambda path: path)
    assert [problem.code for problem in found] == ["compat_library_shadows_driver"]
    assert "/etc/ld.so.conf.d/cuda.conf" in found[0].remedy


def test_a_libcuda_for_the_linker_alone_hides_nothing() -> None:
    assert codes(["/usr/local/cuda-12.3/lib64/stubs/libcuda.so"], "/usr/local/cuda-12.3/lib64/stubs") == []


def test_a_driver_library_baked_in_where_the_hosts_is_mounted() -> None:
    assert codes(["/lib/x86_64-linux-gnu/libcuda.so.550.54.14"]) == ["driver_library_in_image"]


def test_configuration_is_read_in_the_order_of_its_includes() -> None:
    files = {
        "/etc/ld.so.conf": "/first # of all\ninclude ld.so.conf.d/*.conf\n/last\nhwcap 1 nosegneg\n",
        "/etc/ld.so.conf.d/b.conf": "/b\n",
        "/etc/ld.so.conf.d/a.conf": "/a1\n/a2=libc6\n",
    }
    order = [place.directory for place in configured_directories(files)]
    assert order == ["/first", "/a1", "/a2", "/b", "/last"]


def test_configuration_that_includes_itself_ends() -> None:
    found = configured_directories({"/etc/ld.so.conf": "include /etc/ld.so.conf\n/lib\n"})
    assert [place.directory for place in found] == ["/lib"]


@pytest.mark.parametrize(
    "files",
    [
        {"/etc/ld.so.conf": "include ld.so.conf\n" * 3449 + "/lib\n"},
        {
            "/etc/ld.so.conf": "include ld.so.conf ld.so.conf.d/*.conf\n" * 40,
            "/etc/ld.so.conf.d/a.conf": "include *\n/lib\n",
        },
        # One file after the other, deeper than Python's stack.
        {
            "/etc/ld.so.conf": "include ld.so.conf.d/0.conf\n",
            **{f"/etc/ld.so.conf.d/{one}.conf": f"include {one + 1}.conf\n" for one in range(300)},
            "/etc/ld.so.conf.d/300.conf": "/lib\n",
        },
        {"/etc/ld.so.conf": f"include {'*a' * 120}b.conf {'*' * 255} *.conf\n", f"/etc/{'a' * 240}.conf": "/lib\n"},
    ],
    ids=["itself", "each other", "a chain", "stars"],
)
def test_each_file_is_read_once(files: dict) -> None:
    found = configured_directories(files)
    assert [place.directory for place in found] == ["/lib"]


@pytest.mark.parametrize("line", ["/opt/lib\n", "include ld.so.conf.d/*.conf\n"])
def test_more_than_any_configuration_holds_is_told_and_not_read(line: str) -> None:
    files = {"/etc/ld.so.conf": line * 201_000, **{f"/etc/ld.so.conf.d/{one}.conf": "/a\n" for one in range(300)}}
    found = compat_problems([f"{COMPAT}/libcuda.so.1"], "", files, lambda path: path)
    assert [problem.code for problem in found] == ["inspection_limit"]


@pytest.mark.parametrize(
    "pattern", ["*.conf", "a?c.conf", "[ab]*.conf", "[!x]*", "abc.con[f]", "*c*", "abc.conf", "a[", "]", "*]*"]
)
@pytest.mark.parametrize("name", ["abc.conf", "b.conf", "x.conf", "a[", "]", "c]c", "abc.con"])
def test_a_pattern_means_what_it_means_to_the_shell(pattern: str, name: str) -> None:
    files = {"/etc/ld.so.conf": f"include d/{pattern}\n", f"/etc/d/{name}": "/lib\n"}
    assert bool(configured_directories(files)) == fnmatch.fnmatchcase(name, pattern)


def test_a_star_does_not_go_across_directories() -> None:
    assert configured_directories({"/etc/ld.so.conf": "include *.conf\n", "/etc/d/a.conf": "/lib\n"}) == []


@pytest.mark.parametrize("library_path", ["/a" * 500_000, "/a:" * 500_000, ":".join(["/" + "x" * 5000] * 99)])
def test_a_library_path_without_end_ends(library_path: str) -> None:
    assert codes([f"{COMPAT}/libcuda.so.1"], library_path) == []


def test_symbolic_links_in_a_circle_end() -> None:
    assert resolve("/a/x", {"/a": "/b", "/b": "/a"}.get) in ("/a/x", "/b/x")


def test_a_link_never_leads_out_of_the_tree() -> None:
    assert resolve("/opt/x", {"/opt": "../../../etc"}.get) == "/etc/x"


def test_a_path_longer_than_linux_takes_is_followed_nowhere() -> None:
    path = "/lib" + "/x" * 3000
    assert resolve(path, LINKS.get) == path
    assert resolve("/lib/x", LINKS.get) == "/usr/lib/x"
    assert resolve("/a/x", {"/a": "/b" * 3000}.get) == "/a/x"
