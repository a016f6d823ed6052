#!/usr/bin/python3
"""The loss of every step of a training by ginn beside PyTorch float32 on the same batches.

usage: bench/loss_curves.py PROGRAMS DATA [--steps 200] [--models resnet20 ...] [--microbatch 32]
                            [--out FOLDER]

PROGRAMS has engine_values; DATA as data.train in a job file. PyTorch begins with the engine's
initial weights, sees the engine's microbatches (crops and flips done), normalises and clips every
microbatch by itself and applies the engine's optimiser; dropout's random numbers are its own.
Writes MODEL.csv (step, ginn, pytorch), and curves.svg of all such files in the folder.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy
import torch

sys.path.insert(0, __file__.rsplit("/", 1)[0])
import torch_models

BATCH, CLIP, MOMENTUM, DECAY, CLASSES = 128, 1.0, 0.9, 5e-4, 10
COLOURS = ("#1f6f8b", "#c8553d", "#588157")


def engine(programs, model, data, steps, microbatch, folder):
    subprocess.run([f"{programs}/engine_values", "curve", model, data, str(steps), folder,
                    str(microbatch)], check=True)
    read = {name: numpy.fromfile(f"{folder}/{name}", kind) for name, kind in
            (("parameters.f32", "f4"), ("labels.u32", "i4"), ("losses.f32", "f4"),
             ("rates.f32", "f4"))}
    count = len(read["labels.u32"])
    images = numpy.memmap(f"{folder}/images.f32", "f4", "r")
    side = round((images.size / count / 3) ** 0.5)
    return read, images.reshape(count, side, side, 3), side


def load(net, flat):
    offset = 0
    for parameter in net.parameters():
        count = parameter.numel()
        values = torch.from_numpy(flat[offset:offset + count].copy())
        parameter.data = values.reshape(parameter.shape).contiguous()
        offset += count
    assert offset == flat.size


def microbatch_gradients(net, images, labels):
    """Clipped to CLIP over all parameters together. Gives them and the summed loss."""
    loss = torch.nn.functional.cross_entropy(net(images), labels, reduction="sum")
    gradients = torch.autograd.grad(loss / len(labels), list(net.parameters()))
    norms = [torch.linalg.vector_norm(g, dtype=torch.float64) for g in gradients]
    norm = torch.linalg.vector_norm(torch.stack(norms)).item()
    factor = min(1.0, CLIP / norm) if norm > 0 else 1.0
    return [g.mul_(factor) for g in gradients], loss.item()


def pytorch(model, read, images, side, steps, microbatch):
    torch.manual_seed(1)
    net = torch_models.build(model, side, side, 3, CLASSES).train()
    load(net, read["parameters.f32"])
    velocities = [torch.zeros_like(p) for p in net.parameters()]
    losses = []
    for step in range(steps):
        sums, loss = None, 0.0
        for first in range(step * BATCH, (step + 1) * BATCH, microbatch):
            part = slice(first, first + microbatch)
            batch = torch.from_numpy(images[part].copy()).permute(0, 3, 1, 2)
            labels = torch.from_numpy(read["labels.u32"][part].astype("i8"))
            gradients, sum_loss = microbatch_gradients(net, batch, labels)
            sums = gradients if sums is None else [a.add_(b) for a, b in zip(sums, gradients)]
            loss += sum_loss
        losses.append(loss / BATCH)
        rate = float(read["rates.f32"][step])
        with torch.no_grad():
            for p, v, g in zip(net.parameters(), velocities, sums):
                v.mul_(MOMENTUM).add_(g, alpha=microbatch / BATCH).add_(p, alpha=DECAY)
                p.sub_(v, alpha=rate)
        if step % 20 == 19:
            print(f"{model}: {step + 1} of {steps} steps in PyTorch", file=sys.stderr, flush=True)
    return losses


def read_curves(path):
    rows = [line.split(",") for line in path.read_text().splitlines()[1:]]
    return [float(row[1]) for row in rows], [float(row[2]) for row in rows]


def smooth(values, width=10):
    return [sum(values[max(0, i - width + 1):i + 1]) / min(i + 1, width)
            for i in range(len(values))]


def svg(curves, path):
    """Means over the last ten steps: full lines ginn, dashed ones PyTorch."""
    width, height, left, top = 640, 360, 50, 20
    most = max(max(smooth(v)) for pair in curves.values() for v in pair)
    steps = max(len(pair[0]) for pair in curves.values())

    def line(values, colour, dash):
        points = " ".join(f"{left + i * (width - left - 20) / (steps - 1):.1f},"
                          f"{top + (1 - v / most) * (height - top - 40):.1f}"
                          for i, v in enumerate(smooth(values)))
        return (f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.6"'
                f'{" stroke-dasharray=" + chr(34) + "5 3" + chr(34) if dash else ""}/>')

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
           'font-family="sans-serif" font-size="12">',
           f'<rect width="{width}" height="{height}" fill="#fff"/>']
    for tick in range(int(most * 2) + 1):
        y = top + (1 - tick / 2 / most) * (height - top - 40)
        out.append(f'<line x1="{left}" x2="{width - 20}" y1="{y:.1f}" y2="{y:.1f}" '
                   f'stroke="#ddd"/><text x="{left - 8}" y="{y + 4:.1f}" '
                   f'text-anchor="end">{tick / 2}</text>')
    for i in range(0, steps + 1, max(1, steps // 4)):
        x = left + i * (width - left - 20) / steps
        out.append(f'<text x="{x:.1f}" y="{height - 22}" text-anchor="middle">{i}</text>')
    out.append(f'<text x="{(left + width) / 2}" y="{height - 6}" text-anchor="middle">'
               'step; loss, mean of ten steps; dashed: PyTorch float32</text>')
    for (model, (ours, theirs)), colour in zip(curves.items(), COLOURS):
        out += [line(ours, colour, False), line(theirs, colour, True)]
        y = height - 60 - 16 * list(curves).index(model)
        out.append(f'<text x="{left + 12}" y="{y}" fill="{colour}">{model}</text>')
    path.write_text("\n".join(out + ["</svg>"]) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("programs")
    parser.add_argument("data")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--microbatch", type=int, default=32)
    parser.add_argument("--models", nargs="+", default=["resnet20", "vgg11_bn", "mobilenet_v2"])
    parser.add_argument("--out", default=".", type=pathlib.Path)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for model in options.models:
        with tempfile.TemporaryDirectory(prefix="ginn-curves-") as folder:
            read, images, side = engine(options.programs, model, options.data, options.steps,
                                        options.microbatch, folder)
            ours = [float(loss) for loss in read["losses.f32"]]
            theirs = pytorch(model, read, images, side, options.steps, options.microbatch)
        rows = [f"{i},{a:.5f},{b:.5f}" for i, (a, b) in enumerate(zip(ours, theirs))]
        (options.out / f"{model}.csv").write_text("\n".join(["step,ginn,pytorch", *rows]) + "\n")
        last = slice(-50, None)
        print(f"{model}: first step {ours[0]:.5f} and {theirs[0]:.5f}; mean of the last 50 "
              f"{sum(ours[last]) / len(ours[last]):.4f} and "
              f"{sum(theirs[last]) / len(theirs[last]):.4f}", flush=True)
    svg({file.stem: read_curves(file) for file in sorted(options.out.glob("*.csv"))},
        options.out / "curves.svg")


if __name__ == "__main__":
    main()
