/* SPDX-License-Identifier: MIT
 * What the processor can do, and how many cores this process may use. */
#define _GNU_SOURCE
#include "base/base.h"

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const names[] = {"c", "sse2", "avx2", "avx512", "neon"};

const char *csi_cpu_name(csi_cpu_path path)
{
    return names[path];
}

csi_cpu_path csi_cpu_best(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init(); /* also asks whether the operating system saves the wide registers */
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")
        && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma"))
        return CSI_CPU_AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return CSI_CPU_AVX2;
    return CSI_CPU_SSE2;
#elif defined(__aarch64__)
    return CSI_CPU_NEON;
#else
    return CSI_CPU_C;
#endif
}

cs_err csi_cpu_choose(const char *name, csi_cpu_path *path, cs_error *err)
{
    csi_cpu_path best = csi_cpu_best();
    if (!name) {
        *path = best;
        return CS_OK;
    }
    for (size_t i = 0; i < CSI_COUNT(names); i++) {
        if (strcmp(name, names[i]) != 0)
            continue;
        bool x86 = best >= CSI_CPU_SSE2 && best <= CSI_CPU_AVX512;
        bool can = i == CSI_CPU_C || i == (size_t)best || (x86 && i < (size_t)best);
        if (!can)
            return csi_fail(err, CS_EINVAL, -1, "CPU path \"%s\" cannot run here: the best of this processor is \"%s\"",
                            name, names[best]);
        *path = (csi_cpu_path)i;
        return CS_OK;
    }
    return csi_fail(err, CS_EINVAL, -1, "unknown CPU path \"%s\", expected c, sse2, avx2, avx512 or neon", name);
}

bool csi_cpu_has_dot(csi_cpu_path path)
{
#if defined(__x86_64__)
    unsigned a, b, c, d;
    if (path == CSI_CPU_AVX512)
        return __builtin_cpu_supports("avx512vnni");
    if (path == CSI_CPU_AVX2) /* leaf 7.1; leaf 7.0 says how many of them there are */
        return __get_cpuid_count(7, 0, &a, &b, &c, &d) && a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d)
               && (a >> 4 & 1);
#elif defined(__aarch64__)
    if (path == CSI_CPU_NEON)
        return getauxval(AT_HWCAP) & HWCAP_ASIMDDP;
#endif
    (void)path;
    return false;
}

bool csi_cpu_has_bf16(csi_cpu_path path)
{
#if defined(__x86_64__)
    unsigned a, b, c, d;
    if (path == CSI_CPU_AVX512)
        return __get_cpuid_count(7, 0, &a, &b, &c, &d) && a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d)
               && (a >> 5 & 1);
#endif
    (void)path;
    return false;
}

/* First line of a small file of /proc or /sys; "" when it cannot be read. */
static void read_line(const char *path, char *out, size_t out_size)
{
    out[0] = 0;
    int fd = csi_open_fd(path, O_RDONLY, 0);
    if (fd < 0)
        return;
    ssize_t n = read(fd, out, out_size - 1);
    close(fd);
    out[n > 0 ? n : 0] = 0;
    out[strcspn(out, "\n")] = 0;
}

/* Cores left by a cgroup v2 CPU quota ("max 100000" or "150000 100000"), rounded up; INT32_MAX without one. */
static int cgroup_cores(void)
{
    char line[128];
    read_line("/sys/fs/cgroup/cpu.max", line, sizeof line);
    long long quota, period;
    if (sscanf(line, "%lld %lld", &quota, &period) == 2 && quota > 0 && period > 0)
        return (int)CSI_MAX(1, CSI_MIN((quota + period - 1) / period, 4096));
    return INT32_MAX;
}

int csi_physical_cores(void)
{
    cpu_set_t mask;
    int n = 0;
    if (sched_getaffinity(0, sizeof mask, &mask) != 0) {
        long online = sysconf(_SC_NPROCESSORS_ONLN);
        return online > 0 ? (int)online : 1;
    }
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &mask))
            continue;
        /* A hyper-thread counts only when no sibling with a smaller number is in the mask. */
        char path[128], line[128];
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
        read_line(path, line, sizeof line);
        int first = cpu;
        char *end;
        long sibling = strtol(line, &end, 10);
        if (end != line && sibling >= 0 && sibling < CPU_SETSIZE && CPU_ISSET((int)sibling, &mask))
            first = (int)sibling;
        n += first == cpu;
    }
    return CSI_MAX(1, CSI_MIN(n, cgroup_cores()));
}
