#!/usr/bin/python3
"""One verified step of every built-in model on real images at its native size.

usage: bench/verified_steps.py GINN DATA [--models NAME ...] [--batch N] [--microbatch N]

DATA is a folder with mnist (IDX files), cifar10 (its binary batches) and imagenette (a folder with
imagenette-sample/train/CLASS/*.JPEG of 224 x 224). Every contribution is replayed (verify = "all"),
so an accepted run means that worker and verifier agree to the last bit. Prints a table: parameters,
wall seconds of the run, CPU seconds and peak memory of both sides.
"""
import argparse
import gzip
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy

SMALL = ["mlp", "lenet"]
CIFAR = ["resnet8", "resnet20", "resnet32", "resnet44", "resnet56", "resnet110"]
LARGE = ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "vgg11", "vgg11_bn", "vgg13",
         "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn", "mobilenet_v2"]

JOB = """
[model]
name = "{model}"
[data]
train = "{data}"
root = "{root}"
mean = {mean}
std = {std}
[train]
epochs = 1
batch = {batch}
microbatch = {microbatch}
bn_samples = {microbatch}
clip_norm = 1.0
[train.lr]
peak = 0.05
[integrity]
verify = "all"
nonce = "one step"
"""


def write_idx(path, array):
    header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    path.write_bytes(header + array.astype(numpy.uint8).tobytes())


def mnist(folder, count):
    return [numpy.frombuffer(gzip.open(folder / name).read()[skip:], numpy.uint8)
            .reshape(shape)[:count] for name, skip, shape in
            (("mnist/train-images-idx3-ubyte.gz", 16, (-1, 28, 28)),
             ("mnist/train-labels-idx1-ubyte.gz", 8, (-1,)))]


def cifar(folder, count):
    records = numpy.fromfile(folder / "cifar10/data_batch_1.bin", numpy.uint8).reshape(-1, 3073)
    images = records[:count, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return images, records[:count, 0]


def imagenette(folder, count):
    from PIL import Image
    classes = sorted((folder / "imagenette/imagenette-sample/train").iterdir())
    files = [sorted(c.glob("*.JPEG"))[i] for i in range(-(-count // len(classes))) for c in classes]
    images = [numpy.asarray(Image.open(f).convert("RGB")) for f in files[:count]]
    return numpy.stack(images), numpy.arange(count) % len(classes)


def run(ginn, model, data, batch, microbatch, folder):
    images, labels = data
    write_idx(folder / "train-images-idx3-ubyte", images[:batch])
    write_idx(folder / "train-labels-idx1-ubyte", labels[:batch])
    channels = 1 if images.ndim == 3 else 3
    facts = subprocess.run([ginn, "data", "--json", folder / "train"], check=True,
                           capture_output=True, text=True).stdout
    root = json.loads(facts)["datasets"][0]["root"]
    (folder / "job.toml").write_text(JOB.format(
        model=model, data=folder / "train", root=root, batch=batch, microbatch=microbatch,
        mean=[0.5] * channels, std=[0.25] * channels))
    out = folder / "run"
    subprocess.run([ginn, "train", folder / "job.toml", "--out", out, "--quiet"], check=True)
    report = json.loads((out / "run.json").read_text())
    statement = json.loads((out / "job.json").read_text())
    check = [ginn, "verify", out, "--allow-simulated", "--job", folder / "job.toml"]
    verdict = subprocess.run(check, capture_output=True, text=True)
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr
    report["size"] = f"{statement['data']['height']} x {statement['data']['width']} x {channels}"
    report["model_bytes"] = (out / "model.safetensors").stat().st_size
    return report


def row(model, report, batch, microbatch):
    mib = lambda n: f"{n / 2 ** 20:,.0f}"
    return (f"| {model} | {report['size']} | {batch} / {microbatch} | "
            f"{report['model_bytes'] / 4e6:.2f} | {report['wall_seconds']:.1f} | "
            f"{report['worker_cpu_seconds']:.1f} / {report['verifier_cpu_seconds']:.1f} | "
            f"{mib(report['worker_peak_bytes'])} / {mib(report['verifier_peak_bytes'])} |")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ginn")
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--models", nargs="+", default=SMALL + CIFAR + LARGE)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--microbatch", type=int, default=4)
    options = parser.parse_args()
    batch, microbatch = options.batch, options.microbatch
    print("| model | images | batch / microbatch | parameters, millions | wall s | CPU s, worker / "
          "verifier | peak MiB, worker / verifier |\n|---|---|---|---|---|---|---|", flush=True)
    for model in options.models:
        source = mnist if model in SMALL else cifar if model in CIFAR else imagenette
        with tempfile.TemporaryDirectory() as name:
            report = run(options.ginn, model, source(options.data, batch), batch, microbatch,
                         pathlib.Path(name))
        print(row(model, report, batch, microbatch), flush=True)


if __name__ == "__main__":
    main()
