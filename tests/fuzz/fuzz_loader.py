"""Coverage-guided fuzzing of what decides which libcuda an image's loader finds: any text gets an answer, soon.

Run it with `make fuzz`. One input is LD_LIBRARY_PATH, a symbolic link of the image as FROM=TO, the loader's
configuration and what it may include, each behind its name and a line end, with SEPARATOR between all of them.
"""

from __future__ import annotations

import json
from typing import Iterator

import atheris
from campaign import MODULE_UTILS, fuzz

with atheris.instrument_imports(include=[f"{MODULE_UTILS}._image"]):
    from ansible_collections.whisperops.gpu.plugins.module_utils._image import loader
    from ansible_collections.whisperops.gpu.plugins.module_utils._image.budget import Budget
    from ansible_collections.whisperops.gpu.plugins.module_utils._image.file_tree import resolve

SEPARATOR = b"\x1e"
COMPAT = "/usr/local/cuda-12.4/compat"
CODES = {"compat_library_shadows_driver", "driver_library_in_image", "inspection_limit"}


def one_input(content: bytes) -> None:
    library_path, link, *parts = [*content.decode("utf-8", "surrogateescape").split(SEPARATOR.decode()), ""]
    source, _equals, target = link.partition("=")
    named = [part.partition("\n") for part in parts]
    files = {name: text for name, _end, text in named if loader.is_configuration(name)}

    def follow(path: str) -> str:
        return resolve(path, {source: target}.get)

    places = loader.configured_directories(files, Budget(steps=10**9))
    assert len(places) <= sum(len(text.splitlines()) for text in files.values()), "a file was read more than once"
    problems = loader.compat_problems([f"{COMPAT}/libcuda.so.1", f"{source}/libcuda.so.1"], library_path, files, follow)
    assert {problem.code for problem in problems} <= CODES
    json.dumps([problem.as_dict() for problem in problems], ensure_ascii=False).encode("utf-8")


def seeds() -> Iterator[bytes]:
    main = b"/etc/ld.so.conf\n"
    links = b"/usr/local/cuda=/usr/local/cuda-12.4"
    every = main + b"include /etc/ld.so.conf.d/*.conf\n"
    compat = b"/etc/ld.so.conf.d/000_cuda.conf\n/usr/local/cuda/compat\n"
    usual = b"/etc/ld.so.conf.d/x86_64-linux-gnu.conf\n/usr/local/lib/x86_64-linux-gnu\n/usr/lib/x86_64-linux-gnu\n"
    yield SEPARATOR.join([b"/usr/local/cuda/compat:/usr/local/nvidia/lib", links, every, usual])
    yield SEPARATOR.join([b"", links, every, compat, usual])
    yield SEPARATOR.join([b"", b"", main + b"include ld.so.conf\n" * 60 + b"/opt/\xff # not UTF-8\n"])
    yield SEPARATOR.join(
        [b"", b"/a=/a", main + b"include ld.so.conf.d/[!b]?*.conf\nhwcap 1 nosegneg\n/lib=libc6\n", usual]
    )


if __name__ == "__main__":
    fuzz("loader", one_input, seeds(), max_length=16384)
