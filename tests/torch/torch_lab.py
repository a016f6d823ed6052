"""What the comparisons with PyTorch share. Skips the test where torchvision is missing."""

import contextlib
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
    kinds = {".f32": torch.float32, ".u32": torch.int32, ".u8": torch.uint8,
             ".f64": torch.float64}
    return {path.stem: torch.frombuffer(bytearray(path.read_bytes()), dtype=kinds[path.suffix])
            for path in folder.iterdir()}


def nchw(images, count, side):
    return images.double().reshape(count, side, side, -1).permute(0, 3, 1, 2)


def rounded(x, bits=14):
    largest = x.abs().max()
    unit = 2.0 ** torch.ceil(torch.log2(largest / (2 ** (bits - 1) - 1)))
    return torch.round(x / unit) * unit


class Rounded(torch.autograd.Function):
    """Values and their gradients in 14 bits and one exponent, as operands are."""

    @staticmethod
    def forward(ctx, x):
        return rounded(x)

    @staticmethod
    def backward(ctx, gradient):
        return rounded(gradient)


@contextlib.contextmanager
def in_14_bits(net):
    """Meanwhile its weights and its layers' outputs, and the gradients of these, are rounded."""
    layers = (torch.nn.Conv2d, torch.nn.BatchNorm2d)
    hooks = [module.register_forward_hook(lambda module, inputs, output: Rounded.apply(output))
             for module in net.modules() if isinstance(module, layers)]
    kept = {p: p.data for p in net.parameters() if p.dim() > 1}
    for parameter, values in kept.items():
        parameter.data = rounded(values)
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
        for parameter, values in kept.items():
            parameter.data = values


def rounding_error(net, images):
    """How far a float64 network's outputs go when its weights and its layers' outputs are rounded
    to 14 bits: what any 14-bit arithmetic costs this network at these weights."""
    with torch.no_grad():
        exact = net(images)
        with in_14_bits(net):
            return (net(images) - exact).norm().item()
