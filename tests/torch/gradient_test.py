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


class Path(torch.nn.Module):
    """A ReLU, ReLU6 or dropout on the engine's side of every corner: where two values differ by a
    rounding, they may lie on different sides of 0, and the gradients then differ by much more."""

    def __init__(self, paths, factor):
        super().__init__()
        self.paths, self.factor = paths, factor  # of every call, in turn

    def forward(self, x):
        path = self.paths.pop(0)
        if x.dim() == 4:
            path = path.reshape(x.shape[0], *x.shape[2:], x.shape[1]).permute(0, 3, 1, 2)
        path = path.reshape(x.shape)
        return x * (path == 1) * self.factor + 6.0 * (path == 2)


class Pool(torch.nn.Module):
    """Takes of every window the pixel that the engine took."""

    def __init__(self, pool, inputs):
        super().__init__()
        self.pool, self.inputs = pool, inputs
        pool.return_indices = True

    def forward(self, x):
        n, c, h, w = x.shape
        engine = self.inputs.pop(0).reshape(n, h, w, c).permute(0, 3, 1, 2)
        indices = self.pool(engine)[1]
        return x.flatten(2).gather(2, indices.flatten(2)).reshape(indices.shape)


class Edges(torch.nn.Module):
    """mini_edges of tests/support/small_networks.cpp. Borders: left, right, top, bottom."""

    def __init__(self):
        super().__init__()
        self.conv0 = torch.nn.Conv2d(3, 6, 3, bias=False)
        self.bn0 = torch.nn.BatchNorm2d(6)
        self.conv1 = torch.nn.Conv2d(6, 8, 3, stride=2)
        self.conv2 = torch.nn.Conv2d(16, 7, 2, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(7)
        self.conv3 = torch.nn.Conv2d(7, 5, 3, stride=2)
        self.fc = torch.nn.Linear(5 * 3 * 4, CLASSES)
        self.relu0, self.relu2 = torch.nn.ReLU(), torch.nn.ReLU()

    def forward(self, x):
        pad = torch.nn.functional.pad
        x = self.relu0(self.bn0(self.conv0(pad(x, (2, 1, 1, 2), mode="reflect"))))
        x = self.conv1(pad(x, (1, 0, 2, 1), mode="replicate"))
        x = torch.cat([x.softmax(1), x], 1)
        x = self.relu2(self.bn2(self.conv2(pad(x, (1, 1, 1, 0), mode="circular"))))
        x = self.conv3(pad(x, (1, 3, 2, 0), mode="reflect"))
        return self.fc(x.flatten(1).softmax(1))


def follow(net, values):
    """Puts the engine's paths where the network has corners. Gives the list of those not used."""
    paths = {kind: [values[f"{kind}{i}"] for i in range(sum(n.startswith(kind) for n in values))]
             for kind in ("path", "kept", "pool")}
    corners = (torch.nn.ReLU, torch.nn.ReLU6, torch.nn.Dropout, torch.nn.MaxPool2d)
    found = [(parent, name, module) for parent in net.modules()
             for name, module in parent.named_children() if isinstance(module, corners)]
    for parent, name, module in found:
        if isinstance(module, torch.nn.MaxPool2d):
            setattr(parent, name, Pool(module, paths["pool"]))
            continue
        dropout = isinstance(module, torch.nn.Dropout)
        factor = 1 / (1 - module.p) if dropout else 1.0
        setattr(parent, name, Path(paths["kept" if dropout else "path"], factor))
    return paths


def load(net, flat):
    offset = 0
    for parameter in net.parameters():
        count = parameter.numel()
        parameter.data = flat[offset:offset + count].double().reshape(parameter.shape)
        offset += count
    assert offset == flat.numel()


class Gradients(unittest.TestCase):
    def compare(self, model, side, images, tensor_bound, whole_bound, operands="dfp14"):
        """Bounds of the relative error of every tensor and of the whole gradient. Quantisation
        alone: the engine follows the same path through every corner."""
        with tempfile.TemporaryDirectory(prefix="ginn-torch-") as folder:
            values = torch_lab.engine_values(os.environ["GINN_BIN"], pathlib.Path(folder) / "v",
                                             "gradients", model, side, images, operands)
        net = (Edges() if model == "mini_edges"
               else torch_models.build(model, side, side, 3, CLASSES)).double().train()
        load(net, values["parameters"])
        paths = follow(net, values)
        output = net(torch_lab.nchw(values["images"], images, side))
        self.assertEqual(paths, {"path": [], "kept": [], "pool": []})
        torch.nn.functional.cross_entropy(output, values["labels"].long()).backward()
        expected = torch.cat([p.grad.flatten() for p in net.parameters()])
        found = values["gradients"].double()
        whole = expected.norm().item()
        error = (found - expected).norm().item() / whole
        print(f"{model}, {operands}: the whole gradient differs by {error:.1e}")
        offset, errors = 0, {}
        for name, parameter in net.named_parameters():
            part = slice(offset, offset + parameter.numel())
            offset = part.stop
            # Some have no gradient but rounding, as a bias before batch norm.
            scale = max(expected[part].norm().item(), 0.02 * whole)
            errors[name] = (found[part] - expected[part]).norm().item() / scale
            print(f"{model} {name}: {errors[name]:.1e}")
        self.assertLess(error, whole_bound)
        for name, tensor_error in errors.items():
            self.assertLess(tensor_error, tensor_bound, name)

    def test_resnet20(self):
        self.compare("resnet20", 16, 8, 0.02, 0.01)

    def test_vgg11_bn(self):
        self.compare("vgg11_bn", 32, 16, 0.08, 0.03)

    def test_softmax_and_pads(self):
        self.compare("mini_edges", 9, 8, 0.01, 0.002)

    def test_mobilenet_v2(self):
        # 53 layers with few shortcuts: its forward pass alone multiplies a rounding to 14 bits by
        # hundreds, in PyTorch too (torch_lab.rounding_error).
        self.compare("mobilenet_v2", 64, 16, 0.25, 0.1)

    def test_resnet20_dfp16(self):
        self.compare("resnet20", 16, 8, 0.01, 0.0028, "dfp16")

    def test_mobilenet_v2_dfp16(self):
        self.compare("mobilenet_v2", 64, 16, 0.15, 0.05, "dfp16")

    def test_softmax_and_pads_dfp16(self):
        self.compare("mini_edges", 9, 8, 0.01, 0.002, "dfp16")


if __name__ == "__main__":
    main()
