"""Writes torchvision_models.json: names and shapes of the parameters, in order, of torchvision's models.

usage: make_torchvision_models.py > torchvision_models.json
"""
import json

import torchvision

NAMES = ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"]
NAMES += [f"vgg{n}{suffix}" for n in (11, 13, 16, 19) for suffix in ("", "_bn")]
NAMES.append("mobilenet_v2")

models = {}
for name in NAMES:
    model = getattr(torchvision.models, name)(weights=None, num_classes=10)
    models[name] = [f"{key} {'x'.join(map(str, value.shape))}"
                    for key, value in model.named_parameters()]
print(json.dumps({"torchvision": torchvision.__version__, "models": models}, indent=1))
