#pragma once

#include <string_view>

namespace ginn::import {

// What `ginn init` writes. A commented key shows its default: the tests hold that.
inline constexpr std::string_view kJobTemplate =
    R"(# A training job for ginn. docs/job.md explains every key; a commented key shows its default.
# Next: ginn plan job.toml

[model]
name = "resnet8"                 # mlp, lenet, resnet8, resnet20, ... (ginn inspect resnet8)
# To start from another model's weights (weights, freeze, [[train.groups]]): examples/transfer.toml

[data]
# IDX files: this prefix stands for train-images-idx3-ubyte.gz and train-labels-idx1-ubyte.gz.
# Relative paths are relative to this file's folder. Paths are not part of the job's digest.
train = "/usr/share/datasets/fashion-mnist/train"
test = "/usr/share/datasets/fashion-mnist/t10k"
# The root binds every record of the training data. ginn plan prints it; run that on a machine you
# trust and put the root in here: ginn train refuses a job without it.
# root = "sha256:..."
mean = [0.286]                   # of each channel, pixels scaled to [0, 1]
std = [0.353]
# pad = 0                        # zero pixels added on each side

[augment]
crop = 2                         # random shift by up to so many pixels
flip = true                      # mirror half of the images

[train]
epochs = 4
batch = 128                      # images a step
microbatch = 32                  # images a contribution: what is handed over and replayed
# last_batch = "drop"            # or "carry": the rest of an epoch begins the next one
# optimizer = "sgd"
momentum = 0.9
# nesterov = false
weight_decay = 5e-4
# decoupled = false              # true: decay is not multiplied into the gradient
clip_norm = 0.5                  # the largest norm of a contribution: limits what tampering can do
# label_smoothing = 0.0
seed = 1
# bn_samples = 2048              # records for the final batch-norm statistics

[train.lr]
schedule = "cosine"              # or "constant", "step"
peak = 0.4
warmup = 0.05                    # share of the steps
# milestones = [0.5, 0.75]       # only for "step": shares of the steps, these for example
# gamma = 0.1                    # only for "step": factor at each milestone

[integrity]
probability = 0.999              # a run tampered with by the budget passes with at most 1 - this
budget = 0.01                    # 0.01: a share of the contributions; 24: so many of them
# verify = "sample"              # or "all": every contribution is replayed
# verify_last = 0.0              # share of the steps, at the end, that is replayed in full
# lives = 1
# nonce = ""                     # yours, to tell runs of the same job apart

[arithmetic]
format = "dfp14"                 # or "dfp16": half the rounding error at twice the time
)";

}  // namespace ginn::import
