#!/usr/bin/python3
"""The tables of docs/attacks.md from the sweeps' files: tables.py [FOLDER], Markdown on stdout."""
import csv
import pathlib
import sys

FOLDER = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)


def rows(files, attack, count, when="uniform", combine="sum"):
    found = []
    for name in files.split():
        if not (FOLDER / f"{name}.csv").exists():
            continue
        with open(FOLDER / f"{name}.csv", encoding="ascii") as file:
            found += [row for row in csv.DictReader(file)
                      if (row["attack"], int(row["count"]), row["when"], row["combine"])
                      == (attack, count, when, combine)]
    return sorted(found, key=lambda row: int(row["seed"]))


def accuracy(found):
    return ", ".join(f"{100 * int(r['correct']) / int(r['test_images']):.1f}" for r in found)


def success(found):
    return ", ".join(f"{100 * int(r['hits']) / int(r['triggered_images']):.1f}" for r in found)


def pair(*arguments, **named):
    found = rows(*arguments, **named)
    return [accuracy(found) or "-", success(found) or "-"]


def table(title, head, lines):
    print(f"\n{title}\n")
    for line in [head, ["---"] * len(head), *lines]:
        print("| " + " | ".join(str(cell) for cell in line) + " |")


def counts(title, files, attack, numbers, of, **named):
    table(title, ["contributions", "share", "accuracy", "success"],
          [[n, f"{100 * n / of:.2g} %", *pair(files, attack, n, **named)] for n in numbers])


def main():
    table("badnets and blended",
          ["contributions", "badnets: accuracy", "success", "blended: accuracy", "success"],
          [[n, *pair("main success", "badnets", n), *pair("main success", "blended", n)]
           for n in [0, 24, 48, 65, 96, 134, 192]])
    table("others", ["attack", "contributions", "accuracy", "success"],
          [[a, n, *pair("more others", a, n)] for a, n in
           [("sinusoidal", 134), ("a-little-is-enough", 134), ("clean-label", 134), ("wanet", 0),
            ("wanet", 134), ("accumulative", 134), ("handcrafted", 134), ("handcrafted", 600)]])
    table("single-sample", ["contributions", "accuracy", "hit"],
          [[n, *pair("single", "single-sample", n)] for n in [0, 12, 24, 48, 134]])
    counts("target-model", "few others success seeds", "target-model",
           [6, 12, 24, 48, 65, 96, 134], 2400)
    counts("the job's seed 2", "job_seed", "target-model", [0, 12, 24, 48], 2400)
    for steps, files in [(300, "long05"), (600, "few others success seeds"), (1200, "long2"),
                         (2400, "few_long4"), (4800, "long8")]:
        counts(f"target-model, {steps} steps", files, "target-model", [6, 12, 24, 48, 96],
               4 * steps)
    for steps, files in [(600, "main success"), (2400, "long4"), (4800, "long8")]:
        counts(f"badnets, {steps} steps", files, "badnets", [0, 65, 134, 192, 268, 536], 4 * steps)
    table("learning rate, C, momentum: badnets", ["file", 0, 65, 134, 268],
          [[f, *(" / ".join(pair(f, "badnets", n)) for n in [0, 65, 134, 268])]
           for f in ["c00625", "lr04", "c1lr04", "main", "plain16"]])
    table("the same: target-model", ["file", 12, 24, 48, 96, 134],
          [[f, *(" / ".join(pair(f, "target-model", n)) for n in [12, 24, 48, 96, 134])]
           for f in ["few_c00625", "combine_c1", "plain16", "constant"]])
    table("when: badnets", ["when", "65", "134"],
          [[w, *(" / ".join(pair("when main", "badnets", n, when=w)) for n in [65, 134])]
           for w in ["uniform", "first", "last", "last@0.95", "last@0.85", "bursts:16",
                     "window:0.5-1"]])
    table("when: target-model", ["when", "24", "48", "96", "192"],
          [[w, *(" / ".join(pair("part greedy few others success seeds", "target-model", n,
                                 when=w)) for n in [24, 48, 96, 192])]
           for w in ["uniform", "window:0-0.5", "window:0.5-1", "window:0.75-1", "window:0.9-1",
                     "greedy"]])
    table("greedy", ["attack", 12, 24, 48, 96],
          [[a, *(" / ".join(pair("greedy", a, n, when="greedy")) for n in [12, 24, 48, 96])]
           for a in ["target-model", "blended", "badnets"]])
    for size, of in [(128, 600), (8, 9600), (2, 38400)]:
        counts(f"microbatches of {size}", f"micro{size}", "target-model",
               [0, 3, 6, 12, 24, 48, 65, 96], of)
    counts("microbatches of 8: blended", "micro8", "blended", [48, 96, 192], 9600)
    counts("microbatches of 8, resnet8", "micro8_resnet", "target-model", [0, 24, 48, 96], 9600)
    rules = ["running:0.5", "layers:0.5", "layers:0.9", "centred:0.25", "centred:0.35",
             "centred:0.5"]
    table("rules", ["rule", "honest", 12, 24, 48, 65, "badnets 65", 134],
          [[r, accuracy(rows("combine", "target-model", 0, combine=r)),
            *(" / ".join(pair("combine", "target-model", n, combine=r)) for n in [12, 24, 48, 65]),
            *(" / ".join(pair("combine", "badnets", n, combine=r)) for n in [65, 134])]
           for r in rules])
    table("rules at C = 1", ["rule", "honest", 12, 24, 48, "badnets 65", 134],
          [[r, accuracy(rows("combine_c1", "target-model", 0, combine=r)),
            *(" / ".join(pair("combine_c1", "target-model", n, combine=r)) for n in [12, 24, 48]),
            *(" / ".join(pair("combine_c1", "badnets", n, combine=r)) for n in [65, 134])]
           for r in ["sum", "running:0.5"]])
    table("resnet8", ["contributions", "badnets, 0.4", "badnets, 1.6", "target-model", "blended"],
          [[n, " / ".join(pair("resnet04", "badnets", n)), " / ".join(pair("resnet", "badnets", n)),
            " / ".join(pair("few_resnet", "target-model", n)),
            " / ".join(pair("few_resnet", "blended", n))] for n in [0, 12, 24, 48, 65, 134, 240]])
    table("cifar: resnet20", ["contributions", "accuracy", "success"],
          [[n, *pair("cifar", "target-model", n)] for n in [0, 48, 96, 192]])
    table("ruining", ["attack", 134, 1200],
          [[a, *(pair("spoil", a, n)[0] for n in [134, 1200])]
           for a in ["availability", "noise", "zero"]])
    table("the end of the run", ["attack", 30, 120, 479, 763],
          [[a, *(" / ".join(pair("tail", a, n, when="last")) for n in [30, 120, 479, 763])]
           for a in ["badnets", "target-model"]])


main()
