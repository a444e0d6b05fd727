# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nvidia-smi prints, read. Values it brackets ("[N/A]", "[GPU is lost]") or does not know are None."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, NamedTuple, Tuple
from xml.etree import ElementTree

from ansible_collections.whisperops.gpu.plugins.module_utils._cuda.target import Target
from ansible_collections.whisperops.gpu.plugins.module_utils._cuda.versions import driver_version_in
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu import nvml_errors
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.model import (
    Gpu,
    MigDevice,
    Process,
    architecture_of,
    is_uuid,
)
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.pci import canonical_bus_id

# What stands in the place of a value where a GPU is broken, and the error of NVML behind it. The first two say so
# wherever they stand; the others are usual for single values of a GPU that works, and tell only in place of its UUID.
_BROKEN_ANYWHERE = {"gpu is lost": nvml_errors.GPU_IS_LOST, "gpu requires reset": nvml_errors.RESET_REQUIRED}
_BROKEN = {
    **_BROKEN_ANYWHERE,
    "insufficient external power": nvml_errors.INSUFFICIENT_POWER,
    "timeout": nvml_errors.TIMEOUT,
    "insufficient permissions": nvml_errors.NO_PERMISSION,
    "invalid argument": nvml_errors.INVALID_ARGUMENT,
}
_COMPUTE_MODES = ("default", "exclusive_process", "exclusive_thread", "prohibited")
_VIRTUALIZATION = {
    "none": "none",
    "pass-through": "passthrough",
    "vgpu": "vgpu",
    "host vgpu": "host_vgpu",
    "host vsga": "host_vsga",
}
QUERY_FIELDS = ("index", "uuid", "power.draw", "compute_cap")

_CUDA_VERSION = re.compile(r"(?<![\d.])(\d{1,3}\.\d{1,2})(?![\d.])", re.ASCII)
# R610 renamed both: "KMD Version: 610.57.04  CUDA UMD Version: 13.3".
_HEADER_DRIVER = re.compile(r"(?:Driver|KMD)\s+Version\s*:\s*([\d.]+)", re.ASCII | re.IGNORECASE)
_HEADER_CUDA = re.compile(r"CUDA(?:\s+UMD)?\s+Version\s*:\s*([\d.]+)", re.ASCII | re.IGNORECASE)
_NUMBER = re.compile(r"\s*(\d{1,15}(?:\.\d{1,6})?)\s*(?:MiB|W|C|%)?\s*", re.ASCII)
_PROCESS_NAME = re.compile(r"(<process_name>).*?(</process_name>)", re.DOTALL)
_LISTED_GPU = re.compile(r"GPU\s+(\d{1,3}):.*\(UUID:\s*([^)]*)\)", re.ASCII)
_LOG = re.compile(r"<nvidia_smi_log\b.*</nvidia_smi_log>", re.DOTALL)
_LISTED_MIG = re.compile(r"\s+(MIG\s+\S+)\s+Device\s+(\d{1,4}):\s*\(UUID:\s*(MIG-[^)\s]+)\)", re.ASCII)


class UnreadableOutputError(ValueError):
    """Not the XML that nvidia-smi -q -x prints."""


class Broken(NamedTuple):
    gpu: Gpu
    error: int
    said: str


class Log(NamedTuple):
    driver_version: str | None
    cuda_version: str | None
    gpus: list[Gpu]
    # Not among gpus: those that are described, and broken.
    broken: list[Broken]
    # The driver has no libcuda to ask.
    libcuda_missing: bool


@dataclass
class QueryRow:
    index: int | None
    uuid: str
    power_w: float | None
    target: Target | None


# GPU UUID -> number of the MIG device -> (name, UUID)
MigList = Dict[str, Dict[int, Tuple[str, str]]]


def read_log(text: str, mig_list: MigList | None = None) -> Log:
    """The output of ``nvidia-smi -q -x``, and what ``nvidia-smi -L`` adds of its MIG devices."""
    root = _tree(text)
    if root.tag != "nvidia_smi_log":
        raise UnreadableOutputError("the XML is not an nvidia_smi_log")
    elements = root.findall("gpu")
    # nvidia-smi goes through the GPUs in NVML's order: their places are their indices, if none was left out.
    complete = _integer(root, "attached_gpus") == len(elements)
    gpus, broken = [], []
    for place, element in enumerate(elements):
        gpu = _gpu(element, place if complete else None, mig_list or {})
        fault = _fault(element)
        if fault:
            broken.append(Broken(gpu, *fault))
        else:
            gpus.append(gpu)
    cuda = _cuda_version(root)
    return Log(_driver_version(root), cuda, gpus, broken, cuda is None and _says_no_cuda(root))


def read_query(text: str) -> list[QueryRow]:
    """The output of ``nvidia-smi --query-gpu=<some of QUERY_FIELDS> --format=csv,noheader,nounits``."""
    rows = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split(",")]
        cells += [""] * (len(QUERY_FIELDS) - len(cells))
        index, uuid, power, capability = cells[: len(QUERY_FIELDS)]
        if not is_uuid(uuid):
            continue
        rows.append(QueryRow(_int(index), uuid, _float(power), _target(capability)))
    return rows


def _target(compute_capability: str) -> Target | None:
    try:
        return Target.of_gpu(compute_capability)
    except ValueError:
        return None


def read_mig_list(text: str) -> MigList:
    """The MIG devices in the output of ``nvidia-smi -L``: the XML has neither their names nor their UUIDs."""
    listed: MigList = {}
    gpu: str | None = None
    for line in text.splitlines():
        found = _LISTED_GPU.match(line)
        if found:
            gpu = found.group(2) if is_uuid(found.group(2)) else None
            continue
        found = _LISTED_MIG.match(line)
        if found and gpu:
            listed.setdefault(gpu, {})[int(found.group(2))] = (" ".join(found.group(1).split()), found.group(3))
    return listed


def highest_index(text: str) -> int | None:
    """Of the GPUs in the output of ``nvidia-smi -L``."""
    indices = [int(found.group(1)) for found in map(_LISTED_GPU.match, text.splitlines()) if found]
    return max(indices, default=None)


def read_header(text: str) -> tuple[str | None, str | None]:
    """Versions of driver and CUDA in the table that bare ``nvidia-smi`` prints, or in ``nvidia-smi --version``."""
    driver, cuda = _HEADER_DRIVER.search(text), _HEADER_CUDA.search(text)
    return driver_version_in(driver.group(1)) if driver else None, _cuda_in(cuda.group(1)) if cuda else None


def _tree(text: str) -> ElementTree.Element:
    # A warning before it, or a complaint after it, is no reason to lose it.
    log = _LOG.search(text)
    text = log.group() if log else text
    try:
        return ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError, LookupError):
        pass
    # A process may be called anything, and nvidia-smi does not escape it.
    try:
        return ElementTree.fromstring(_PROCESS_NAME.sub(r"\1\2", text))
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise UnreadableOutputError(f"no well-formed XML: {error}") from error


def _gpu(element: ElementTree.Element, place: int | None, mig_list: MigList) -> Gpu:
    uuid = _text(element, "uuid") if is_uuid(_text(element, "uuid")) else None
    mig_mode = _switch(element, "mig_mode/current_mig")
    memory = "fb_memory_usage/"
    return Gpu(
        index=place,
        uuid=uuid,
        name=_known(element, "product_name"),
        pci_bus_id=canonical_bus_id(_known(element, "pci/pci_bus_id") or element.get("id") or ""),
        memory_total_mib=_integer(element, memory + "total"),
        memory_used_mib=_integer(element, memory + "used"),
        memory_free_mib=_integer(element, memory + "free"),
        utilization_percent=_integer(element, "utilization/gpu_util"),
        temperature_c=_integer(element, "temperature/gpu_temp"),
        power_w=_power(element),
        persistence_mode=_switch(element, "persistence_mode"),
        compute_mode=_choice(element, "compute_mode", _COMPUTE_MODES),
        virtualization=_VIRTUALIZATION.get(_text(element, "gpu_virtualization_mode/virtualization_mode").lower()),
        vgpu_license=_license(element),
        mig_mode=mig_mode,
        # A GPU that has no MIG mode ("N/A") or has it off has no MIG devices.
        mig_devices=_mig_devices(element, mig_list.get(uuid or "", {})) if mig_mode else [],
        processes=_processes(element),
    )


def apply_query(gpus: list[Gpu], rows: list[QueryRow]) -> None:
    """Add what the XML lacks."""
    by_uuid = {row.uuid: row for row in rows}
    for gpu in gpus:
        row = by_uuid.get(gpu.uuid or "")
        if row is None:
            continue
        gpu.index = gpu.index if row.index is None else row.index
        gpu.power_w = gpu.power_w if row.power_w is None else row.power_w
        gpu.compute_capability = str(row.target.compute_capability) if row.target else None
        gpu.architecture = architecture_of(row.target)


def _mig_devices(gpu: ElementTree.Element, listed: dict[int, tuple[str, str]]) -> list[MigDevice] | None:
    devices = gpu.find("mig_devices")
    if devices is None:
        return None
    found = []
    for device in devices.findall("mig_device"):
        number = _integer(device, "index")
        name, uuid = listed.get(-1 if number is None else number, (None, None))
        found.append(
            MigDevice(
                uuid=uuid,
                name=name,
                memory_total_mib=_integer(device, "fb_memory_usage/total"),
                memory_used_mib=_integer(device, "fb_memory_usage/used"),
                memory_free_mib=_integer(device, "fb_memory_usage/free"),
                gpu_instance_id=_integer(device, "gpu_instance_id"),
                compute_instance_id=_integer(device, "compute_instance_id"),
            )
        )
    return found


def _processes(gpu: ElementTree.Element) -> list[Process] | None:
    processes = gpu.find("processes")
    if processes is None or (len(processes) == 0 and (processes.text or "").strip()):
        return None
    found: dict[int, Process] = {}
    for info in processes.findall("process_info"):
        pid = _integer(info, "pid")
        if pid:
            memory = _integer(info, "used_memory")
            name, instance = _known(info, "process_name"), _integer(info, "gpu_instance_id")
            found.setdefault(pid, Process(pid=pid, name=name, used_memory_mib=memory, gpu_instance_id=instance))
    return [found[pid] for pid in sorted(found)]


def _power(gpu: ElementTree.Element) -> float | None:
    for block in ("gpu_power_readings", "power_readings"):
        for reading in ("power_draw", "average_power_draw", "instant_power_draw"):
            watts = _float(_text(gpu, block + "/" + reading))
            if watts is not None:
                return watts
    return None


def _fault(gpu: ElementTree.Element) -> tuple[int, str] | None:
    """NVML's error behind a GPU that is broken, and the words for it."""
    for element in gpu.iter():
        said = _bare(element.text or "")
        if said.lower() in _BROKEN_ANYWHERE:
            return _BROKEN_ANYWHERE[said.lower()], said
    said = _bare(_text(gpu, "uuid"))
    if not said or said.upper() in ("N/A", "NONE") or is_uuid(said):
        return None
    return _BROKEN.get(said.lower(), nvml_errors.UNKNOWN), said


def _bare(text: str) -> str:
    return text.strip().strip("[]").strip()


def _choice(element: ElementTree.Element, path: str, choices: tuple[str, ...]) -> str | None:
    text = _text(element, path).lower()
    return text if text in choices else None


def _license(gpu: ElementTree.Element) -> str | None:
    for product in ("vgpu_software_licensed_product", "grid_licensed_product"):
        status = _text(gpu, product + "/license_status").lower()
        if status.startswith("licensed"):
            return "licensed"
        if status.startswith("unlicensed"):
            limits = [limit for limit in ("unrestricted", "restricted") if limit in status.split("(")[-1]]
            return "_".join(["unlicensed", *limits[:1]])
    return None


def _says_no_cuda(root: ElementTree.Element) -> bool:
    """N/A, Not Found, NVML Shared Library Not Found: any words but the notice that the element is deprecated."""
    said = [_text(root, name).lower() for name in ("cuda_umd_version", "cuda_version")]
    return any(text and "deprecated" not in text for text in said)


def _driver_version(root: ElementTree.Element) -> str | None:
    for name in ("kmd_version", "driver_version"):
        version = driver_version_in(_text(root, name).split("[")[0])
        if version:
            return version
    return None


def _cuda_version(root: ElementTree.Element) -> str | None:
    for name in ("cuda_umd_version", "cuda_version"):
        text = _text(root, name)
        # "[Deprecated; will be removed in CUDA 14.0. …]" holds a number, and is no version.
        version = _cuda_in(text.split("[")[0])
        if version:
            return version
    return None


def _cuda_in(text: str) -> str | None:
    found = _CUDA_VERSION.search(text)
    return found.group(1) if found else None


def _text(element: ElementTree.Element, path: str) -> str:
    return (element.findtext(path) or "").strip()


def _known(element: ElementTree.Element, path: str) -> str | None:
    text = _text(element, path)
    unknown = not text or text.startswith("[") or text in ("N/A", "None", "ERR!") or text.lower() in _BROKEN
    return None if unknown else text


def _switch(element: ElementTree.Element, path: str) -> bool | None:
    return {"Enabled": True, "Disabled": False}.get(_text(element, path))


def _integer(element: ElementTree.Element, path: str) -> int | None:
    return _int(_text(element, path))


def _int(text: str) -> int | None:
    number = _float(text)
    return None if number is None else int(number)


def _float(text: str) -> float | None:
    found = _NUMBER.fullmatch(text)
    return float(found.group(1)) if found else None
