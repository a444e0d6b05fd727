# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nvidia-smi backend."""

from __future__ import annotations

import re

from ansible_collections.whisperops.gpu.plugins.module_utils._cuda.versions import driver_version_in
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu import nvidia_smi_output as output
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu import nvml_errors, problems
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.broken import BrokenGpu, add_broken
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.isolation import signal_name
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.model import Observation
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.pci import canonical_bus_id
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.processes import Processes
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.sysfs import HostFacts
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import Problem
from ansible_collections.whisperops.gpu.plugins.module_utils._system.run_command import Result, Runner

# 999 does not fit into an exit status.
_STATUS_OF_UNKNOWN_ERROR = 255
# A shell says so that its child was killed by signal 11.
_KILLED = 128
# "Unable to determine the device handle for GPU1: …", "… for gpu 0000:0A:00.0: …", "… for GPU0000:0A:00.0: …"
_BROKEN_HANDLE = re.compile(r"device handle for\s+GPU\s*([0-9A-F:.]*[0-9A-F])?\s*:\s*(.*)", re.IGNORECASE)
_LIBRARY_VERSION = re.compile(r"NVML library version:\s*(\S+)", re.IGNORECASE)
# The tool did not come to look at any GPU.
_NEVER_STARTED = re.compile(
    r"failed to initialize nvml|communicate with the nvidia driver|couldn't find|mismatch in versions", re.IGNORECASE
)
_PATIENCE = 2


class NvidiaSmi:
    def __init__(self, binary: str | None, runner: Runner, host: HostFacts, processes: Processes) -> None:
        self._binary = binary
        self._runner = runner
        self._host = host
        self._processes = processes

    @property
    def installed(self) -> bool:
        return self._binary is not None

    def observe(self) -> Observation:
        if self._binary is None:
            return Observation(problems=[problems.nvidia_smi_failed("it is not installed")])
        result = self._run("-q", "-x")
        if result.rc == nvml_errors.NOT_FOUND:
            # "No devices were found": the driver answers all the same.
            return Observation(usable=True, driver_version=self._host.kernel_module_version)
        try:
            # A lost GPU can end the tool with an error after it has described the others.
            return self._observation([(None, self._read(result))], [])
        except output.UnreadableOutputError as error:
            if result.rc == 0:
                return Observation(problems=[problems.nvidia_smi_failed(str(error))])
        return self._one_by_one(result) or self._without_answer(result)

    def _observation(self, logs: list[tuple[int | None, output.Log]], broken: list[BrokenGpu]) -> Observation:
        seen = Observation(usable=True)
        for index, log in logs:
            output.apply_query(log.gpus, self._query(index))
            for gpu in log.gpus:
                gpu.index = index if gpu.index is None else gpu.index
                for process in gpu.processes or []:
                    process.container_id = self._processes.container_id(process.pid)
                    process.name = process.name or self._processes.name(process.pid)
            seen.gpus += log.gpus
            for gpu, error, said in log.broken:
                place = index if gpu.index is None else gpu.index
                broken.append(BrokenGpu(place, error, said, gpu.pci_bus_id, gpu.name))
            seen.driver_version = seen.driver_version or log.driver_version
            seen.cuda_driver_version = seen.cuda_driver_version or log.cuda_version
            seen.libcuda_missing = seen.libcuda_missing or log.libcuda_missing
        if seen.driver_version is None or seen.cuda_driver_version is None:
            driver, cuda = output.read_header(self._run().out)
            seen.driver_version = seen.driver_version or driver
            seen.cuda_driver_version = seen.cuda_driver_version or cuda
        seen.libcuda_missing = seen.libcuda_missing and seen.cuda_driver_version is None
        add_broken(seen, self._host, broken)
        return seen

    def _read(self, result: Result) -> output.Log:
        log = output.read_log(result.out)
        if any(gpu.mig_mode for gpu in log.gpus):
            log = output.read_log(result.out, output.read_mig_list(self._run("-L").out))
        return log

    def _one_by_one(self, whole: Result) -> Observation | None:
        """One broken GPU silences the tool for all of them; asked for one of the others, it still answers."""
        said = whole.out + whole.err
        hangs = whole.rc is None
        if _NEVER_STARTED.search(said) or (hangs and len(self._host.bound_to("nvidia")) < _PATIENCE):
            return None
        count = self._count()
        if not (count > 1 or _BROKEN_HANDLE.search(said)):
            return None
        logs: list[tuple[int | None, output.Log]] = []
        broken: list[tuple[int, Result]] = []
        for index in range(count):
            result = self._run("-i", str(index), "-q", "-x")
            try:
                logs.append((index, self._read(result)))
            except output.UnreadableOutputError:
                broken.append((index, result))
            if not logs and len(broken) >= _PATIENCE and all(one.rc is None for _index, one in broken):
                # It is not this GPU or that one that hangs, but the driver.
                return None
        if not logs and not any(_BROKEN_HANDLE.search(one.out + one.err) for _index, one in broken):
            return None
        seen = self._observation(logs, [self._broken(index, result) for index, result in broken])
        if not logs:
            seen.driver_version = seen.driver_version or self._host.kernel_module_version
        return seen

    def _broken(self, index: int, result: Result) -> BrokenGpu:
        handle = _BROKEN_HANDLE.search(result.out + result.err)
        bus_id = canonical_bus_id(handle.group(1) or "") if handle else None
        said = handle.group(2).strip() if handle else _words(result)
        return BrokenGpu(index, self._error(result), said or "no answer", bus_id)

    def _count(self) -> int:
        highest = output.highest_index(self._run("-L").out)
        return max(len(self._host.bound_to("nvidia")), 0 if highest is None else highest + 1)

    def _query(self, index: int | None) -> list[output.QueryRow]:
        # compute_cap is unknown to old releases, which then refuse the whole query.
        which = [] if index is None else ["-i", str(index)]
        for fields in (output.QUERY_FIELDS, output.QUERY_FIELDS[:-1]):
            result = self._run(*which, "--query-gpu=" + ",".join(fields), "--format=csv,noheader,nounits")
            rows = output.read_query(result.out)
            if rows:
                return rows
        return []

    def _without_answer(self, result: Result) -> Observation:
        found = _LIBRARY_VERSION.search(result.out + result.err)
        # The tool leaves a last ".01" out, as in 535.183; where the host's own file says it in full, that counts.
        library = self._host.library_version or (driver_version_in(found.group(1)) if found else None)
        return Observation(library_version=library, problems=[self._failure(result, library)])

    def _failure(self, result: Result, library: str | None) -> Problem:
        said = _words(result)
        if result.rc is None:
            return problems.nvidia_smi_failed(said or "it did not answer")
        if result.rc < 0:
            return problems.nvidia_smi_failed(f"it was killed by {signal_name(-result.rc)} {said}".strip())
        known = nvml_errors.problem_for(self._error(result), said, self._host.kernel_module_version, library)
        return known or problems.nvidia_smi_failed(f"exit status {_status(result.rc)}: {said or 'no output'}")

    def _error(self, result: Result) -> int:
        """NVML's number, as far as the exit status is one."""
        if result.rc == _STATUS_OF_UNKNOWN_ERROR and "Unknown Error" in result.out + result.err:
            return nvml_errors.UNKNOWN
        return -1 if result.rc is None else result.rc

    def _run(self, *arguments: str) -> Result:
        return self._runner([str(self._binary), *list(arguments)])


def _words(result: Result) -> str:
    return " ".join((result.out.strip() or result.err.strip()).split())[:300]


def _status(status: int) -> str:
    return f"{status} ({signal_name(status - _KILLED)})" if _KILLED < status < _STATUS_OF_UNKNOWN_ERROR else str(status)
