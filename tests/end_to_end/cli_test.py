#!/usr/bin/env python3
"""What each verb says to wrong input: the exit code, and that the message names the thing.

Usage: cli_test.py FOLDER_OF_PROGRAMS. Runs that train are in cli_run_test.py and
cli_fault_test.py.
"""

import gzip
import json
import os
import unittest

from cli_lab import CLASSES, RECORDS, SIDE, LabTest, idx_bytes, main, pixels_and_labels


class Usage(LabTest):
    def test_no_verb_unknown_verb_unknown_option(self):
        self.assertIn("train", self.ginn(2).stdout)
        self.refused("trian", naming=["usage", "trian"])
        self.refused("plan", naming=["usage", "JOB"])
        self.refused("train", self.job(), naming=["--out"])
        self.refused("train", self.job(), "--out", "r", "--thread", "2", naming=["--thread"])
        for threads in ["0", "257", "-1", "many"]:
            self.refused("train", self.job(), "--out", "r", "--threads", threads,
                         naming=["--threads"])
        self.assertFalse((self.dir / "r").exists())

    def test_help_and_version(self):
        self.assertRegex(self.ginn(0, "--version").stdout, r"^ginn \d+\.\d+\.\d+\n$")
        for verb in ["init", "data", "plan", "train", "work", "verify", "attest", "eval", "attack",
                     "inspect", "selftest", "bench"]:
            self.assertIn(verb, self.ginn(0, "help").stdout)
            self.assertIn(verb, self.ginn(0, "help", verb).stdout)
        self.refused("help", "nonsense", naming=["nonsense"])

    def test_attest_check(self):
        self.assertIn("--collateral", self.ginn(0, "help", "attest").stdout)
        (self.dir / "evidence").write_bytes(b"U" * 2000)
        at = ["--at", "2025-07-04T10:16:31Z"]
        check = ["attest", "check", "--evidence", "evidence"]
        self.refused("attest", "check", *at, naming=["usage", "--evidence", "attest check"])
        self.refused(*check, "--at", "yesterday", naming=["bad_time", "--at", "yesterday"])
        self.refused(*check, *at, "--kind", "sev", naming=["--kind", "sev", "azure-snp"])
        self.refused(*check, *at, "--collateral", "none", naming=["--collateral", "none"])
        self.refused(*check, *at, naming=["evidence_unknown"])
        self.refused("attest", "check", "--evidence", "missing", *at, naming=["missing"])

    def test_options_of_train(self):
        job = self.job()
        self.refused("train", job, "--out", "r", "--unverified", "--trusted-only",
                     naming=["--trusted-only", "--unverified"])
        self.refused("train", job, "--out", "r", "--device", "cuda", code=3, naming=["cuda"])
        self.refused("train", job, "--out", "r", "--tee", "sgx", code=3, naming=["sgx"])
        self.assertFalse((self.dir / "r").exists())

    def test_kernel_level(self):
        for verb in [["plan", self.job()], ["train", self.job(), "--out", "r"]]:
            self.refused(*verb, env={"GINN_CPU": "nonsense"}, naming=["GINN_CPU", "nonsense"])
        self.ginn(0, "plan", self.job(), env={"GINN_CPU": "portable"})

    def test_error_as_json(self):
        done = self.refused("plan", "missing.toml", "--json", naming=["missing.toml"])
        error = json.loads(done.stdout)["error"]
        self.assertEqual(error["code"], "not_found")
        self.assertIn("missing.toml", error["message"])

    def test_init_overwrites_nothing(self):
        self.ginn(0, "init", "new.toml")
        text = (self.dir / "new.toml").read_text()
        self.assertIn("[integrity]", text)
        (self.dir / "new.toml").write_text("mine")
        self.refused("init", "new.toml", naming=["new.toml", "exists"])
        self.assertEqual((self.dir / "new.toml").read_text(), "mine")
        os.symlink("nowhere", self.dir / "link.toml")
        self.refused("init", "link.toml", naming=["link.toml"])
        self.refused("init", "no/folder.toml", naming=["no/folder.toml", "no such folder"])


class Data(LabTest):
    """Wrong data, through each of the verbs that read it."""

    def each_verb(self, name, naming, code=2):
        job = self.job(f"{name}.toml", train=name)
        for verb in [["data", self.dir / name], ["plan", job], ["inspect", job],
                     ["train", job, "--out", "r"], ["attack", job, "--out", "r"],
                     ["work", job, "--connect", f"unix:{self.dir}/socket"]]:
            self.refused(*verb, naming=naming, code=code)
            self.assertFalse((self.dir / "r").exists(), verb)

    def test_files(self):
        pixels, labels = pixels_and_labels()
        shape = [RECORDS, SIDE, SIDE]
        images = idx_bytes(shape, pixels)
        name = "{}-images-idx3-ubyte"
        cases = {
            "empty": (b"", []),
            "short": (images[:-1], ["offset"]),
            "header": (images[:9], ["offset"]),
            "long": (images + b"x", [f"offset {len(images)}"]),
            "magic": (b"PNG" + images[3:], ["0000"]),
            "float": (idx_bytes(shape, pixels, kind=0x0d), ["0x0d"]),
            "rank": (idx_bytes([RECORDS, SIDE * SIDE], pixels), ["2 dimensions"]),
            "count": (idx_bytes([RECORDS - 1, SIDE, SIDE], pixels[SIDE * SIDE:]), [
                str(RECORDS - 1), "count-labels-idx1-ubyte"]),
            "huge": (idx_bytes([0xffffffff, SIDE, SIDE], pixels), ["number of records"]),
            "large": (idx_bytes([0x7fffffff, 4096, 4096], pixels), ["its header says"]),
            "none": (idx_bytes([0, SIDE, SIDE], b""), ["no records"]),
            "cut": (gzip.compress(images, mtime=0)[:-9], []),
            "bomb": (gzip.compress(idx_bytes([RECORDS, 4096, 4096], b"") + bytes(1 << 26)), []),
        }
        for case, (content, naming) in cases.items():
            with self.subTest(case):
                self.write_data(case, images=content)
                self.each_verb(case, [name.format(case), *naming])

    def test_label_file(self):
        _, labels = pixels_and_labels()
        self.write_data("l", labels=idx_bytes([RECORDS], labels)[:-3])
        self.each_verb("l", ["l-labels-idx1-ubyte", "offset"])

    def test_missing_folder_and_other_names(self):
        self.each_verb("missing", ["missing-images-idx3-ubyte"])
        self.refused("data", self.dir, naming=[self.dir, "folder", "/d"])
        self.refused("data", self.job(), naming=["job.toml", "not the name of an IDX file"])
        (self.dir / "d-labels-idx1-ubyte").unlink()
        self.refused("data", self.dir / "d", naming=["d-labels-idx1-ubyte"])

    @unittest.skipIf(os.geteuid() == 0, "root may read everything")
    def test_unreadable(self):
        self.write_data("u")
        (self.dir / "u-images-idx3-ubyte").chmod(0)
        self.each_verb("u", ["u-images-idx3-ubyte"])

    def test_data_that_the_root_does_not_bind(self):
        pixels, _ = pixels_and_labels()
        flipped = bytes([pixels[0] ^ 1]) + pixels[1:]
        self.write_data("f", images=idx_bytes([RECORDS, SIDE, SIDE], flipped))
        job = self.job("f.toml", train="f")
        for verb in [["plan", job], ["train", job, "--out", "r"]]:
            self.refused(*verb, naming=["dataset_root", self.root])

    def test_summary(self):
        out = json.loads(self.ginn(0, "data", self.dir / "d", "--json").stdout)["datasets"][0]
        _, labels = pixels_and_labels()
        self.assertEqual(out["records"], RECORDS)
        self.assertEqual(out["root"], self.root)
        self.assertEqual(out["records_per_class"], [labels.count(c) for c in range(CLASSES)])


class Job(LabTest):
    """Wrong job files, through each of the verbs that read them."""

    def each_verb(self, job, naming, code=2):
        for verb in [["plan", job], ["train", job, "--out", "r"], ["attack", job, "--out", "r"],
                     ["work", job, "--connect", f"unix:{self.dir}/socket"]]:
            self.refused(*verb, naming=naming, code=code)
            self.assertFalse((self.dir / "r").exists(), verb)

    def test_keys_and_values(self):
        cases = {
            "nan": ({"peak": "nan"}, ["train.lr.peak", "nan"]),
            "infinite": ({"peak": "inf"}, ["train.lr.peak"]),
            "negative": ({"peak": "-0.1"}, ["train.lr.peak"]),
            "clip": ({"clip_norm": "0"}, ["train.clip_norm"]),
            "type": ({"epochs": '"two"'}, ["train.epochs"]),
            "huge": ({"epochs": "99999999999999999999"}, []),
            "model": ({"model": "resnet9"}, ["model.name", "resnet9", "resnet8"]),
            "unknown": ({"extra": "budjet = 1"}, ["integrity.budjet"]),
            "table": ({"extra": "[surprise]\nx = 1"}, ["surprise"]),
            "twice": ({"extra": "budget = 0.2"}, ["budget"]),
            "lives": ({"extra": "lives = 65"}, ["integrity.lives"]),
            "root": ({"root": "sha256:12"}, ["data.root"]),
            "syntax": ({"extra": "= ="}, []),
            "control": ({"extra": 'nonce = "a\\u001bb"'}, ["integrity.nonce"]),
        }
        for case, (values, naming) in cases.items():
            with self.subTest(case):
                self.each_verb(self.job(f"{case}.toml", **values), [f"{case}.toml", *naming])

    def test_all_faults_at_once_with_their_lines(self):
        job = self.job(peak="nan", clip_norm='"x"', extra="what = 1")
        done = self.refused("plan", job, naming=["train.clip_norm", "integrity.what"])
        self.assertRegex(done.stderr, r"job\.toml:\d+: train\.lr\.peak")
        ranges = self.job(peak=-1, epochs=0, clip_norm=0)
        done = self.refused("plan", ranges, naming=["train.lr.peak", "train.clip_norm"])
        self.assertRegex(done.stderr, r"job\.toml:\d+: train\.epochs")

    def test_without_root(self):
        job = self.job(root="")
        self.assertIn(self.root, self.ginn(0, "plan", job).stdout)
        for verb in [["train", job, "--out", "r"], ["attack", job, "--out", "r"],
                     ["work", job, "--connect", "unix:socket"]]:
            self.refused(*verb, naming=["job_without_root", "data.root", self.root])

    def test_files(self):
        for name, content in {"empty.toml": b"", "binary.toml": bytes(range(256)),
                              "big.toml": b"#" * (1 << 21)}.items():
            (self.dir / name).write_bytes(content)
            self.each_verb(name, [name])
        self.each_verb("missing.toml", ["missing.toml", "no such file"])
        self.each_verb(self.dir, [self.dir])
        os.mkfifo(self.dir / "pipe.toml")
        self.each_verb("pipe.toml", ["pipe.toml"])

    @unittest.skipIf(os.geteuid() == 0, "root may read everything")
    def test_unreadable(self):
        job = self.job()
        job.chmod(0)
        self.each_verb(job, [job])

    def test_attack_options(self):
        job = self.job()
        for share in ["0", "1.1", "-0.5", "nan"]:
            self.refused("attack", job, "--out", "r", "--share", share, naming=["--share"])
        self.refused("attack", job, "--out", "r", "--attack", "charm", naming=["charm", "noise"])
        self.refused("attack", job, "--out", "r", "--count", "33", naming=["33", "32"])
        self.assertFalse((self.dir / "r").exists())

    def test_out_that_exists(self):
        job = self.job()
        (self.dir / "full").mkdir()
        (self.dir / "full" / "mine").write_text("mine")
        (self.dir / "file").write_text("mine")
        for verb in ["train", "attack"]:
            for out in ["full", "file"]:
                self.refused(verb, job, "--out", out, naming=["out_exists", out])
        self.assertEqual([p.name for p in (self.dir / "full").iterdir()], ["mine"])
        self.assertEqual((self.dir / "file").read_text(), "mine")
        self.refused("train", job, "--out", "file/below", code=3, naming=["file/below"])


if __name__ == "__main__":
    main()
