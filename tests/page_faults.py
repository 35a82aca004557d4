"""How often memory is faulted in, for tests of processes that keep it."""

import os

import pytest

from black_average_drop.artifact import allocator

LIBRARY = allocator._glibc()
glibc_only = pytest.mark.skipif(
    LIBRARY < allocator.OLDEST_GLIBC, reason="the C library is not glibc 2.35 or newer: there is nothing to set"
)
# Takes and gives back 40 MiB twenty times, more than glibc keeps by itself, and prints how many pages were faulted in.
FAULTS = """
import ctypes, resource
c = ctypes.CDLL(None)
c.malloc.restype, c.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
c.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    buffer = c.malloc(40 << 20)
    c.memset(buffer, 1, 40 << 20)
    c.free(buffer)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
PAGES = (40 << 20) // os.sysconf("SC_PAGE_SIZE")
