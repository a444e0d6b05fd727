# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nvidia-smi backend."""

from __future__ import annotations

from ansible_collections.whisperops.gpu.plugins.module_utils._gpu import nvidia_smi_output as output
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu import nvml_errors, problems
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.command import Result, Runner
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.model import Observation, Problem
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.processes import Processes
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.sysfs import HostFacts

# 999 does not fit into an exit status.
_STATUS_OF_UNKNOWN_ERROR = 255


class NvidiaSmi:
    def __init__(self, binary: str | None, runner: Runner, host: HostFacts, processes: Processes) -> None:
        self._binary = binary
        self._runner = runner
        self._host = host
        self._processes = processes

    def observe(self) -> Observation:
        if self._binary is None:
            return Observation(problems=[problems.nvidia_smi_failed("it is not installed")])
        result = self._run("-q", "-x")
        if result.rc == nvml_errors.NOT_FOUND:
            # "No devices were found": the driver answers all the same.
            return Observation(usable=True, driver_version=self._host.kernel_module_version)
        try:
            # A lost GPU can end the tool with an error after it has described the others.
            return self._read(result)
        except output.UnreadableOutputError as error:
            failed = self._failure(result) if result.rc != 0 else problems.nvidia_smi_failed(str(error))
            return Observation(problems=[failed])

    def _read(self, result: Result) -> Observation:
        log = output.read_log(result.out)
        if any(gpu.mig_mode for gpu in log.gpus):
            log = output.read_log(result.out, output.read_mig_list(self._run("-L").out))
        output.apply_query(log.gpus, self._query())
        for gpu in log.gpus:
            for process in gpu.processes or []:
                process.container_id = self._processes.container_id(process.pid)
                process.name = process.name or self._processes.name(process.pid)
        driver, cuda = log.driver_version, log.cuda_version
        if driver is None or cuda is None:
            in_header = output.read_header(self._run().out)
            driver, cuda = driver or in_header[0], cuda or in_header[1]
        lost = [problems.gpu_lost(f"GPU {gpu.pci_bus_id} ({gpu.name})") for gpu in log.lost]
        return Observation(
            usable=True,
            driver_version=driver,
            cuda_driver_version=cuda,
            gpus=log.gpus,
            problems=lost,
        )

    def _query(self) -> list[output.QueryRow]:
        # compute_cap is unknown to old releases, which then refuse the whole query.
        for fields in (output.QUERY_FIELDS, output.QUERY_FIELDS[:-1]):
            result = self._run("--query-gpu=" + ",".join(fields), "--format=csv,noheader,nounits")
            rows = output.read_query(result.out)
            if rows:
                return rows
        return []

    def _failure(self, result: Result) -> Problem:
        said = " ".join((result.out.strip() or result.err.strip()).split())[:300]
        if result.rc is None:
            return problems.nvidia_smi_failed(said or "it did not answer")
        number = result.rc
        if number == _STATUS_OF_UNKNOWN_ERROR and "Unknown Error" in said:
            number = nvml_errors.UNKNOWN
        known = nvml_errors.problem_for(number, said, self._host.kernel_module_version, self._host.library_version)
        return known or problems.nvidia_smi_failed("exit status {}: {}".format(result.rc, said or "no output"))

    def _run(self, *arguments: str) -> Result:
        return self._runner([str(self._binary), *list(arguments)])
