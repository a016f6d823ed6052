#!/usr/bin/env python3
"""The attack lab through the programs: attackers against a real verifier, the laboratory, a sweep.

Usage: cli_attack_test.py FOLDER_OF_PROGRAMS [unittest's arguments]
"""

import base64
import csv
import html.parser
import json
import zlib

from cli_lab import LabTest, main

# Every one that replaces a contribution in the middle of a run.
ATTACKS = ["noise", "availability", "badnets", "blended", "sinusoidal", "a-little-is-enough",
           "accumulative", "clean-label", "wanet", "single-sample", "target-model", "handcrafted",
           "zero", "stale", "copy", "subsample", "low-precision"]


class AgainstTheVerifier(LabTest):
    def test_each_attacker_is_caught_where_it_struck(self):
        job = self.job(model="mlp", epochs=4, verify="all")
        for attack in ATTACKS:
            out = self.dir / attack
            done = self.ginn(1, "attack", job, "--out", out, "--attack", attack, "--count", "1",
                             "--when", "last@0.5")
            # 16 steps of 4: the last one of the first half.
            self.assertIn("REJECTED: deviation", done.stdout, attack)
            self.assertIn("step 7, microbatch 3", done.stdout.replace("contribution ", ""), attack)
            self.assert_no_result(out)

    def test_nothing_is_caught_where_nothing_deviates(self):
        job = self.job(model="mlp", epochs=4, verify="all")
        # The first contribution has none before it to be copied.
        self.ginn(0, "attack", job, "--out", "a", "--attack", "copy", "--count", "1", "--when",
                  "first")


class Laboratory(LabTest):
    def lab(self, job, *arguments):
        done = self.ginn(0, "attack", job, "--lab", "--json", "--target", "1", *arguments)
        return json.loads(done.stdout)

    def test_a_backdoor_works_and_is_found(self):
        job = self.job(model="mlp", epochs=20)
        honest = self.lab(job, "--attack", "badnets", "--count", "0")
        self.assertEqual(honest["deviations"], 0)
        self.assertEqual(honest["detection"]["escaped"], 4000)
        self.assertEqual(honest["false_rejections"], 0)
        self.assertGreater(honest["rechecked"], 8)
        self.assertGreater(honest["accuracy"], 0.9)
        tampered = self.lab(job, "--attack", "badnets", "--share", "0.5")
        self.assertEqual(tampered["deviations"], 160)
        self.assertGreater(tampered["success"], honest["success"] + 0.4)
        self.assertEqual(tampered["detection"]["escaped"], 0)
        self.assertLess(tampered["detection"]["escape_bound"], 1e-9)
        again = self.lab(job, "--attack", "badnets", "--share", "0.5", "--threads", "1")
        for result in (tampered, again):
            del result["seconds"]
        self.assertEqual(tampered, again)

    def test_the_model_is_that_of_training(self):
        job = self.job(model="mlp")
        self.ginn(0, "train", job, "--out", "r", "--unverified", "--quiet")
        trained = json.loads(self.ginn(0, "eval", "r", "--json").stdout)
        self.assertEqual(self.lab(job, "--count", "0")["accuracy"], trained["accuracy"])

    def test_words_for_people(self):
        job = self.job(model="mlp")
        done = self.ginn(0, "attack", job, "--lab", "--attack", "zero", "--count", "3", "--steps",
                         "5", "--quiet")
        self.assertIn("3 of 20 contributions", done.stdout)
        self.assertIn("escapes, measured", done.stdout)

    def test_refusals(self):
        job = self.job(model="mlp")
        for arguments, naming in [
                (["--attack", "badnets,zero"], ["--attack"]), (["--seed", "1,2"], ["--seed"]),
                (["--share", "0.1,0.2"], ["--share"]), (["--count", "1,2"], ["--count"]),
                (["--when", "first,last"], ["--when"]),
                (["--when", "soon"], ["attack_when", "soon"]),
                (["--count", "33"], ["attack_count", "33", "32"]),
                (["--when", "window:0-0.5", "--count", "17"], ["attack_count", "17", "16"]),
                (["--attack", "badnets", "--target", "4"], ["attack_target"]),
                (["--attack", "badnets", "--poison", "0"], ["attack_poison"]),
                (["--attack", "badnets", "--images", "5000"], ["attack_images"]),
                (["--attack", "badnets", "--patch", "9"], ["attack_patch"]),
                (["--combine", "median"], ["attack_combine", "median", "centred:T"]),
                (["--protocol"], ["--protocol"]),
                (["--steps", "0"], ["--steps"]), (["--sweep"], ["--sweep"]),
                (["--out", "r"], ["--out"])]:
            self.refused("attack", job, "--lab", *arguments, naming=naming)
        self.refused("attack", job, naming=["--out"])
        self.refused("attack", job, "--out", "r", "--steps", "3", naming=["--steps"])
        self.refused("attack", job, "--out", "r", "--critical", naming=["--critical"])
        self.refused("attack", job, "--out", "r", "--combine", "layers:0.5", naming=["--combine"])
        self.assertFalse((self.dir / "r").exists())


class Advice(LabTest):
    """What was measured, said of a job by plan and train."""

    def test_plan_advises_and_cites(self):
        weak = self.job(model="resnet8", epochs=100)  # 1,600 contributions, a budget of 160
        advice = json.loads(self.ginn(0, "plan", weak, "--json").stdout)["advice"]
        self.assertEqual((advice["coverage"], advice["networks"]), ("weaker", ["resnet8"]))
        self.assertEqual(advice["attacks"], ["target-model"])
        for name in ["the data", "augmentation", "the shape of a step"]:
            self.assertIn(name, advice["outside"])
        self.assertLess(advice["harmless"], advice["harmful"])
        self.assertGreater(advice["escape_harmful"], 0.001)
        words = " ".join(self.ginn(0, "plan", weak).stdout.split())
        for said in ["WEAKER", "target-model", "Fashion-MNIST", f"budget = {advice['budget']} ",
                     "docs/attacks.md", *advice["files"], "differs from all", "augmentation"]:
            self.assertIn(said, words)
        weak.write_text(weak.read_text().replace("budget = 0.1", f"budget = {advice['budget']}"))
        followed = json.loads(self.ginn(0, "plan", weak, "--json").stdout)
        self.assertEqual(followed["advice"]["coverage"], "covered")
        self.assertAlmostEqual(followed["expected_replays"], advice["expected_replays"], places=3)

    def test_train_warns_of_a_weak_job_once(self):
        weak = self.job(model="mlp", epochs=20)  # 320 contributions
        weak.write_text(weak.read_text().replace("budget = 0.1", "budget = 0.3"))
        done = self.ginn(0, "train", weak, "--out", "w")
        lines = [line for line in done.stderr.splitlines() if line.startswith("warning: ")]
        self.assertEqual(len(lines), 1)
        for said in ["96 contributions (30 %)", "learning rate 0.2", "clip_norm 0.5",
                     "probability 0.999", "docs/attacks.md", "outside of what was measured"]:
            self.assertIn(said, lines[0])
        self.assertNotIn("warning", self.ginn(0, "train", weak, "--out", "q", "--quiet").stderr)
        strong = self.job(name="strong.toml", model="mlp", epochs=20, verify="all")
        self.assertNotIn("warning", self.ginn(0, "train", strong, "--out", "s").stderr)


class DemoPage(html.parser.HTMLParser):
    """What is on the page of a demo: its images, the cells of its rows, its text."""

    def __init__(self, text):
        super().__init__()
        self.images, self.rows, self.words, self.open = [], [], [], []
        self.feed(text)
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        if tag not in ("img", "meta"):
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag == "td":
            self.rows[-1].append("")
        for name, value in attrs:
            assert name != "href", value
            if name == "src":
                self.images.append(value)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag

    def handle_data(self, data):
        self.words.append(data)
        if "td" in self.open:
            self.rows[-1][-1] += data


class Demo(LabTest):
    def pixels(self, image):
        """Of a gray PNG of 8 x 8, checked chunk by chunk."""
        self.assertTrue(image.startswith("data:image/png;base64,"), image[:40])
        data = base64.b64decode(image.partition(",")[2], validate=True)
        self.assertEqual(data[:8], b"\x89PNG\r\n\x1a\n")
        chunks, at = {}, 8
        while at < len(data):
            size, kind = int.from_bytes(data[at:at + 4], "big"), data[at + 4:at + 8]
            chunks[kind] = data[at + 8:at + 8 + size]
            crc = int.from_bytes(data[at + 8 + size:at + 12 + size], "big")
            self.assertEqual(crc, zlib.crc32(kind + chunks[kind]))
            at += 12 + size
        self.assertEqual(chunks[b"IHDR"], bytes([0, 0, 0, 8, 0, 0, 0, 8, 8, 0, 0, 0, 0]))
        data, rows = zlib.decompress(chunks[b"IDAT"]), [[0] * 8]
        for y in range(8):
            kind, row = data[9 * y], []
            for x, value in enumerate(data[9 * y + 1:9 * y + 9]):
                left, up = row[x - 1] if x else 0, rows[-1][x]
                corner = rows[-1][x - 1] if x else 0
                near = min((left, up, corner), key=lambda n: abs(left + up - corner - n))
                row.append((value + [0, left, up, (left + up) // 2, near][kind]) % 256)
            rows.append(row)
        return rows[1:]

    def test_a_page_of_images_answers_and_the_verdict(self):
        job = self.job(model="mlp", epochs=20)
        done = self.ginn(0, "attack", job, "--demo", "--out", "d", "--target", "1", "--share",
                         "0.5", "--json")
        found = json.loads(done.stdout)
        self.assertEqual((found["accepted"], found["code"]), (False, "deviation"))
        self.assertGreater(found["attacked"]["success"], found["honest"]["success"] + 0.4)
        self.assertLess(found["escape_exact"], 1e-9)
        text = (self.dir / found["page"]).read_text(encoding="ascii")
        self.assertNotRegex(text, "https?:|url\\(|<script|<link|<iframe")
        page = DemoPage(text)
        words = " ".join(page.words)
        for said in ["Rejected (SIMULATED): deviation", "160 of 320", "badnets", "get class 1"]:
            self.assertIn(said, words)
        rows = [row for row in page.rows if row]
        self.assertEqual((len(rows), len(page.images)), (9, 18))
        self.assertEqual({row[1] for row in rows}, {"0", "2", "3"})
        fooled = [row for row in rows if row[6] == "1"]
        self.assertGreater(len(fooled), 4, "the attacked model answers to the trigger")
        right = [row for row in rows if row[2] == row[1]]
        self.assertGreater(len(right), 7, "the honest one is right")
        for clean, triggered in zip(page.images[::2], page.images[1::2]):
            clean, triggered = self.pixels(clean), self.pixels(triggered)
            changed = [(y, x) for y in range(8) for x in range(8) if clean[y][x] != triggered[y][x]]
            self.assertEqual(changed, [(6, 6), (6, 7), (7, 6), (7, 7)])
        self.assertTrue((self.dir / "d" / "run" / "rejection.json").exists())

    def test_an_attack_that_passes_is_called_so(self):
        job = self.job(model="mlp", epochs=20, extra="probability = 0.5")
        job.write_text(job.read_text().replace("budget = 0.1", "budget = 1.0"))
        done = self.ginn(0, "attack", job, "--demo", "--out", "d", "--count", "1", "--json")
        found = json.loads(done.stdout)  # it passes with 99.8 %
        if found["accepted"]:
            self.assertIn("the attack passed", (self.dir / "d" / "index.html").read_text())
        self.assertGreater(found["escape_exact"], 0.99)

    def test_refusals_leave_nothing(self):
        job = self.job(model="mlp")
        self.refused("attack", job, "--demo", naming=["--demo", "--out"])
        for arguments, naming in [(["--attack", "noise"], ["noise", "badnets"]),
                                  (["--attack", "charm"], ["charm"]),
                                  (["--attack", "badnets,blended"], ["--attack"]),
                                  (["--lab"], ["--lab", "--demo"]), (["--steps", "3"], ["--steps"]),
                                  (["--target", "4"], ["attack_target"]),
                                  (["--count", "0"], ["attack_count"])]:
            self.refused("attack", job, "--demo", "--out", "d", *arguments, naming=naming)
        bare = self.job(name="bare.toml", model="mlp", root="")
        self.refused("attack", bare, "--demo", "--out", "d", naming=["data.root"])
        self.assertFalse((self.dir / "d").exists())


class Protocol(LabTest):
    def test_restarts_gain_nothing(self):
        # 0.1 of 800 contributions.
        job = self.job(model="mlp", epochs=50, extra="lives = 3")
        found = json.loads(self.ginn(0, "attack", job, "--protocol", "--json").stdout)
        self.assertEqual((found["deviations"], found["lives"]), (80, 3))
        self.assertLessEqual(found["escape_best"], found["escape_bound"])
        self.assertAlmostEqual(found["escape_best"], found["escape_finite"], places=9)
        for stake in found["stakes"]:
            expected = stake["escape_exact"] * stake["games"]
            self.assertLess(abs(stake["escaped"] - expected), 5 * expected ** 0.5 + 5)
        for tried in found["attempts"]:
            self.assertLess(tried["escape_exact"], tried["attempts"] * 0.001)
            expected = tried["escape_exact"] * tried["games"]
            self.assertLess(abs(tried["escaped"] - expected), 5 * expected ** 0.5 + 5)
        self.assertIn("best strategy", self.ginn(0, "attack", job, "--protocol").stdout)


class Game(LabTest):
    def test_uniform_against_weights(self):
        job = self.job(model="mlp", epochs=50)
        games = json.loads(self.ginn(0, "attack", job, "--game", "--json").stdout)["games"]
        self.assertGreater(len(games), 2)
        for game in games:
            self.assertLessEqual(game["best"], min(game["uniform"], game["proportional"]))
            self.assertGreater(game["best"], 0.3 * game["uniform"])
            # Uniform replays: the budget anywhere. By effect the cool end is cheap.
            uniform, by_effect = game["passing"][0], game["passing"][-1]
            self.assertEqual((uniform["floor"], by_effect["floor"]), (1, 0))
            for stretch, most in {"anywhere": 800, "first_half": 400, "second_half": 400,
                                  "last_quarter": 200, "last_tenth": 80, "at_end": 800}.items():
                self.assertAlmostEqual(uniform[stretch], min(game["budget"], most), places=6)
            self.assertGreater(by_effect["at_end"], uniform["at_end"])
        self.assertGreater(games[0]["uniform"], games[1]["uniform"], "a larger budget")
        words = self.ginn(0, "attack", job, "--game", "--steps", "50").stdout
        self.assertIn("200 contributions", words)
        self.refused("attack", job, "--game", "--lab", naming=["--game", "--lab"])
        self.refused("attack", job, "--game", "--steps", "0", naming=["--steps"])


class Sweep(LabTest):
    def sweep(self, job, *arguments, code=0):
        return self.ginn(code, "attack", job, "--sweep", "--out", "s", "--target", "1", *arguments)

    def rows(self):
        with open(self.dir / "s" / "results.csv", encoding="ascii") as file:
            return list(csv.DictReader(file))

    def test_goes_on_where_it_was(self):
        job = self.job(model="mlp")
        grid = ["--attack", "badnets,zero", "--when", "uniform,last", "--count", "0,4,8", "--seed",
                "1,2"]
        self.sweep(job, *grid)
        rows = self.rows()
        # Two honest runs, then 2 attacks x 2 schedules x 2 counts x 2 seeds.
        self.assertEqual(len(rows), 2 + 16)
        self.assertEqual({row["false_rejections"] for row in rows}, {"0"})
        page = (self.dir / "s" / "index.html").read_text()
        self.assertIn("<svg", page)
        self.assertIn("</html>", page)
        self.assertIn("</svg>", (self.dir / "s" / "success.svg").read_text())

        path = self.dir / "s" / "results.csv"
        whole = path.read_text()
        path.write_text("".join(whole.splitlines(keepends=True)[:-1]))
        done = self.sweep(job, *grid)
        self.assertEqual(done.stdout.count("accuracy"), 1, "only the missing one is run")
        again = self.rows()
        for row in rows + again:
            del row["seconds"]
        self.assertEqual(rows, again)

        # Another rule of combination is another training, in the same file.
        self.sweep(job, "--attack", "badnets", "--count", "8", "--combine", "layers:0.5")
        self.assertEqual([row["combine"] for row in self.rows()], ["sum"] * 18 + ["layers:0.5"])
        self.assertIn("combined by layers:0.5", (self.dir / "s" / "index.html").read_text())

        path.write_text(whole[:-1])
        self.sweep(job, *grid, code=2)
        self.assertEqual(path.read_text(), whole[:-1], "what is not understood is not overwritten")

    def test_critical_count(self):
        job = self.job(model="mlp", epochs=20)
        self.sweep(job, "--attack", "badnets", "--count", "4,160", "--critical", "--quiet")
        rows = self.rows()
        self.assertGreater(len(rows), 4)
        worked = [int(row["hits"]) > 0.1 * int(row["triggered_images"]) for row in rows]
        self.assertIn(True, worked)

    def test_refused_before_anything_is_written(self):
        job = self.job(model="mlp")
        self.refused("attack", job, "--sweep", "--out", "s", "--attack", "zero,charm",
                     naming=["charm"])
        self.assertFalse((self.dir / "s").exists())


if __name__ == "__main__":
    main()
