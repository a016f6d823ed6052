#!/usr/bin/python3
"""Gradients of the engine beside PyTorch's autograd in float64, tensor by tensor.

Usage: gradient_test.py FOLDER_OF_PROGRAMS. The other models: all_gradients.py.
"""
import os
import unittest

import autograd
from cli_lab import main


class Gradients(unittest.TestCase):
    def compare(self, model, side, images, tensor_bound, whole_bound, operands="dfp14"):
        """Bounds of the relative error of every tensor and of the whole gradient."""
        comparison = autograd.Comparison(os.environ["GINN_BIN"], model, side, images, operands)
        error, errors = comparison.whole(), comparison.tensors()
        print(f"{model}, {operands}: the whole gradient differs by {error:.1e}")
        for name, tensor_error in errors.items():
            print(f"{model} {name}: {tensor_error:.1e}")
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
