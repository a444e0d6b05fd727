# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a cluster's objects of ours are called. Private to this collection."""

from __future__ import annotations

NAME = "whisper-server"
# Its container in a pod.
SERVER = "server"
# That which proves it, where it is in the pod.
PROVER_CONTAINER = "prover"
# Annotation of a pod: the verdict of its plan.
VERDICT = "whisperops.gpu/verdict"
# Condition of a pod: whether its server is proven to do what was planned for it.
GATE = "whisperops.gpu/proven"
# Of Kubernetes' recommended labels, the one by which our objects are known.
MANAGED_BY = ("app.kubernetes.io/managed-by", "whisperops.gpu")
# Of server-side apply: the fields of our objects are ours from the first day.
FIELD_MANAGER = "whisperops.gpu"
