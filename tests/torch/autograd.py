"""Gradients of the engine beside PyTorch's autograd in float64, on the engine's side of corners."""
import pathlib
import tempfile

import torch_lab
import torch
import torch_models

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


class Comparison:
    """One microbatch of synthetic images in both. The engine's corners are PyTorch's, so that what
    is left between the two is quantisation."""

    def __init__(self, programs, model, side, images, operands="dfp14"):
        with tempfile.TemporaryDirectory(prefix="ginn-torch-") as folder:
            self.values = torch_lab.engine_values(programs, pathlib.Path(folder) / "v", "gradients",
                                                  model, side, images, operands)
        self.net = (Edges() if model == "mini_edges"
                    else torch_models.build(model, side, side, 3, CLASSES)).double().train()
        load(self.net, self.values["parameters"])
        self.images = torch_lab.nchw(self.values["images"], images, side)
        self.paths = follow(self.net, self.values)
        self.all_paths = {kind: list(paths) for kind, paths in self.paths.items()}
        self.exact = self.gradient()

    def gradient(self):
        for kind, paths in self.all_paths.items():
            self.paths[kind][:] = paths
        self.net.zero_grad(set_to_none=True)
        output = self.net(self.images)
        assert not any(self.paths.values()), "the engine has more corners than PyTorch"
        labels = self.values["labels"].long()
        torch.nn.functional.cross_entropy(output, labels).backward()
        return torch.cat([p.grad.flatten() for p in self.net.parameters()])

    def whole(self):
        """The relative difference of the engine's gradient."""
        difference = self.values["gradients"].double() - self.exact
        return (difference.norm() / self.exact.norm()).item()

    def tensors(self):
        """The same of every tensor, by name."""
        found, least = self.values["gradients"].double(), 0.02 * self.exact.norm().item()
        offset, errors = 0, {}
        for name, parameter in self.net.named_parameters():
            part = slice(offset, offset + parameter.numel())
            offset = part.stop
            # Some have no gradient but rounding, as a bias before batch norm.
            scale = max(self.exact[part].norm().item(), least)
            errors[name] = (found[part] - self.exact[part]).norm().item() / scale
        return errors

    def by_rounding_alone(self):
        """How far PyTorch's own gradient goes when weights and layers' outputs, and the gradients
        of these, are rounded to 14 bits: what any 14-bit arithmetic costs this network."""
        with torch_lab.in_14_bits(self.net):
            return ((self.gradient() - self.exact).norm() / self.exact.norm()).item()
