#!/usr/bin/python3
"""Times whole training steps in PyTorch, for compare_pytorch.py, which starts it with the
interpreter whose PyTorch is meant.

usage: bench/torch_worker.py '{"model": "resnet8", "height": 32, "width": 32, "channels": 3,
                               "classes": 10, "batch": 128, "threads": 1, "seconds": 3}'

float32, channels-last, oneDNN; SGD with momentum and weight decay; the batch in one piece, made
beforehand. One step warms up. Prints one JSON object: images/s and peak memory (VmHWM).
"""
import json
import pathlib
import statistics
import sys
import time

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import torch_models

LEAST = 3  # steps, unless they are very long


def peak_memory():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def blas():
    """The library that multiplies the matrices of linear layers; after the first step."""
    files = {line.split()[-1] for line in open("/proc/self/maps") if "/" in line}
    # Debian's alternatives: each in a folder of its own, which a LAPACK beside it does not decide.
    folders = [pathlib.Path(file).resolve().parent.name for file in files if "/libblas.so" in file]
    if folders:
        return "reference BLAS" if folders[0] == "blas" else folders[0]
    for part in ("mkl", "openblas"):
        if any(part in file for file in files):
            return part
    return "built in"


def enough(times, spent, seconds):
    return spent >= seconds if len(times) >= LEAST else bool(times) and spent >= 4 * seconds


def main():
    job = json.loads(sys.argv[1])
    imported = peak_memory()
    torch.manual_seed(1)
    torch.set_num_threads(job["threads"])
    size = (job["height"], job["width"], job["channels"])
    net = torch_models.build(job["model"], *size, job["classes"])
    net = net.to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    images = torch.randn(job["batch"], size[2], size[0], size[1])
    images = images.to(memory_format=torch.channels_last)
    labels = torch.randint(0, job["classes"], (job["batch"],))
    times = []
    start = time.perf_counter()
    warm = False
    while not enough(times, time.perf_counter() - start, job["seconds"]):
        begin = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        loss = torch.nn.functional.cross_entropy(net(images), labels, label_smoothing=0.1)
        loss.backward()
        optimizer.step()
        if warm:
            times.append(time.perf_counter() - begin)
        warm = True
    print(json.dumps({
        "torch": torch.__version__, "onednn": torch.backends.mkldnn.is_available(),
        "blas": blas(), "torchvision": torch_models.torchvision is not None,
        "rate": job["batch"] / statistics.median(times),
        "peak_memory_bytes": peak_memory(), "import_memory_bytes": imported}))


if __name__ == "__main__":
    main()
