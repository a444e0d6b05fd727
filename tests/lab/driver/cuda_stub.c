/* Copyright (c) 2026, the whisperops.gpu founders
 * GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A STAND-IN for the driver's libcuda.so.1, for hosts without a GPU. It can be loaded and linked against, and each call
 * says that there is no device (100): nothing can be computed with it.
 *
 * gcc -shared -fPIC -Wl,-soname,libcuda.so.1 -o libcuda.so.550.163.01 cuda_stub.c
 */
#define NO_DEVICE 100
#define CALL(name) int name(void) { return NO_DEVICE; }

/* What ggml-cuda and CUDA's runtime ask the driver for by name. */
CALL(cuInit) CALL(cuDeviceGet) CALL(cuDeviceGetAttribute) CALL(cuDeviceGetName) CALL(cuDeviceGetUuid)
CALL(cuDeviceTotalMem_v2) CALL(cuDevicePrimaryCtxRetain) CALL(cuCtxGetCurrent) CALL(cuCtxSetCurrent) CALL(cuMemCreate)
CALL(cuMemRelease) CALL(cuMemMap) CALL(cuMemUnmap) CALL(cuMemSetAccess) CALL(cuMemAddressReserve) CALL(cuMemAddressFree)
CALL(cuMemGetAllocationGranularity) CALL(cuGetProcAddress) CALL(cuGetProcAddress_v2) CALL(cuGetExportTable)

int cuDriverGetVersion(int *version) { *version = 12040; return 0; }
int cuDeviceGetCount(int *count) { *count = 0; return NO_DEVICE; }

int cuGetErrorString(int error, const char **text) { (void)error; *text = "no CUDA-capable device is detected"; return 0; }
int cuGetErrorName(int error, const char **text) { (void)error; *text = "CUDA_ERROR_NO_DEVICE"; return 0; }
