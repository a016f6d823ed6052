#!/usr/bin/python3
"""Logits of a run's model by the engine and by PyTorch in float64, on the same real images.

usage: bench/compare_logits.py PROGRAMS RUN DATA [--images 64]

PROGRAMS has engine_values; RUN is a run's folder (job.json, model.safetensors); DATA the job's
training data, as data.train in a job file. The file is loaded with strict=True.
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


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs")
    parser.add_argument("run", type=pathlib.Path)
    parser.add_argument("data")
    parser.add_argument("--images", type=int, default=64)
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
    inputs = torch.from_numpy(images).double().reshape(options.images, height, width, channels)
    with torch.no_grad():
        theirs = net.double().eval()(inputs.permute(0, 3, 1, 2))
    ours = ours.reshape(theirs.shape)
    spread = (theirs - theirs.mean(0)).norm()
    same = (ours.argmax(1) == theirs.argmax(1)).sum().item()
    print(f"{options.images} images: logits up to {theirs.abs().max():.3f}, largest difference "
          f"{(ours - theirs).abs().max():.5f}, {(ours - theirs).norm() / spread:.2%} of their "
          f"spread; same class {same}")


if __name__ == "__main__":
    main()
