#!/usr/bin/python3
"""A verified training's model file in torchvision: loaded with strict=True, the logits agree.

Usage: model_test.py FOLDER_OF_PROGRAMS.
"""
import os
import pathlib
import random
import re

import torch_lab
import torch
import torch_models
import torchvision
from cli_lab import LabTest, main

SIDE, IMAGES, CLASSES = 32, 32, 10
MEAN, STD = [0.5, 0.4, 0.3], [0.2, 0.25, 0.3]
JOB = """[model]
name = "{model}"
[data]
train = "data_batch"
root = "{root}"
mean = {mean}
std = {std}
[train]
epochs = {steps}
batch = 32
microbatch = 16
seed = 3
[train.lr]
peak = {peak}
schedule = "constant"
[integrity]
budget = 1
verify = "all"
"""



def channels(values):
    return torch.tensor(values).reshape(1, 3, 1, 1)


class Models(LabTest):
    def setUp(self):
        super().setUp()
        generator = random.Random(5)
        records = bytearray()
        for record in range(IMAGES):
            label = record % CLASSES
            records.append(label)
            records += bytes((180 if (pixel // SIDE) // 3 == label else 0) + generator.randrange(70)
                             for _ in range(3) for pixel in range(SIDE * SIDE))
        (self.dir / "data_batch_1.bin").write_bytes(records)

    def train(self, model, steps, peak):
        """Trains verified through the command line; gives what PyTorch loaded of it."""
        data = self.ginn(0, "data", self.dir / "data_batch").stdout
        root = re.search(r"root +(sha256:[0-9a-f]{64})", data)[1]
        job = self.dir / "job.toml"
        job.write_text(JOB.format(model=model, root=root, steps=steps, peak=peak, mean=MEAN,
                                  std=STD))
        self.ginn(0, "train", job, "--out", "run", "--threads", 2, "--quiet")
        self.ginn(0, "verify", "run", "--job", job, "--allow-simulated")
        net = torch_models.build(model, SIDE, SIDE, 3, CLASSES)
        weights = torch_models.load_safetensors(self.dir / "run" / "model.safetensors")
        net.load_state_dict(weights, strict=True)
        return net

    def test_mobilenet_v2(self):
        net = self.train("mobilenet_v2", 3, 0.05)
        values = torch_lab.engine_values(os.environ["GINN_BIN"], self.dir / "values", "logits",
                                         self.dir / "run", self.dir / "data_batch", IMAGES)
        images = torch_lab.nchw(values["images"], IMAGES, SIDE)
        ours = values["logits"].reshape(IMAGES, CLASSES).double()
        with torch.no_grad():
            theirs = net.double().eval()(images)
        spread = (theirs - theirs.mean(0)).norm().item()  # from image to image
        error = (ours - theirs).norm().item() / spread
        rounding = torch_lab.rounding_error(net, images) / spread
        print(f"mobilenet_v2: logits differ by {error:.1%} of their spread, {rounding:.1%} of it "
              "comes from 14 bits alone")
        self.assertLess(error, 0.25)
        self.assertLess(error, 2 * rounding)

    def test_logits_are_those_of_the_weights_within_float32(self):
        """PyTorch in float32 beside textbook formulas in float64: the file means to PyTorch what it
        means here (names, layouts, epsilon, variances), with no engine's rounding between."""
        net = self.train("resnet8", 3, 0.05)
        values = torch_lab.engine_values(os.environ["GINN_BIN"], self.dir / "values", "logits",
                                         self.dir / "run", self.dir / "data_batch", IMAGES)
        pixels = values["pixels"].reshape(IMAGES, SIDE, SIDE, 3).permute(0, 3, 1, 2)
        exact = values["reference"].reshape(IMAGES, CLASSES)
        with torch.no_grad():
            theirs = net.eval()((pixels.float() / 255 - channels(MEAN)) / channels(STD))
        error = ((theirs.double() - exact).abs().max() / exact.abs().max()).item()
        print(f"resnet8: float32 differs by {error:.1e} of the largest logit from float64")
        self.assertLess(error, 1e-5)
        ours = values["logits"].reshape(IMAGES, CLASSES).double()
        self.assertGreater(((ours - exact).abs().max() / exact.abs().max()).item(), 1e-5,
                           "the engine's own rounding would show")

    def test_mobilenet_v2_begins_as_torchvisions(self):
        """Means and deviations of the initial weights; one step moves them by at most 1e-9."""
        ours = dict(self.train("mobilenet_v2", 1, 1e-9).named_parameters())
        torch.manual_seed(1)
        theirs = torchvision.models.mobilenet_v2(num_classes=CLASSES).named_parameters()
        for name, expected in theirs:
            found, count = ours[name].double(), expected.numel()
            if expected.std() == 0 or count == 1:
                self.assertLess((found - expected).abs().max(), 1e-6, name)
                continue
            sigma = expected.std().item()
            # Both are samples: of the deviation with an error of sigma / sqrt(2 n), of the mean
            # with sigma / sqrt(n).
            self.assertLess(abs(found.std().item() - sigma), 6 * sigma / count ** 0.5, name)
            self.assertLess(abs(found.mean().item()), 6 * sigma / count ** 0.5, name)


if __name__ == "__main__":
    main()
