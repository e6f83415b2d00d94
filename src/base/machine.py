"""What this machine can do, and how it is told to keep memory."""

import ctypes

import torch


def multiplies_bf16(device: torch.device) -> bool:
    """Whether the device has instructions for bfloat16 products (elsewhere they are emulated)."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu" and hasattr(torch.cpu, "get_capabilities"):  # torch 2.12 and later
        found = torch.cpu.get_capabilities()
        return any(found.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return False


def keep_memory() -> None:
    """Tell glibc to keep freed memory: else each step maps it afresh, at the price of page faults.

    Does nothing where the C library is another one.
    """
    try:
        libc = ctypes.CDLL("libc.so.6")
    except OSError:
        return
    m_trim_threshold, m_mmap_threshold, m_arena_max = -1, -3, -8  # malloc.h
    if not libc.mallopt(m_mmap_threshold, 1 << 30):
        libc.mallopt(m_mmap_threshold, 1 << 25)  # the most that older ones take
    libc.mallopt(m_trim_threshold, 2**31 - 1)
    libc.mallopt(m_arena_max, 1)  # threads that share what one of them freed
