"""What the environment says about a CPU's instructions counts."""

import pytest
import torch

from base.errors import UserError
from base.machine import multiplies_bf16
from training.device import pick_precision

CPU = torch.device("cpu")
LIMITS = ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")


@pytest.mark.parametrize("variable, value, native", [
    ("ATEN_CPU_CAPABILITY", "avx2", False), ("ATEN_CPU_CAPABILITY", "default", False),
    ("ATEN_CPU_CAPABILITY", "avx512", True), ("ONEDNN_MAX_CPU_ISA", "AVX2", False),
    ("ONEDNN_MAX_CPU_ISA", "avx512_core", False), ("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_BF16", True),
    ("DNNL_MAX_CPU_ISA", "AVX2", False), ("ONEDNN_MAX_CPU_ISA", "", True),
])  # fmt: skip
def test_a_limited_cpu_has_no_bf16(monkeypatch, variable, value, native):
    for name in LIMITS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True}, raising=False)
    monkeypatch.setenv(variable, value)
    assert multiplies_bf16(CPU) is native
    assert pick_precision("auto", CPU) == (torch.bfloat16 if native else torch.float32)
    if not native:
        with pytest.raises(UserError, match="--precision auto"):
            pick_precision("bf16", CPU)


def test_a_cpu_without_the_instructions_has_no_bf16(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True}, raising=False)
    assert not multiplies_bf16(CPU)
