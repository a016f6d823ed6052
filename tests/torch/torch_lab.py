"""What the comparisons with PyTorch share. Ends the test as skipped where torchvision is missing."""

import pathlib
import subprocess
import sys

try:
    import torch
    import torchvision  # noqa: F401: torch_models uses it
except Exception as problem:  # not installed, or versions that do not fit
    print(f"SKIPPED: {problem}; install Debian's python3-torchvision")
    sys.exit(77)

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "tests" / "end_to_end")]
torch.set_num_threads(1)


def engine_values(programs, folder, *arguments):
    """Runs engine_values and gives its files: name to tensor."""
    folder.mkdir()
    command = [str(pathlib.Path(programs) / "engine_values"), *map(str, arguments), str(folder)]
    subprocess.run(command, check=True, timeout=500)
    kinds = {".f32": torch.float32, ".u32": torch.int32, ".u8": torch.uint8}
    return {path.stem: torch.frombuffer(bytearray(path.read_bytes()), dtype=kinds[path.suffix])
            for path in folder.iterdir()}


def nchw(images, count, side):
    return images.double().reshape(count, side, side, -1).permute(0, 3, 1, 2)
