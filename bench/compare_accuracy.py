#!/usr/bin/python3
"""Test accuracy of a job trained by ginn beside PyTorch float32, over several seeds.

usage: bench/compare_accuracy.py GINN JOB.toml [--seeds 1 2 3] [--plain] [--only torch]

The PyTorch run has the same network, initialisation law, batch, schedule, crop, flip, microbatch
batch norm and, unless --plain is given, the same clipping of every microbatch's gradient to C. Its
batch order and random numbers are its own. --plain: one batch of 128, no clipping. Data: IDX or
CIFAR-10's binary files, named as in a job file.
"""
import argparse
import glob
import gzip
import json
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib

import numpy
import torch

sys.path.insert(0, __file__.rsplit("/", 1)[0])
import torch_models


def read_idx(path):
    if not os.path.exists(path):
        path += ".gz"
    data = (gzip.open if path.endswith(".gz") else open)(path, "rb").read()
    rank = data[3]
    shape = [int.from_bytes(data[4 + 4 * i:8 + 4 * i], "big") for i in range(rank)]
    return numpy.frombuffer(data, numpy.uint8, offset=4 + 4 * rank).reshape(shape)


def read_cifar10(prefix):
    """Images [N, 3, 32, 32] and labels [N] of PREFIX.bin, or of PREFIX_1.bin, PREFIX_2.bin, ..."""
    files = glob.glob(prefix + ".bin") or sorted(glob.glob(prefix + "_*.bin"))
    records = numpy.concatenate([numpy.fromfile(f, numpy.uint8) for f in files]).reshape(-1, 3073)
    return records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0]


def load(prefix):
    """Images [N, C, H, W] (uint8) and labels [N]."""
    if glob.glob(prefix + "*.bin"):
        images, labels = read_cifar10(prefix)
    else:
        images = read_idx(prefix + "-images-idx3-ubyte")[:, None]
        labels = read_idx(prefix + "-labels-idx1-ubyte")
    return torch.tensor(images.copy()), torch.tensor(labels.astype(numpy.int64))


def augment(images, crop, flip, generator):
    n, _, height, width = images.shape
    if crop:
        padded = torch.nn.functional.pad(images, (crop,) * 4)
        rows = torch.randint(0, 2 * crop + 1, (n,), generator=generator)
        columns = torch.randint(0, 2 * crop + 1, (n,), generator=generator)
        corners = zip(rows.tolist(), columns.tolist())
        images = torch.stack(
            [padded[i, :, r:r + height, c:c + width] for i, (r, c) in enumerate(corners)])
    if flip:
        mirrored = torch.rand(n, generator=generator) < 0.5
        images[mirrored] = images[mirrored].flip(3)
    return images


def learning_rate(job, step, steps):
    lr = job["train"]["lr"]
    warmup = math.floor(lr.get("warmup", 0) * steps)
    if step < warmup:
        return lr["peak"] * (step + 1) / warmup
    assert lr.get("schedule", "cosine") == "cosine", "only cosine is known here"
    return lr["peak"] * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))


def torch_accuracy(job, seed, plain):
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    train, data = job["train"], job["data"]
    images, labels = load(data["train"])
    mean, std = (torch.tensor(data[key]).reshape(1, -1, 1, 1) for key in ("mean", "std"))
    normalise = lambda x: ((x.float() / 255 - mean) / std).to(memory_format=torch.channels_last)
    channels, height, width = images.shape[1:]
    net = torch_models.build(job["model"]["name"], height, width, channels,
                             int(labels.max()) + 1)
    net = net.to(memory_format=torch.channels_last)
    parameters = list(net.parameters())
    optimizer = torch.optim.SGD(parameters, lr=1, momentum=train.get("momentum", 0.9),
                                weight_decay=train.get("weight_decay", 0))
    batch = train.get("batch", 128)
    micro = batch if plain else train.get("microbatch", 32)
    steps = len(images) // batch * train["epochs"]
    step = 0
    for epoch in range(train["epochs"]):
        begun, losses = time.monotonic(), 0.0
        order = torch.randperm(len(images), generator=generator)
        for begin in range(0, len(images) - batch + 1, batch):
            total = [torch.zeros_like(p) for p in parameters]
            for part in order[begin:begin + batch].split(micro):
                x = augment(images[part], job.get("augment", {}).get("crop", 0),
                            job.get("augment", {}).get("flip", False), generator)
                loss = torch.nn.functional.cross_entropy(net(normalise(x)), labels[part])
                losses += loss.item() * micro / batch
                gradients = torch.autograd.grad(loss, parameters)
                norm = math.sqrt(sum(float(g.pow(2).sum()) for g in gradients))
                scale = 1.0 if plain else min(1.0, train["clip_norm"] / norm)
                for sum_, g in zip(total, gradients):
                    sum_.add_(g, alpha=scale * micro / batch)
            for p, g in zip(parameters, total):
                p.grad = g
            optimizer.param_groups[0]["lr"] = learning_rate(job, step, steps)
            optimizer.step()
            step += 1
        print(f"torch seed {seed} epoch {epoch + 1}/{train['epochs']}: loss "
              f"{losses / (len(images) // batch):.4f}, {time.monotonic() - begun:.0f} s",
              file=sys.stderr, flush=True)
    # Statistics from the final weights, as the job's definition has them.
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None
    with torch.no_grad():
        for part in torch.randperm(len(images), generator=generator)[:2048].split(micro):
            net(normalise(images[part]))
        net.eval()
        test, truth = load(data["test"])
        found = torch.cat([net(normalise(x)).argmax(1) for x in test.split(500)])
    return float((found == truth).float().mean())


def ginn_accuracy(ginn, job_path, seed):
    text = open(job_path).read()
    text, count = re.subn(r"(?m)^seed\s*=.*$", f"seed = {seed}", text)
    assert count == 1, "the job file must have one line seed = ..."
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "job.toml")
        open(path, "w").write(text)
        out = os.path.join(folder, "run")
        command = [ginn, "train", path, "--unverified", "--quiet", "--out", out]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        result = subprocess.run(
            [ginn, "eval", out, "--json"], check=True, capture_output=True, text=True)
        return json.loads(result.stdout)["accuracy"]


def summary(found, of):
    return ", ".join(f"{name} {100 * of(values):.2f} %" for name, values in found.items())


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ginn")
    parser.add_argument("job")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", choices=("ginn", "torch"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with open(options.job, "rb") as file:
        job = tomllib.load(file)
    sides = {"ginn": lambda seed: ginn_accuracy(options.ginn, options.job, seed),
             "torch": lambda seed: torch_accuracy(job, seed, options.plain)}
    found = {name: [] for name in sides if options.only in (None, name)}
    for seed in options.seeds:
        for name in found:
            found[name].append(sides[name](seed))
        print(f"seed {seed}: {summary(found, lambda values: values[-1])}", flush=True)
    print(f"mean: {summary(found, statistics.mean)}{' (torch plain)' if options.plain else ''}")


if __name__ == "__main__":
    main()
