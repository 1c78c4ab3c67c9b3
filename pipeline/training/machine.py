"""The machine's part in a run: the arithmetic it computes in, and repeatable random numbers."""

import os

import torch
from transformers import enable_full_determinism, set_seed

# Sums of floats depend, in their last digits, on how many threads share them; a machine's own number of cores would
# give each machine its own weights.
THREADS = 2


def pin_threads() -> None:
    """Compute in two threads on every machine, or in as many as OMP_NUM_THREADS asks for."""
    if not os.environ.get("OMP_NUM_THREADS"):
        torch.set_num_threads(THREADS)


def use_bf16(precision: str) -> bool:
    """Whether to compute in bfloat16; ``auto`` does where the processor multiplies in it natively.

    That is a GPU with bf16 arithmetic, or a CPU with AMX or AVX-512 BF16.
    """
    if precision != "auto":
        return precision == "bf16"
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bool(torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported())


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and torch; on a GPU also choose deterministic kernels."""
    if torch.cuda.is_available():
        enable_full_determinism(seed)
    else:
        set_seed(seed)
        torch.use_deterministic_algorithms(True, warn_only=True)


def device() -> torch.device:
    """The accelerator if there is one, else the CPU."""
    return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
