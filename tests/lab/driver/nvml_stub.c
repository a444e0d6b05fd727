/* Copyright (c) 2026, the whisperops.gpu founders
 * GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A STAND-IN for the driver's libnvidia-ml.so.1, for hosts without a GPU. It answers what nvidia-ml-py and nvidia-ctk
 * ask, and computes nothing: no inference can run on it. It is a GTX 1080 on driver 550.163.01 unless told otherwise:
 *
 *   STUB_NVML_RC        what nvmlInit returns (9 driver not loaded, 18 version mismatch, 999 unknown error ...)
 *   STUB_GPUS           number of GPUs
 *   STUB_LOST           index of a GPU that is lost
 *   STUB_DRIVER         driver version              STUB_CUDA        CUDA version as NVML counts it: 12040
 *   STUB_NAME           product name                STUB_CAPABILITY  compute capability: 6.1
 *   STUB_TOTAL_MIB      memory                      STUB_USED_MIB    memory in use
 *   STUB_MIG            number of MIG devices; without it the GPU has no MIG mode
 *   STUB_PERSISTENCE    1 for on
 *   STUB_PROCESSES      compute processes, PID:MIB,PID:MIB
 *   STUB_UTILIZATION    percent, of the card and of each process: a lie, by which a proof is tested
 *   STUB_OLD            1: as in a driver before memory version 2 and process lists version 2 and 3
 *   STUB_UUID           UUIDs of the GPUs, separated by commas
 *   STUB_PCI            PCI device and vendor: 1B8010DE
 *   STUB_CUDA_RC        what the question for the CUDA version returns: 12 where there is no libcuda
 *   STUB_SHUTDOWN_RC    what nvmlShutdown returns
 *   STUB_COMPUTE_MODE   0 default, 1 exclusive thread, 2 prohibited, 3 exclusive process
 *   STUB_VIRTUALIZATION 0 none, 1 pass-through, 2 vGPU, 3 host of vGPUs
 *   STUB_LICENSE        of a vGPU: 1 licensed, 0 not
 *   STUB_MIG_SHARED     1: the first two MIG devices are compute instances of one GPU instance
 *   STUB_HANDLE_RC      what the question for a GPU's handle returns: 8 without power, 999 unknown error
 *   STUB_ERROR          what every question about a GPU returns: 16 requires reset
 *   STUB_Gn_NAME        of GPU n alone; so for NAME, CAPABILITY, TOTAL_MIB, USED_MIB, PERSISTENCE, COMPUTE_MODE,
 *                       VIRTUALIZATION, LICENSE, HANDLE_RC, ERROR and BUS (00000000:01:00.0). N/A is answered "not supported"
 *   STUB_NODES          1: needs /dev/nvidiactl, as the driver does: without it 9, and 999 where the device cgroup forbids it
 *
 * A file /run/lab-gpu/xid with "INDEX XID" is one event of that GPU's, and is removed.
 *
 * It is told by the environment, and else by its own last 4096 bytes, if they begin with a line LAB-GPU: lines
 * NAME=value, then zeros. A container toolkit puts the library into containers, and with it what it is.
 *
 * gcc -shared -fPIC -Wl,-soname,libnvidia-ml.so.1 -o libnvidia-ml.so.550.163.01 nvml_stub.c
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
  OK = 0, DRIVER_NOT_LOADED = 9, UNKNOWN = 999, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7, FUNCTION_NOT_FOUND = 13,
  GPU_IS_LOST = 15, VERSION_MISMATCH = 25
};
enum { MAX_GPUS = 16, MAX_MIG = 7, RESERVED_MIB = 71 };
#define MIB (1024ull * 1024)
#define XID_FILE "/run/lab-gpu/xid"

typedef struct { int gpu, mig; } *device; /* mig: -1 for the GPU itself */
static struct { int gpu, mig; } devices[MAX_GPUS * (MAX_MIG + 1)];

/* As in dlfcn.h, which gives it only with _GNU_SOURCE: with that, glibc 2.38 takes functions that 2.36 does not have. */
typedef struct { const char *dli_fname; void *dli_fbase; const char *dli_sname; void *dli_saddr; } Dl_info;
int dladdr(const void *address, Dl_info *info);

enum { SETTINGS = 4096 };
static char settings[SETTINGS + 1];

static void read_settings(void) {
  Dl_info self;
  settings[0] = 0;
  if (!dladdr((void *)devices, &self)) return;
  int file = open(self.dli_fname, O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  if (lseek(file, -SETTINGS, SEEK_END) < 0 || read(file, settings, SETTINGS) != SETTINGS || strncmp(settings, "LAB-GPU\n", 8))
    settings[0] = 0;
  close(file);
}

static const char *setting(const char *name) {
  static char values[8][256];
  static unsigned next;
  const char *set = getenv(name);
  size_t length = strlen(name);
  if (set) return set;
  for (const char *line = settings; line && *line; line = strchr(line, '\n'), line = line ? line + 1 : NULL)
    if (!strncmp(line, name, length) && line[length] == '=') {
      char *value = values[next++ % 8];
      size_t size = strcspn(line + length + 1, "\n");
      snprintf(value, sizeof values[0], "%.*s", (int)size, line + length + 1);
      return value;
    }
  return NULL;
}

static const char *text(const char *name, const char *otherwise) {
  const char *value = setting(name);
  return value ? value : otherwise;
}

static int number(const char *name, int otherwise) {
  const char *value = setting(name);
  return value ? atoi(value) : otherwise;
}

/* Of one GPU, else of all. */
static const char *of_gpu(int gpu, const char *name, const char *otherwise) {
  char own[64];
  snprintf(own, sizeof own, "STUB_G%d_%s", gpu, name);
  const char *value = setting(own);
  if (value) return value;
  snprintf(own, sizeof own, "STUB_%s", name);
  return text(own, otherwise);
}

static int number_of(int gpu, const char *name, int otherwise) {
  const char *value = of_gpu(gpu, name, NULL);
  return value ? atoi(value) : otherwise;
}

static int unknown(int gpu, const char *name) { return !strcmp(of_gpu(gpu, name, ""), "N/A"); }

/* What every question about a GPU comes to before it is answered. */
#define ANSWER(d, name) \
  do { \
    int error = number_of((d)->gpu, "ERROR", OK); \
    if (error) return error; \
    if (unknown((d)->gpu, name)) return NOT_SUPPORTED; \
  } while (0)

static int put(char *buffer, unsigned size, const char *value) {
  if (strlen(value) + 1 > size) return INSUFFICIENT_SIZE;
  strcpy(buffer, value);
  return OK;
}

static device device_of(int gpu, int mig) {
  device found = (device)&devices[gpu * (MAX_MIG + 1) + mig + 1];
  found->gpu = gpu;
  found->mig = mig;
  return found;
}

static int lost(device d) { return d->gpu == number("STUB_LOST", -1); }
static int old(void) { return number("STUB_OLD", 0); }

int nvmlInitWithFlags(unsigned flags) {
  (void)flags;
  read_settings();
  if (number("STUB_NODES", 0)) {
    /* The stand-in's node has no driver behind it: ENXIO says that it could be opened. */
    int node = open("/dev/nvidiactl", O_RDWR | O_CLOEXEC);
    if (node >= 0) close(node);
    else if (errno == ENOENT) return DRIVER_NOT_LOADED;
    else if (errno == EPERM) return UNKNOWN;
  }
  return number("STUB_NVML_RC", OK);
}
int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
int nvmlInit(void) { return nvmlInitWithFlags(0); }
int nvmlShutdown(void) { return number("STUB_SHUTDOWN_RC", OK); }

const char *nvmlErrorString(int error) {
  switch (error) {
    case OK: return "Success";
    case INVALID_ARGUMENT: return "Invalid Argument";
    case NOT_SUPPORTED: return "Not Supported";
    case 4: return "Insufficient Permissions";
    case NOT_FOUND: return "Not Found";
    case DRIVER_NOT_LOADED: return "Driver Not Loaded";
    case FUNCTION_NOT_FOUND: return "Function Not Found";
    case GPU_IS_LOST: return "GPU is lost";
    case 18: return "Driver/library version mismatch";
    default: return "Unknown Error";
  }
}

int nvmlSystemGetDriverVersion(char *buffer, unsigned size) { return put(buffer, size, text("STUB_DRIVER", "550.163.01")); }

int nvmlSystemGetNVMLVersion(char *buffer, unsigned size) {
  char version[80];
  snprintf(version, sizeof version, "%d.%.64s", number("STUB_CUDA", 12040) / 1000, text("STUB_DRIVER", "550.163.01"));
  return put(buffer, size, version);
}

int nvmlSystemGetCudaDriverVersion_v2(int *version) {
  *version = number("STUB_CUDA", 12040);
  return number("STUB_CUDA_RC", OK);
}
int nvmlSystemGetCudaDriverVersion(int *version) { return nvmlSystemGetCudaDriverVersion_v2(version); }

int nvmlSystemGetProcessName(unsigned pid, char *buffer, unsigned size) {
  char name[32];
  snprintf(name, sizeof name, "/stub/process-%u", pid);
  return put(buffer, size, name);
}

int nvmlDeviceGetCount_v2(unsigned *count) { *count = (unsigned)number("STUB_GPUS", 1); return OK; }
int nvmlDeviceGetCount(unsigned *count) { return nvmlDeviceGetCount_v2(count); }

int nvmlDeviceGetHandleByIndex_v2(unsigned index, device *found) {
  if (index >= (unsigned)number("STUB_GPUS", 1) || index >= MAX_GPUS) return INVALID_ARGUMENT;
  *found = device_of((int)index, -1);
  return lost(*found) ? GPU_IS_LOST : number_of((int)index, "HANDLE_RC", OK);
}
int nvmlDeviceGetHandleByIndex(unsigned index, device *found) { return nvmlDeviceGetHandleByIndex_v2(index, found); }

int nvmlDeviceGetUUID(device d, char *buffer, unsigned size) {
  ANSWER(d, "UUID");
  char uuid[64];
  const char *listed = text("STUB_UUID", "");
  for (int skipped = 0; skipped < d->gpu && listed; skipped++) {
    listed = strchr(listed, ',');
    if (listed) listed++;
  }
  if (d->mig < 0 && listed && *listed) snprintf(uuid, sizeof uuid, "%.*s", (int)strcspn(listed, ","), listed);
  else if (d->mig < 0) snprintf(uuid, sizeof uuid, "GPU-00001080-0000-0000-0000-%012d", d->gpu);
  else snprintf(uuid, sizeof uuid, "MIG-00001080-0000-0000-%04d-%012d", d->gpu, d->mig);
  return put(buffer, size, uuid);
}

int nvmlDeviceGetHandleByUUID(const char *wanted, device *found) {
  for (int gpu = 0; gpu < number("STUB_GPUS", 1) && gpu < MAX_GPUS; gpu++) {
    char uuid[64];
    *found = device_of(gpu, -1);
    if (nvmlDeviceGetUUID(*found, uuid, sizeof uuid)) continue;
    if (!strcmp(uuid, wanted)) return OK;
  }
  return NOT_FOUND;
}

int nvmlDeviceGetIndex(device d, unsigned *index) { *index = (unsigned)(d->mig < 0 ? d->gpu : d->mig); return OK; }
int nvmlDeviceGetMinorNumber(device d, unsigned *minor) { *minor = (unsigned)d->gpu; return OK; }

int nvmlDeviceGetName(device d, char *buffer, unsigned size) {
  char name[96];
  snprintf(name, sizeof name, d->mig < 0 ? "%.64s" : "%.64s MIG 1g.1gb", of_gpu(d->gpu, "NAME", "NVIDIA GeForce GTX 1080"));
  return put(buffer, size, name);
}

int nvmlDeviceGetBrand(device d, int *brand) { (void)d; *brand = 5; return OK; }

int nvmlDeviceGetCudaComputeCapability(device d, int *major, int *minor) {
  ANSWER(d, "CAPABILITY");
  return sscanf(of_gpu(d->gpu, "CAPABILITY", "6.1"), "%d.%d", major, minor) == 2 ? OK : NOT_SUPPORTED;
}

int nvmlDeviceGetArchitecture(device d, unsigned *architecture) {
  int major = 0, minor = 0;
  nvmlDeviceGetCudaComputeCapability(d, &major, &minor);
  *architecture = major == 6 ? 4 : major == 8 ? 7 : major == 9 ? 9 : 0xffffffffu;
  return OK;
}

struct pci { char legacy[16]; unsigned domain, bus, device, pci_device, pci_subsystem; char bus_id[32]; };
int nvmlDeviceGetPciInfo_v3(device d, struct pci *info) {
  memset(info, 0, sizeof *info);
  info->bus = (unsigned)d->gpu + 1;
  info->pci_device = (unsigned)strtoul(text("STUB_PCI", "1B8010DE"), NULL, 16);
  const char *bus = of_gpu(d->gpu, "BUS", NULL);
  if (bus && !strcmp(bus, "N/A")) return NOT_SUPPORTED;
  if (bus) {
    sscanf(bus, "%x:%x:%x", &info->domain, &info->bus, &info->device);
    snprintf(info->bus_id, sizeof info->bus_id, "%.31s", bus);
  } else
    snprintf(info->bus_id, sizeof info->bus_id, "00000000:%02X:00.0", info->bus);
  snprintf(info->legacy, sizeof info->legacy, "%04X:%02X:%02X.0", info->domain & 0xffff, info->bus & 0xff, info->device & 0xff);
  return OK;
}
/* Without the long form. */
int nvmlDeviceGetPciInfo_v2(device d, struct pci *info) {
  struct pci whole;
  int result = nvmlDeviceGetPciInfo_v3(d, &whole);
  memcpy(info, &whole, offsetof(struct pci, bus_id));
  return result;
}
int nvmlDeviceGetPciInfo(device d, struct pci *info) { return nvmlDeviceGetPciInfo_v2(d, info); }

struct memory { unsigned long long total, free, used; };
struct memory_v2 { unsigned version; unsigned long long total, reserved, free, used; };

static unsigned long long total(device d) { return number_of(d->gpu, "TOTAL_MIB", 8192) * MIB / (d->mig < 0 ? 1 : 8); }
static unsigned long long used(device d) { return d->mig < 0 ? number_of(d->gpu, "USED_MIB", 0) * MIB : 0; }

int nvmlDeviceGetMemoryInfo_v2(device d, struct memory_v2 *info) {
  if (old()) return FUNCTION_NOT_FOUND;
  if (info->version >> 24 != 2) return VERSION_MISMATCH;
  ANSWER(d, "TOTAL_MIB");
  info->total = total(d);
  info->reserved = RESERVED_MIB * MIB;
  info->used = used(d);
  info->free = info->total - info->reserved - info->used;
  return OK;
}

int nvmlDeviceGetMemoryInfo(device d, struct memory *info) {
  ANSWER(d, "TOTAL_MIB");
  info->total = total(d);
  info->used = used(d) + RESERVED_MIB * MIB;
  info->free = info->total - info->used;
  return OK;
}

int nvmlDeviceGetUtilizationRates(device d, unsigned *rates) {
  ANSWER(d, "UTILIZATION");
  rates[0] = (unsigned)number("STUB_UTILIZATION", 0);
  rates[1] = 0;
  return OK;
}
int nvmlDeviceGetClockInfo(device d, int type, unsigned *mhz) { (void)d; (void)type; *mhz = 139; return OK; }
int nvmlDeviceGetTemperature(device d, int sensor, unsigned *celsius) {
  (void)sensor;
  ANSWER(d, "TEMPERATURE");
  *celsius = 30;
  return OK;
}
int nvmlDeviceGetPowerUsage(device d, unsigned *milliwatts) {
  ANSWER(d, "POWER");
  *milliwatts = 9510;
  return OK;
}
int nvmlDeviceGetPersistenceMode(device d, unsigned *on) {
  ANSWER(d, "PERSISTENCE");
  *on = (unsigned)number_of(d->gpu, "PERSISTENCE", 0);
  return OK;
}
int nvmlDeviceGetComputeMode(device d, unsigned *mode) {
  ANSWER(d, "COMPUTE_MODE");
  *mode = (unsigned)number_of(d->gpu, "COMPUTE_MODE", 0);
  return OK;
}
int nvmlDeviceGetVirtualizationMode(device d, unsigned *mode) {
  ANSWER(d, "VIRTUALIZATION");
  *mode = (unsigned)number_of(d->gpu, "VIRTUALIZATION", 0);
  return OK;
}

struct feature_v1 { unsigned code, state; char info[128]; };
struct feature_v4 { unsigned code, state; char info[128], product[128]; unsigned enabled, expiry[4]; };
/* A vGPU has one feature. */
static int license(device d, int *supported, unsigned *count, struct feature_v1 *first) {
  const char *licensed = of_gpu(d->gpu, "LICENSE", NULL);
  *supported = licensed != NULL;
  *count = licensed != NULL;
  if (licensed) {
    first->code = 2;
    first->state = (unsigned)atoi(licensed);
  }
  return OK;
}
struct features_v1 { int supported; unsigned count; struct feature_v1 features[3]; };
int nvmlDeviceGetGridLicensableFeatures(device d, struct features_v1 *into) {
  memset(into, 0, sizeof *into);
  return license(d, &into->supported, &into->count, into->features);
}
struct features_v4 { int supported; unsigned count; struct feature_v4 features[3]; };
int nvmlDeviceGetGridLicensableFeatures_v4(device d, struct features_v4 *into) {
  memset(into, 0, sizeof *into);
  into->features[0].enabled = 1;
  strcpy(into->features[0].product, "NVIDIA RTX Virtual Workstation");
  return license(d, &into->supported, &into->count, (struct feature_v1 *)into->features);
}

int nvmlDeviceGetMigMode(device d, unsigned *current, unsigned *pending) {
  if (d->mig >= 0 || !setting("STUB_MIG")) return NOT_SUPPORTED;
  ANSWER(d, "MIG_MODE");
  *current = *pending = number("STUB_MIG", 0) > 0;
  return OK;
}
int nvmlDeviceGetMaxMigDeviceCount(device d, unsigned *count) { (void)d; *count = setting("STUB_MIG") ? MAX_MIG : 0; return OK; }
int nvmlDeviceIsMigDeviceHandle(device d, unsigned *is) { *is = d->mig >= 0; return OK; }
int nvmlDeviceGetMigDeviceHandleByIndex(device d, unsigned index, device *found) {
  /* Every other number is free, as after an instance was destroyed. */
  if (index % 2 || (int)(index / 2) >= number("STUB_MIG", 0) || index >= MAX_MIG) return NOT_FOUND;
  *found = device_of(d->gpu, (int)index);
  return OK;
}

/* MIG devices 0 and 2 are the first two. */
int nvmlDeviceGetGpuInstanceId(device d, unsigned *id) {
  if (d->mig < 0) return NOT_SUPPORTED;
  *id = number("STUB_MIG_SHARED", 0) && d->mig == 2 ? 1 : (unsigned)d->mig + 1;
  return OK;
}
int nvmlDeviceGetComputeInstanceId(device d, unsigned *id) {
  if (d->mig < 0) return NOT_SUPPORTED;
  *id = number("STUB_MIG_SHARED", 0) && d->mig == 2;
  return OK;
}

struct process_v1 { unsigned pid; unsigned long long memory; };
struct process { unsigned pid; unsigned long long memory; unsigned gpu_instance, compute_instance; };

static unsigned process_count(const char *list) {
  unsigned count = 0;
  for (; list && *list; list = strchr(list, ',') ? strchr(list, ',') + 1 : NULL) count++;
  return count;
}

static int processes(unsigned *count, void *into, size_t size) {
  const char *list = text("STUB_PROCESSES", "");
  unsigned wanted = process_count(list);
  if (*count < wanted || (wanted && !into)) { *count = wanted; return INSUFFICIENT_SIZE; }
  for (unsigned i = 0; i < wanted; i++, list = strchr(list, ',') ? strchr(list, ',') + 1 : list) {
    struct process_v1 *entry = (struct process_v1 *)((char *)into + i * size);
    unsigned mib = 0;
    memset(entry, 0, size);
    sscanf(list, "%u:%u", &entry->pid, &mib);
    entry->memory = mib * MIB;
    if (size == sizeof(struct process)) ((struct process *)entry)->gpu_instance = ((struct process *)entry)->compute_instance = ~0u;
  }
  *count = wanted;
  return OK;
}

int nvmlDeviceGetComputeRunningProcesses_v3(device d, unsigned *count, void *into) {
  (void)d;
  return old() ? FUNCTION_NOT_FOUND : processes(count, into, sizeof(struct process));
}
int nvmlDeviceGetComputeRunningProcesses_v2(device d, unsigned *count, void *into) {
  return nvmlDeviceGetComputeRunningProcesses_v3(d, count, into);
}
int nvmlDeviceGetComputeRunningProcesses(device d, unsigned *count, void *into) {
  (void)d;
  return processes(count, into, sizeof(struct process_v1));
}
int nvmlDeviceGetGraphicsRunningProcesses_v3(device d, unsigned *count, void *into) {
  (void)d; (void)into;
  *count = 0;
  return old() ? FUNCTION_NOT_FOUND : OK;
}

struct process_utilization { unsigned pid; unsigned long long timestamp; unsigned sm, memory, encoder, decoder; };
int nvmlDeviceGetProcessUtilization(device d, struct process_utilization *into, unsigned *count, unsigned long long since) {
  const char *list = text("STUB_PROCESSES", "");
  unsigned wanted = process_count(list);
  (void)d;
  if (!number("STUB_UTILIZATION", 0) || !wanted) return NOT_FOUND;
  if (*count < wanted || !into) { *count = wanted; return INSUFFICIENT_SIZE; }
  for (unsigned i = 0; i < wanted; i++, list = strchr(list, ',') ? strchr(list, ',') + 1 : list) {
    memset(&into[i], 0, sizeof into[i]);
    sscanf(list, "%u", &into[i].pid);
    into[i].timestamp = since + 1;
    into[i].sm = (unsigned)number("STUB_UTILIZATION", 0);
  }
  *count = wanted;
  return OK;
}

/* What NVIDIA's device plugin asks beyond the rest: where two GPUs meet, and the driver's events. */
int nvmlDeviceGetTopologyCommonAncestor(device a, device b, int *level) { (void)a; (void)b; *level = 50; return OK; }
int nvmlDeviceGetNvLinkState(device d, unsigned link, int *on) { (void)d; (void)link; (void)on; return NOT_SUPPORTED; }
int nvmlDeviceGetNvLinkRemotePciInfo_v2(device d, unsigned link, struct pci *info) { (void)d; (void)link; (void)info; return NOT_SUPPORTED; }

enum { XID = 8, TIMEOUT = 10 };
struct event { device d; unsigned long long type, data; unsigned gpu_instance, compute_instance; };
int nvmlEventSetCreate(void **set) { *set = devices; return OK; }
int nvmlEventSetFree(void *set) { (void)set; return OK; }
int nvmlDeviceGetSupportedEventTypes(device d, unsigned long long *types) { (void)d; *types = XID; return OK; }
int nvmlDeviceRegisterEvents(device d, unsigned long long types, void *set) { (void)d; (void)types; (void)set; return OK; }
int nvmlEventSetWait_v2(void *set, struct event *event, unsigned milliseconds) {
  (void)set;
  for (unsigned waited = 0; waited < milliseconds; waited += 100) {
    FILE *file = fopen(XID_FILE, "r");
    unsigned index, xid;
    if (file) {
      int read = fscanf(file, "%u %u", &index, &xid);
      fclose(file);
      unlink(XID_FILE);
      if (read == 2) {
        *event = (struct event){device_of((int)index, -1), XID, xid, ~0u, ~0u};
        return OK;
      }
    }
    usleep(100000);
  }
  return TIMEOUT;
}
