# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NVML's structures as nvml.h lays them out, their fields named as in ``pynvml``."""

from __future__ import annotations

import ctypes

_LICENSE_TEXT = ctypes.c_char * 128
MAX_LICENSABLE_FEATURES = 3


class Utilization(ctypes.Structure):
    _fields_ = (("gpu", ctypes.c_uint), ("memory", ctypes.c_uint))


class Memory(ctypes.Structure):
    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


class MemoryV2(ctypes.Structure):
    _fields_ = (
        ("version", ctypes.c_uint),
        ("total", ctypes.c_ulonglong),
        ("reserved", ctypes.c_ulonglong),
        ("free", ctypes.c_ulonglong),
        ("used", ctypes.c_ulonglong),
    )


class ProcessInfoV1(ctypes.Structure):
    _fields_ = (("pid", ctypes.c_uint), ("usedGpuMemory", ctypes.c_ulonglong))


class ProcessInfo(ctypes.Structure):
    _fields_ = (
        ("pid", ctypes.c_uint),
        ("usedGpuMemory", ctypes.c_ulonglong),
        ("gpuInstanceId", ctypes.c_uint),
        ("computeInstanceId", ctypes.c_uint),
    )


class ProcessUtilizationSample(ctypes.Structure):
    _fields_ = (
        ("pid", ctypes.c_uint),
        ("timeStamp", ctypes.c_ulonglong),
        ("smUtil", ctypes.c_uint),
        ("memUtil", ctypes.c_uint),
        ("encUtil", ctypes.c_uint),
        ("decUtil", ctypes.c_uint),
    )


class PciInfo(ctypes.Structure):
    _fields_ = (
        ("busIdLegacy", ctypes.c_char * 16),
        ("domain", ctypes.c_uint),
        ("bus", ctypes.c_uint),
        ("device", ctypes.c_uint),
        ("pciDeviceId", ctypes.c_uint),
        ("pciSubSystemId", ctypes.c_uint),
        ("busId", ctypes.c_char * 32),
    )


class PciInfoV2(ctypes.Structure):
    """Up to driver 375: the address in its short form alone."""

    _fields_ = (
        ("busId", ctypes.c_char * 16),
        ("domain", ctypes.c_uint),
        ("bus", ctypes.c_uint),
        ("device", ctypes.c_uint),
        ("pciDeviceId", ctypes.c_uint),
        ("pciSubSystemId", ctypes.c_uint),
        # What the oldest form keeps for itself, and room to spare.
        ("reserved", ctypes.c_uint * 16),
    )


class LicenseExpiry(ctypes.Structure):
    _fields_ = (
        ("year", ctypes.c_uint32),
        ("month", ctypes.c_uint16),
        ("day", ctypes.c_uint16),
        ("hour", ctypes.c_uint16),
        ("min", ctypes.c_uint16),
        ("sec", ctypes.c_uint16),
        ("status", ctypes.c_uint8),
    )


class LicensableFeatureV1(ctypes.Structure):
    _fields_ = (("featureCode", ctypes.c_uint), ("featureState", ctypes.c_uint), ("licenseInfo", _LICENSE_TEXT))


class LicensableFeatureV2(ctypes.Structure):
    _fields_ = (*LicensableFeatureV1._fields_, ("productName", _LICENSE_TEXT))


class LicensableFeatureV3(ctypes.Structure):
    _fields_ = (*LicensableFeatureV2._fields_, ("featureEnabled", ctypes.c_uint))


class LicensableFeatureV4(ctypes.Structure):
    _fields_ = (*LicensableFeatureV3._fields_, ("licenseExpiry", LicenseExpiry))


def licensable_features(feature: type[ctypes.Structure]) -> type[ctypes.Structure]:
    """The structure of one generation, which holds features of that generation."""

    class LicensableFeatures(ctypes.Structure):
        _fields_ = (
            ("isGridLicenseSupported", ctypes.c_int),
            ("licensableFeaturesCount", ctypes.c_uint),
            ("gridLicensableFeatures", feature * MAX_LICENSABLE_FEATURES),
        )

    return LicensableFeatures
