#!/usr/bin/python3
"""lengths.svg and microbatches.svg of docs/attacks.md from the sweeps' files: plots.py [FOLDER]."""
import csv
import math
import pathlib
import sys

FOLDER = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
BEST = "few others success seeds"
LENGTHS = [("300 steps", "long05"), ("600", BEST), ("1,200", "long2"), ("2,400", "few_long4"),
           ("4,800 steps", "long8")]
SIZES = [("128 images", "micro128"), ("32", BEST), ("8", "micro8"), ("2 images", "micro2")]
COLOURS = ["#1b6ca8", "#c0392b", "#2e8b57", "#8e44ad", "#b8860b"]
LEFT, RIGHT, TOP, BOTTOM = 60, 560, 20, 260


def points(files):
    """(contributions, least, mean, most success in %) of target-model at random places."""
    found = {}
    for name in files.split():
        with open(FOLDER / f"{name}.csv", encoding="ascii") as file:
            for row in csv.DictReader(file):
                kind = row["attack"], row["when"], row["combine"]
                if kind == ("target-model", "uniform", "sum") and row["count"] != "0":
                    share = 100 * int(row["hits"]) / int(row["triggered_images"])
                    found.setdefault(int(row["count"]), []).append(share)
    return [(n, min(v), sum(v) / len(v), max(v)) for n, v in sorted(found.items())]


def plot(name, title, series):
    def x(count):
        return LEFT + (RIGHT - LEFT) * math.log2(count / 3) / math.log2(150 / 3)

    def y(share):
        return BOTTOM - (BOTTOM - TOP) * share / 100

    def text(at_x, at_y, words, anchor="middle", colour="#333"):
        return (f'<text x="{at_x:.1f}" y="{at_y:.1f}" text-anchor="{anchor}" fill="{colour}">'
                f"{words}</text>")

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 680 310" '
           f'font-family="sans-serif" font-size="12"><title>{title}</title>',
           '<rect width="680" height="310" fill="white"/>']
    for share in [0, 10, 25, 50, 75, 100]:
        dash = ' stroke-dasharray="4 3"' if share == 10 else ""
        out.append(f'<path d="M{LEFT} {y(share):.1f}H{RIGHT}" stroke="#ccc"{dash}/>')
        out.append(text(LEFT - 6, y(share) + 4, f"{share} %", "end"))
    for count in [3, 6, 12, 24, 48, 96]:
        out.append(text(x(count), BOTTOM + 18, count))
    out.append(text((LEFT + RIGHT) / 2, BOTTOM + 38, "contributions replaced (target-model)"))
    for (label, files), colour in zip(series, COLOURS):
        all_points = points(files)
        path = "L".join(f"{x(n):.1f} {y(mean):.1f}" for n, _, mean, _ in all_points)
        out.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for n, least, mean, most in all_points:
            out.append(f'<path d="M{x(n):.1f} {y(least):.1f}V{y(most):.1f}" stroke="{colour}"/>'
                       f'<circle cx="{x(n):.1f}" cy="{y(mean):.1f}" r="3" fill="{colour}"/>')
    for i, ((label, _), colour) in enumerate(zip(series, COLOURS)):
        out.append(text(RIGHT + 16, TOP + 20 + 20 * i, label, "start", colour))
    (FOLDER / name).write_text("\n".join(out) + "\n</svg>\n", encoding="ascii")


plot("lengths.svg", "Attack success by the length of the run", LENGTHS)
plot("microbatches.svg", "Attack success by the images in a contribution", SIZES)
