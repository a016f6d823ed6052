#!/usr/bin/python3
"""Gradients of the engine beside PyTorch's autograd in float64, tensor by tensor.

Usage: gradient_test.py FOLDER_OF_PROGRAMS.
"""
import os
import pathlib
import tempfile
import unittest

import torch_lab
import torch
import torch_models
from cli_lab import main

CLASSES = 10


class Masked(torch.nn.Module):
    """Dropout that drops what the engine dropped."""

    def __init__(self, kept, probability):
        super().__init__()
        self.kept, self.factor = kept.double(), 1 / (1 - probability)

    def forward(self, x):
        return x * self.kept.reshape(x.shape) * self.factor


def fix_dropouts(net, values):
    found = [(parent, name, module) for parent in net.modules()
             for name, module in parent.named_children() if isinstance(module, torch.nn.Dropout)]
    for number, (parent, name, module) in enumerate(found):
        setattr(parent, name, Masked(values[f"kept{number}"], module.p))


def load(net, flat):
    offset = 0
    for parameter in net.parameters():
        count = parameter.numel()
        parameter.data = flat[offset:offset + count].double().reshape(parameter.shape)
        offset += count
    assert offset == flat.numel()


class Gradients(unittest.TestCase):
    def compare(self, model, side, images, bound, outer_bound):
        """`bound` of every tensor's relative error, `outer_bound` of the last layer's."""
        with tempfile.TemporaryDirectory(prefix="ginn-torch-") as folder:
            values = torch_lab.engine_values(os.environ["GINN_BIN"], pathlib.Path(folder) / "v",
                                             "gradients", model, side, images)
        net = torch_models.build(model, side, side, 3, CLASSES).double().train()
        load(net, values["parameters"])
        fix_dropouts(net, values)
        output = net(torch_lab.nchw(values["images"], images, side))
        torch.nn.functional.cross_entropy(output, values["labels"].long()).backward()
        ours = values["logits"].reshape(images, CLASSES).double()
        self.assertLess(((ours - output).norm() / output.norm()).item(), bound, "logits")
        offset, errors = 0, {}
        whole = sum(p.grad.norm() ** 2 for p in net.parameters()) ** 0.5
        for name, parameter in net.named_parameters():
            count = parameter.numel()
            found = values["gradients"][offset:offset + count].double().reshape(parameter.shape)
            offset += count
            # A bias before batch norm has no gradient but rounding: measured by the whole's.
            scale = max(parameter.grad.norm(), 1e-6 * whole)
            errors[name] = ((found - parameter.grad).norm() / scale).item()
        for name, error in errors.items():
            print(f"{model} {name}: {error:.1e}")
        for name, error in errors.items():
            self.assertLess(error, bound, name)
        self.assertLess(list(errors.values())[-1], outer_bound)

    def test_resnet20(self):
        self.compare("resnet20", 16, 8, 0.05, 2e-3)

    def test_vgg11_bn(self):
        self.compare("vgg11_bn", 32, 4, 0.05, 2e-3)

    def test_mobilenet_v2(self):
        self.compare("mobilenet_v2", 32, 16, 0.1, 2e-3)


if __name__ == "__main__":
    main()
