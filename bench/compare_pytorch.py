#!/usr/bin/python3
"""Images per second of whole training steps, ginn beside PyTorch, in one alternating run.

usage: bench/compare_pytorch.py GINN [--rounds N] [--threads 1 2] [--models resnet8 ...] [--json]

PyTorch: float32, channels-last, oneDNN on, batch 128 in one piece, SGD with momentum. ginn: batch
128 as microbatches of 32, optimiser included (`ginn bench`). Both are given their threads, and they
take turns; medians over the rounds.
"""
import argparse
import json
import statistics
import subprocess
import sys
import time

import torch

sys.path.insert(0, __file__.rsplit("/", 1)[0])
import torch_models

SIZES = {"resnet8": (28, 28, 1), "resnet20": (32, 32, 3)}
BATCH = 128


def torch_rate(model, threads, seconds):
    torch.set_num_threads(threads)
    height, width, channels = SIZES[model]
    net = torch_models.build(model, height, width, channels).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    images = torch.randn(BATCH, channels, height, width).to(memory_format=torch.channels_last)
    labels = torch.randint(0, 10, (BATCH,))
    times = []
    start = time.perf_counter()
    while len(times) < 4 or time.perf_counter() - start < seconds:
        begin = time.perf_counter()
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(images), labels).backward()
        optimizer.step()
        times.append(time.perf_counter() - begin)
    return BATCH / statistics.median(times[1:])


def ginn_rate(ginn, model, threads, seconds):
    height, width, channels = SIZES[model]
    values = {"model": model, "height": height, "width": width, "channels": channels,
              "microbatch": 32, "batch": BATCH, "threads": threads, "seconds": seconds,
              "only": "train"}
    command = [ginn, "bench", "--json"]
    for name, value in values.items():
        command += [f"--{name}", str(value)]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(run.stdout)["training (images/s)"]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ginn")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument(
        "--models", nargs="+", default=["resnet8", "resnet20"], choices=sorted(SIZES))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = []
    for model in options.models:
        for threads in options.threads:
            ours, theirs, ratios = [], [], []
            for _ in range(options.rounds):
                theirs.append(torch_rate(model, threads, options.seconds))
                ours.append(ginn_rate(options.ginn, model, threads, options.seconds))
                ratios.append(ours[-1] / theirs[-1])
            row = {"model": model, "threads": threads, "ginn": statistics.median(ours),
                   "torch": statistics.median(theirs), "ratio": statistics.median(ratios)}
            results.append(row)
            if not options.json:
                print("{model:9} {threads} threads: ginn {ginn:7.0f} images/s, torch {torch:7.0f}, "
                      "ratio {ratio:.2f}".format(**row), flush=True)
    if options.json:
        print(json.dumps({"torch": torch.__version__, "results": results}, indent=1))


if __name__ == "__main__":
    main()
