#!/usr/bin/python3
"""Test accuracy of a job trained by ginn beside PyTorch float32, over several seeds.

usage: bench/compare_accuracy.py GINN JOB.toml [--seeds 1 2 3] [--plain]

The PyTorch run has the same network, initialisation law, batch, schedule, crop, flip, microbatch
batch norm and, unless --plain is given, the same clipping of every microbatch's gradient to C. Its
batch order and random numbers are its own. --plain: one batch of 128, no clipping.
"""
import argparse
import gzip
import json
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile
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


def load(prefix):
    images = torch.tensor(read_idx(prefix + "-images-idx3-ubyte").copy())
    labels = torch.tensor(read_idx(prefix + "-labels-idx1-ubyte").astype(numpy.int64))
    return images[:, None], labels


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
    mean, std = data["mean"][0], data["std"][0]
    normalise = lambda x: (x.float() / 255 - mean) / std
    net = torch_models.build(job["model"]["name"], 28, 28, 1)
    parameters = list(net.parameters())
    optimizer = torch.optim.SGD(parameters, lr=1, momentum=train.get("momentum", 0.9),
                                weight_decay=train.get("weight_decay", 0))
    batch = train.get("batch", 128)
    micro = batch if plain else train.get("microbatch", 32)
    steps = len(images) // batch * train["epochs"]
    step = 0
    for _ in range(train["epochs"]):
        order = torch.randperm(len(images), generator=generator)
        for begin in range(0, len(images) - batch + 1, batch):
            total = [torch.zeros_like(p) for p in parameters]
            for part in order[begin:begin + batch].split(micro):
                x = augment(images[part], job.get("augment", {}).get("crop", 0),
                            job.get("augment", {}).get("flip", False), generator)
                loss = torch.nn.functional.cross_entropy(net(normalise(x)), labels[part])
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


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ginn")
    parser.add_argument("job")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with open(options.job, "rb") as file:
        job = tomllib.load(file)
    ours, theirs = [], []
    for seed in options.seeds:
        ours.append(ginn_accuracy(options.ginn, options.job, seed))
        theirs.append(torch_accuracy(job, seed, options.plain))
        print(f"seed {seed}: ginn {100 * ours[-1]:.2f} %, torch {100 * theirs[-1]:.2f} %",
              flush=True)
    print(f"mean: ginn {100 * statistics.mean(ours):.2f} %, "
          f"torch {100 * statistics.mean(theirs):.2f} %"
          f"{' (plain)' if options.plain else ''}")


if __name__ == "__main__":
    main()
