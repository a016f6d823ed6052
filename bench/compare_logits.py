#!/usr/bin/python3
"""Logits of a run's model by the engine, by PyTorch and by textbook formulas, on real images.

usage: bench/compare_logits.py PROGRAMS RUN DATA [--images 64] [--test BATCH.bin]

PROGRAMS has engine_values; RUN is a run's folder (job.json, model.safetensors); DATA the job's
training data, as data.train in a job file. The file is loaded with strict=True. The engine is
compared with PyTorch in float64, PyTorch in float32 with the formulas of tests/oracle/reference64.h
in float64 (of the networks that it has). --test: a file of CIFAR-10, of which PyTorch's accuracy in
float32 is printed.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy
import torch

sys.path.insert(0, __file__.rsplit("/", 1)[0])
import torch_models


def float32_logits(net, job, pixels):
    """pixels: u8 [N,H,W,C]."""
    mean, std = (torch.tensor([float(v) for v in job["preprocess"][key]]).reshape(1, -1, 1, 1)
                 for key in ("mean", "std"))
    images = torch.from_numpy(pixels.copy()).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        return net((images - mean) / std)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs")
    parser.add_argument("run", type=pathlib.Path)
    parser.add_argument("data")
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--test", type=pathlib.Path)
    options = parser.parse_args()
    job = json.loads((options.run / "job.json").read_text())
    height, width, channels = (job["data"][key] for key in ("height", "width", "channels"))
    net = torch_models.build(job["model"]["name"], height, width, channels, job["data"]["classes"])
    weights = torch_models.load_safetensors(options.run / "model.safetensors")
    net.load_state_dict(weights, strict=True)
    with tempfile.TemporaryDirectory(prefix="ginn-logits-") as folder:
        subprocess.run([f"{options.programs}/engine_values", "logits", options.run, options.data,
                        str(options.images), folder], check=True)
        images = numpy.fromfile(f"{folder}/images.f32", "f4")
        ours = torch.from_numpy(numpy.fromfile(f"{folder}/logits.f32", "f4")).double()
        pixels = numpy.fromfile(f"{folder}/pixels.u8", "u1").reshape(-1, height, width, channels)
        reference = pathlib.Path(folder, "reference.f64")
        exact = numpy.fromfile(reference, "f8") if reference.exists() else None
    inputs = torch.from_numpy(images).double().reshape(options.images, height, width, channels)
    with torch.no_grad():
        theirs = net.double().eval()(inputs.permute(0, 3, 1, 2))
    ours = ours.reshape(theirs.shape)
    spread = (theirs - theirs.mean(0)).norm()
    same = (ours.argmax(1) == theirs.argmax(1)).sum().item()
    print(f"{options.images} images: logits up to {theirs.abs().max():.3f}, largest difference "
          f"{(ours - theirs).abs().max():.5f}, {(ours - theirs).norm() / spread:.2%} of their "
          f"spread; same class {same}")
    net = net.float()
    if exact is not None:
        exact = torch.from_numpy(exact).reshape(theirs.shape)
        error = (float32_logits(net, job, pixels).double() - exact).abs().max()
        print(f"PyTorch in float32 beside the formulas in float64: largest difference {error:.1e}, "
              f"{error / exact.abs().max():.1e} of the largest logit")
    if options.test:
        records = numpy.fromfile(options.test, "u1").reshape(-1, 1 + height * width * channels)
        images = records[:, 1:].reshape(-1, channels, height, width).transpose(0, 2, 3, 1)
        right = sum((float32_logits(net, job, images[i:i + 500]).argmax(1).numpy() ==
                     records[i:i + 500, 0]).sum() for i in range(0, len(records), 500))
        print(f"PyTorch in float32: {right} of {len(records)} right")


if __name__ == "__main__":
    main()
