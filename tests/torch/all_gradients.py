#!/usr/bin/python3
"""The gradient of every built-in model beside PyTorch's autograd in float64: one table.

Usage: all_gradients.py FOLDER_OF_PROGRAMS [MODEL ...]. Run by hand: minutes, and 10 GB for a VGG.
"""
import sys

import autograd

# Pixels of a side, images of a microbatch.
SIZES = {"mlp": (28, 8), "lenet": (28, 8)}
SIZES |= {f"resnet{depth}": (16, 8) for depth in (8, 20, 32, 44, 56, 110)}
SIZES |= {f"resnet{depth}": (64, 8) for depth in (18, 34, 50, 101, 152)}
SIZES |= {f"vgg{depth}{norm}": (32, 8) for depth in (11, 13, 16, 19) for norm in ("", "_bn")}
SIZES |= {"mobilenet_v2": (64, 16)}


def row(programs, model):
    side, images = SIZES[model]
    comparison = autograd.Comparison(programs, model, side, images)
    whole, tensors = comparison.whole(), comparison.tensors()
    worst = max(tensors, key=tensors.get)
    alone = comparison.by_rounding_alone()
    del comparison
    dfp16 = autograd.Comparison(programs, model, side, images, "dfp16").whole()
    return (f"| {model} | {side} x {side}, {images} | {len(tensors)} | {whole:.2%} | "
            f"{tensors[worst]:.2%} ({worst}) | {alone:.2%} | {dfp16:.2%} |")


def main():
    print("| model | pixels, images | tensors | dfp14: whole gradient | its worst tensor "
          "| 14 bits in PyTorch alone | dfp16: whole gradient |\n|---|---|---|---|---|---|---|")
    for model in sys.argv[2:] or SIZES:
        print(row(sys.argv[1], model), flush=True)


if __name__ == "__main__":
    main()
