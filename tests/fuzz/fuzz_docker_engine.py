"""Coverage-guided fuzzing of what the engine's daemon says: HTTP, JSON and the tar of an export.

Any answer makes a result or an error with a code. Run it with `make fuzz`. It starts from what real engines answered
(tests/fixtures/docker_engine). One input is the four answers to the calls that read an image, with SEPARATOR between
them. A description or an export that does not begin with HTTP gets a right frame, and the headers of a tar their right
checksums, so that the fuzzer need not invent them.
"""

from __future__ import annotations

import json
import sys
from random import Random
from typing import Any, Iterator

import atheris
from campaign import MODULE_UTILS, ROOT, fuzz

with atheris.instrument_imports(include=[f"{MODULE_UTILS}._image"]):
    from ansible_collections.whisperops.gpu.plugins.module_utils._docker_api import client
    from ansible_collections.whisperops.gpu.plugins.module_utils._image import docker_images, inspection
    from ansible_collections.whisperops.gpu.plugins.module_utils._problem import InspectionError

sys.path.insert(0, str(ROOT / "tests/unit/plugins/module_utils/_image"))
from recorded_engine import CALLS, DIRECTORY, VERSIONS, RecordedConnection, recorded

SEPARATOR = b"\r\n--next answer--\r\n"
BLOCK, CHECKSUM = 512, slice(148, 156)


def with_checksums(archive: bytes) -> bytes:
    blocks = [bytearray(archive[at : at + BLOCK]) for at in range(0, len(archive), BLOCK)]
    for block in blocks:
        if block[257:262] == b"ustar":
            block[CHECKSUM] = b" " * 8
            block[CHECKSUM] = b"%06o\0 " % sum(block)
    return b"".join(blocks)


def framed(call: str, answer: bytes) -> bytes:
    if answer.startswith(b"HTTP") or call not in ("image", "export"):
        return answer
    body = with_checksums(answer) if call == "export" else answer
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


ODD_VALUES = (None, True, -1, 1.5, "", "a=b", [], [None], ["a", 1], {}, {"a": None}, [[]])


def with_odd_value(document: Any, random: Random) -> Any:
    """The document with one value in it, at any depth, replaced by one of another form."""
    if isinstance(document, (dict, list)) and document and random.random() < 0.8:  # noqa: PLR2004 - most are inside
        changed = document.copy()
        place = random.choice(list(document) if isinstance(document, dict) else range(len(document)))
        changed[place] = with_odd_value(document[place], random)
        return changed
    return random.choice(ODD_VALUES)


def mutate(content: bytes, max_size: int, seed: int) -> bytes:
    """Half of the time a change that leaves the JSON well-formed, which random bytes hardly ever do."""
    random = Random(seed)
    description, separator, rest = content.partition(SEPARATOR)
    if random.random() < 0.5:  # noqa: PLR2004 - half
        try:
            document = json.loads(description.rpartition(b"\r\n\r\n")[2])
        except (ValueError, RecursionError):
            pass
        else:
            changed = json.dumps(with_odd_value(document, random)).encode() + separator + rest
            return changed if len(changed) <= max_size else content
    return bytes(atheris.Mutate(content, max_size))


def one_input(content: bytes) -> None:
    answers = content.split(SEPARATOR)
    RecordedConnection.answers = iter([framed(call, answer) for call, answer in zip(CALLS, answers)])
    try:
        said = inspection.inspect_image(docker_images.Images("/var/run/docker.sock", 1), "an-image")
        expected = inspection.empty_result().keys()
    except InspectionError as error:
        said = {key: value for key, value in error.problem.as_dict().items() if value}
        expected = {"code", "message", "remedy"}
    assert said.keys() == expected
    json.dumps(said)


def seeds() -> Iterator[bytes]:
    for version in VERSIONS:
        image, create, export, delete = recorded(version)
        description = image.partition(b"\r\n\r\n")[2]
        RecordedConnection.answers = iter([export])
        with docker_images.Images("/var/run/docker.sock", 1).export("recorded") as stream:
            archive = stream.read()
        yield SEPARATOR.join([image, create, export, delete])
        yield SEPARATOR.join([description, create, archive, delete])
        yield (DIRECTORY / version / "not_found.http").read_bytes()


client.UnixConnection = RecordedConnection

if __name__ == "__main__":
    fuzz("docker_engine", one_input, seeds(), max_length=65536, mutate=mutate)
