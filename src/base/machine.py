"""What this machine can do, and how it is told to keep memory."""

import ctypes
import os

import torch

# Values of ONEDNN_MAX_CPU_ISA (oneDNN's manual, "CPU Dispatcher Control") without bf16 products.
BEFORE_BF16 = ("SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2", "AVX512_CORE")
BEFORE_BF16 += ("AVX512_CORE_VNNI",)


def multiplies_bf16(device: torch.device) -> bool:
    """Whether the device has instructions for bfloat16 products.

    Elsewhere they are emulated, about a hundred times slower than float32 ones.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu" and hasattr(torch.cpu, "get_capabilities"):  # torch 2.12 and later
        can = torch.cpu.get_capabilities()
        native = any(can.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
        return native and not bf16_is_switched_off()
    return False


def bf16_is_switched_off() -> bool:
    """Whether the environment keeps torch or oneDNN from a CPU's bf16 instructions.

    `ATEN_CPU_CAPABILITY=avx2` or `ONEDNN_MAX_CPU_ISA=AVX2` make any CPU one without them.
    """
    onednn = os.environ.get("ONEDNN_MAX_CPU_ISA") or os.environ.get("DNNL_MAX_CPU_ISA", "")
    aten = os.environ.get("ATEN_CPU_CAPABILITY", "")
    return onednn.upper() in BEFORE_BF16 or aten.lower() in ("avx2", "default")


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
