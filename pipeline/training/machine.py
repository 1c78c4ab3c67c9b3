"""The machine's part in a run: the arithmetic it computes in, and repeatable random numbers.

What may be chosen of it stands in the environment, for it must not change what DVC takes a stage for.
"""

import os

import torch
from accelerate.utils import DynamoBackend, TorchDynamoPlugin
from transformers import PreTrainedModel, set_seed

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


def use_tf32(precision: str) -> bool:
    """Whether a GPU multiplies 32-bit numbers with 10 bits of mantissa; other machines compute them whole."""
    return precision == "tf32" and torch.cuda.is_available()


def is_exact() -> bool:
    """Whether the same is to give the same again, as everything does unless GRAFT_DETERMINISTIC is 0."""
    return os.environ.get("GRAFT_DETERMINISTIC") != "0"


def compiler() -> str:
    """The backend of torch.compile that ACCELERATE_DYNAMO_BACKEND names, ``no`` for none."""
    return str(TorchDynamoPlugin().backend.value).lower()


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and torch, and choose kernels that give the same again where that is asked for.

    Torch warns of an operation that has no such kernel.
    """
    set_seed(seed)
    exact = is_exact()
    if exact:
        # cuBLAS reads it when it is first used: without it a sum may be taken in another order each time.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.backends.cudnn.deterministic = exact
    torch.use_deterministic_algorithms(exact, warn_only=True)
    # Torch would write NaN into all memory that it takes, to show who reads it unwritten: a kernel more each time.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def compile_if_asked(model: PreTrainedModel) -> PreTrainedModel:
    """Compile ``model`` in place with the backend in ACCELERATE_DYNAMO_BACKEND, which Trainer heeds by itself."""
    asked = TorchDynamoPlugin()
    if asked.backend != DynamoBackend.NO and model._compiled_call_impl is None:
        model.compile(**asked.to_kwargs())
    return model


def device() -> torch.device:
    """The accelerator if there is one, else the CPU."""
    return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
