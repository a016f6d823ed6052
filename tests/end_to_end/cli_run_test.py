#!/usr/bin/env python3
"""Whole runs through the programs: three modes, verdicts, tampered folders, attacks, two programs.

Usage: cli_run_test.py FOLDER_OF_PROGRAMS.
"""

import base64
import json
import os
import pathlib
import re
import shutil
import subprocess
import time

from cli_lab import (LIMIT_SECONDS, RUN_FILES, LabTest, children, main, pixels_and_labels,
                     program)

RESULTS = pathlib.Path(__file__).resolve().parents[2] / "docs" / "results"
RECORDED_RUNS = {  # folder: job digest
    "cifar10-resnet20": "f32380eec2549abf671fd89e48c96b201f46398d2ccd1d40d08c1eea97a630c8",
}


class Runs(LabTest):
    def train(self, *arguments, code=0):
        return self.ginn(code, "train", *arguments, "--threads", 2)

    def test_three_modes_leave_the_same_model(self):
        job = self.job()
        self.train(job, "--out", "verified")
        self.train(job, "--out", "trusted", "--trusted-only")
        self.train(job, "--out", "unverified", "--unverified")
        self.ginn(0, "train", job, "--out", "level", "--threads", 1, env={"GINN_CPU": "portable"})
        self.train(self.job("other.toml", seed=2), "--out", "other", "--unverified")
        model = (self.dir / "verified" / "model.safetensors").read_bytes()
        for out in ["trusted", "unverified", "level"]:
            self.assertEqual((self.dir / out / "model.safetensors").read_bytes(), model, out)
        self.assertNotEqual((self.dir / "other" / "model.safetensors").read_bytes(), model)
        for out in ["trusted", "unverified"]:
            self.assertEqual({p.name for p in (self.dir / out).iterdir()}, RUN_FILES)
            done = self.ginn(1, "verify", out, "--job", job, "--allow-simulated")
            self.assertIn(f"{out}/certificate.json: no such file", done.stdout)
        self.assertEqual({p.name for p in (self.dir / "verified").iterdir()},
                         RUN_FILES | {"certificate.json", "transcript.jsonl", "verifier.log",
                                      "grants.jsonl", "status.json"})
        self.assert_no_temporary()

    def test_pinned_threads(self):
        """The same model; the verifier gets the CPUs that the worker leaves, or else all."""
        usable = os.sched_getaffinity(0)
        job = self.job(epochs=40)  # longer than it takes to look
        train = self.start("ginn", "train", job, "--out", "r", "--json-lines", "--threads", 1,
                           "--pin")
        train.stdout.readline()
        others = usable - {min(usable)}
        self.assertEqual(os.sched_getaffinity(children(train.pid)[0]), others or usable)
        train.communicate(timeout=LIMIT_SECONDS)
        self.assertEqual(train.returncode, 0)
        self.ginn(0, "train", job, "--out", "u", "--unverified")
        self.assertEqual((self.dir / "r" / "model.safetensors").read_bytes(),
                         (self.dir / "u" / "model.safetensors").read_bytes())
        for verb in [["train", job, "--out", "n", "--pin", "--threads", 2],
                     ["work", job, "--connect", f"unix:{self.dir}/none", "--pin", "--threads", 2],
                     ["bench", "--pin", "--threads", "1,2", "--only", "train"]]:
            self.refused(*verb, code=3, naming=["too_few_cpus", "--pin", "2 threads", "1 CPU"],
                         preexec_fn=lambda: os.sched_setaffinity(0, {min(usable)}))
        self.assertFalse((self.dir / "n").exists())

    def test_dfp16_operands(self):
        wide = {"extra": '[arithmetic]\nformat = "dfp16"', "verify": "all"}
        job = self.job(**wide)
        self.train(job, "--out", "r")
        self.ginn(0, "train", job, "--out", "level", "--unverified", env={"GINN_CPU": "portable"})
        self.train(self.job("narrow.toml", verify="all"), "--out", "narrow")
        models = [(self.dir / out / "model.safetensors").read_bytes()
                  for out in ("r", "level", "narrow")]
        self.assertEqual(models[0], models[1])
        self.assertNotEqual(models[0], models[2])
        self.ginn(0, "verify", "r", "--job", job, "--allow-simulated")
        self.ginn(1, "verify", "narrow", "--job", job, "--allow-simulated")
        envelope = json.loads((self.dir / "r" / "certificate.json").read_text())
        statement = json.loads(base64.b64decode(envelope["payload"]))
        self.assertEqual(statement["predicate"]["arithmetic"], {"format": "dfp16", "version": "1"})
        bad = self.job("bad.toml", extra='[arithmetic]\nformat = "dfp15"')
        self.refused("plan", bad, naming=["arithmetic.format", "dfp15", "dfp14", "dfp16"])

    def test_verify_verdicts(self):
        job, digest = self.job(), None
        other = self.job("other.toml", seed=2)
        self.assertIn("SIMULATED", self.train(job, "--out", "r").stdout)
        digest = json.loads(self.ginn(0, "plan", job, "--json").stdout)["job_digest"]

        def verdict(code, *arguments):
            out = json.loads(self.ginn(code, "verify", "r", *arguments, "--json").stdout)
            self.assertTrue(out["simulated"])
            return out["verdict"], [c["name"] for c in out["checks"] if not c["ok"]]

        allow = "--allow-simulated"
        self.assertEqual(verdict(0, "--job", job, allow), ("accepted", []))
        self.assertEqual(verdict(0, "--job-digest", digest, allow), ("accepted", []))
        self.assertEqual(verdict(0, "--job", "r/job.json", allow), ("accepted", []))
        self.assertEqual(verdict(1, "--job", job), ("rejected", ["simulated"]))
        self.assertEqual(verdict(1, allow)[0], "consistent")
        self.assertEqual(verdict(1, "--job", other, allow), ("rejected", ["your_job"]))
        self.assertEqual(verdict(1, "--job-digest", "0" * 64, allow), ("rejected", ["your_job"]))
        self.refused("verify", "r", "--job", other, "--job-digest", digest, naming=["--job"])
        self.refused("verify", "r", "--job", "missing.toml", naming=["missing.toml"])
        self.refused("verify", "r", "--job", self.job("bare.toml", root=""), naming=["bare.toml",
                                                                                    "data.root"])
        self.refused("verify", "r", "--job-digest", "sha256:12", naming=["sha256"])
        self.refused("verify", "missing", "--job", job, naming=["missing: no such folder"])
        self.refused("verify", "missing", naming=["missing: no such folder"])
        self.refused("verify", "r", "--job-digest", "abc", naming=["--job-digest", "abc", "64"])
        self.refused("verify", "r", "--owner-key", "foo", naming=["--owner-key", "foo", "64"])
        upper = digest.removeprefix("sha256:").upper()
        self.assertEqual(verdict(0, "--job-digest", upper, allow), ("accepted", []))
        self.assertEqual(verdict(0, "--job-digest", digest, "--job", job, allow), ("accepted", []))

    def test_what_is_said(self):
        """A guarantee only with an accepted run; SIMULATED once, wherever it matters."""
        job = self.job()
        self.train(job, "--out", "r", "--quiet")
        allow = "--allow-simulated"
        for code, arguments in [(0, ["--job", job, allow]), (1, [allow]), (1, ["--job", job])]:
            said = json.loads(self.ginn(code, "verify", "r", *arguments, "--json").stdout)
            self.assertEqual(said["guarantee"] != "", said["verdict"] == "accepted")
            self.assertEqual(said["summary"].upper().count("SIMULATED: "), 1, said["summary"])
            replayed = [c["detail"] for c in said["checks"] if c["name"] == "replayed"]
            self.assertRegex(replayed[0], r"replayed, \d+\.\d expected$")

    def test_facts_of_the_folder_decide_nothing(self):
        """The relying party's TOML names only a root; the folder cannot prevent a verdict."""
        job = self.job()
        self.train(job, "--out", "r", "--quiet")
        file = self.dir / "r" / "job.json"
        good = file.read_text()

        def edited(change):
            document = json.loads(good)
            change(document)
            return json.dumps(document, sort_keys=True, separators=(",", ":"))
        texts = {
            "records": edited(lambda d: d["data"].update(records="129")),
            "tree": edited(lambda d: d["data"].update(tree="sha256:" + "0" * 64)),
            "garbage": "{",
            "missing": None,
            "fifo": None,
        }
        for case, text in texts.items():
            with self.subTest(case):
                file.unlink()
                if text is not None:
                    file.write_text(text)
                elif case == "fifo":
                    os.mkfifo(file)
                done = self.ginn(1, "verify", "r", "--job", job, "--allow-simulated", "--json")
                said = json.loads(done.stdout)
                self.assertEqual(said["verdict"], "rejected")
                self.assertEqual([c["name"] for c in said["checks"] if not c["ok"]], ["job_file"])
                self.assertEqual(done.stderr, "")
                if text is None and case != "fifo":
                    file.touch()
        file.unlink()
        file.write_text(good)
        self.ginn(0, "verify", "r", "--job", job, "--allow-simulated")
        # Another root is an answer; a file that does not fit its own data is an error.
        foreign = self.job("foreign.toml", root="sha256:" + "1" * 64)
        done = self.ginn(1, "verify", "r", "--job", foreign, "--allow-simulated")
        self.assertRegex(done.stdout, r"FAIL +your_job +the run's data has the root " + self.root)
        wide = self.job("wide.toml", extra="[data2]")
        self.refused("verify", "r", "--job", wide, naming=["wide.toml", "data2"])
        counted = self.job("counted.toml")
        counted.write_text(counted.read_text().replace("crop = 1", "crop = 5"))
        self.refused("verify", "r", "--job", counted, naming=["counted.toml", "augment.crop"])

    def test_eval_and_inspect(self):
        self.train(self.job(epochs=20, model="mlp"), "--out", "r", "--unverified", "--quiet")
        result = json.loads(self.ginn(0, "eval", "r", "--json").stdout)
        self.assertGreater(result["accuracy"], 0.9)  # four plainly different images
        self.assertEqual(result["accuracy"] * result["images"], result["correct"])
        self.ginn(0, "inspect", "r/model.safetensors")
        self.ginn(0, "inspect", "r/job.json")
        model = self.dir / "r" / "model.safetensors"
        data = model.read_bytes()
        huge = (2**63).to_bytes(8, "little") + data[8:]
        for content in [b"", data[:7], data[:-1], data + b"x", huge, b"\0" * 64]:
            model.write_bytes(content)
            self.ginn(2, "eval", "r")
            self.ginn(2, "inspect", "r/model.safetensors")
        model.unlink()
        self.refused("eval", "r", naming=["r/model.safetensors"])
        self.refused("inspect", "r/model.safetensors", naming=["r/model.safetensors"])
        self.refused("eval", "nowhere", naming=["nowhere/job.json"])

    def test_data_of_eval(self):
        self.train(self.job(), "--out", "r", "--unverified")
        self.refused("eval", "r", "--test", "missing", naming=["missing-images-idx3-ubyte"])
        (self.dir / "r" / "run.json").unlink()
        self.refused("eval", "r", naming=["--test"])
        self.ginn(0, "eval", "r", "--test", self.dir / "d")

    def test_tampered_folder(self):
        job = self.job()
        self.train(job, "--out", "r")
        folder = self.dir / "r"
        for name in ["model.safetensors", "certificate.json", "transcript.jsonl", "job.json"]:
            data = (folder / name).read_bytes()
            middle = len(data) // 2
            flipped = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1:]
            # White space around an envelope means nothing, so more is cut off than that.
            for content in [flipped, data[:-3], data[:middle], b"", data + b"x"]:
                with self.subTest(name, size=len(content)):
                    (folder / name).write_bytes(content)
                    self.not_accepted(job, folder)
            (folder / name).unlink()
            self.not_accepted(job, folder)
            os.symlink("elsewhere", folder / name)
            (self.dir / "elsewhere").write_bytes(data)
            self.not_accepted(job, folder)
            (folder / name).unlink()
            (folder / name).write_bytes(data)
        self.ginn(0, "verify", folder, "--job", job, "--allow-simulated")

    def not_accepted(self, job, folder):
        done = subprocess.run([program("ginn"), "verify", folder, "--job", job,
                               "--allow-simulated"], capture_output=True, text=True, check=False,
                              timeout=LIMIT_SECONDS)
        self.assertIn(done.returncode, [1, 2], done.stdout + done.stderr)
        self.assertNotIn("ACCEPTED", done.stdout)

    def test_attack_is_rejected(self):
        for verify, arguments in [("sample", ["--share", "0.5"]), ("all", ["--count", "1"])]:
            job = self.job(epochs=10, verify=verify)
            out = self.dir / verify
            done = self.ginn(1, "attack", job, "--out", out, "--attack", "noise", *arguments)
            self.assertIn("REJECTED: deviation", done.stdout)
            self.assertTrue((out / "rejection.json").exists())
            self.assertTrue((out / "rejection-evidence.safetensors").exists())
            self.assert_no_result(out)
            checked = self.ginn(1, "verify", out, "--job", job, "--allow-simulated", "--json")
            self.assertEqual(json.loads(checked.stdout)["verdict"], "rejected")

    def test_recorded_runs_are_still_accepted(self):
        """A certificate is for years: that of docs/results.md verifies with every later build."""
        for name, digest in RECORDED_RUNS.items():
            done = self.ginn(0, "verify", RESULTS / name, "--job-digest", digest,
                             "--allow-simulated", "--json")
            self.assertEqual(json.loads(done.stdout)["verdict"], "accepted", name)

    def test_attempts_that_nobody_counts(self):
        job = self.job(extra='lives = "unlimited"')
        self.train(job, "--out", "r", "--quiet")
        self.assertFalse((self.dir / "r" / "grants.jsonl").exists())
        done = self.ginn(0, "verify", "r", "--job", job, "--allow-simulated", "--json")
        found = json.loads(done.stdout)
        self.assertEqual(found["verdict"], "accepted")
        self.assertIn("within one attempt", found["guarantee"])
        self.assertIn("Attempts are not limited", found["guarantee"])
        grants = next(check for check in found["checks"] if check["name"] == "grants")
        self.assertIn("does not limit attempts", grants["detail"])
        self.assertIn("attempts are not limited", self.ginn(0, "plan", job).stdout)
        self.assertIn("attempts not limited", self.ginn(0, "inspect", job).stdout)
        self.ginn(0, "audit", "r", "--job", job)

    def test_honest_runs_are_accepted(self):
        for seed in range(3):
            job = self.job(model="mlp", seed=seed, verify="all")
            self.train(job, "--out", f"r{seed}", "--quiet")
            self.ginn(0, "verify", f"r{seed}", "--job", job, "--allow-simulated")

    def test_a_plan_says_nothing_as_done(self):
        job = self.job(verify="all")
        for text in [json.loads(self.ginn(0, "plan", job, "--json").stdout)["guarantee"],
                     " ".join(self.ginn(0, "plan", job).stdout.split())]:
            self.assertIn("Each of the 32 contributions will be replayed", text)
            self.assertNotIn("was replayed", text)

    def test_json_outputs(self):
        job = self.job()
        done = self.train(job, "--out", "r", "--json")
        self.assertIs(json.loads(done.stdout)["accepted"], True)
        self.assertIs(json.loads(done.stdout)["simulated"], True)
        lines = self.train(job, "--out", "l", "--unverified", "--json-lines").stdout.splitlines()
        steps = [json.loads(line)["step"] for line in lines if line.startswith("{")]
        self.assertEqual(steps, list(range(1, 9)))
        attack = self.ginn(1, "attack", job, "--out", "a", "--share", "1", "--json")
        self.assertIs(json.loads(attack.stdout)["accepted"], False)


class Apart(LabTest):
    """Worker and verifier as two programs that the test starts."""

    def verifier(self, *arguments):
        (self.dir / "v").mkdir(exist_ok=True)
        return self.start("ginn-verifier", "--listen", f"unix:{self.dir}/socket", "--out",
                          self.dir / "v", *arguments)

    def records_file(self):
        pixels, labels = pixels_and_labels()
        size = len(pixels) // len(labels)
        path = self.dir / "records.bin"
        path.write_bytes(b"".join(bytes([label, 0]) + pixels[i * size:(i + 1) * size]
                                  for i, label in enumerate(labels)))
        return path

    def test_work_connect(self):
        job = self.job()
        verifier = self.verifier("--records", self.records_file(), "--threads", 2)
        done = self.ginn(0, "work", "--connect", f"unix:{self.dir}/socket", job, "--pin",
                         "--threads", 1)
        self.assertIn("accepted by a SIMULATED TEE", done.stdout)
        self.assertEqual(verifier.wait(LIMIT_SECONDS), 0)
        self.assertIn("accepted by a SIMULATED TEE", verifier.stderr.read())
        self.ginn(0, "verify", "v", "--job", job, "--allow-simulated")
        self.ginn(0, "train", job, "--out", "r", "--unverified")
        self.assertEqual((self.dir / "v" / "model.safetensors").read_bytes(),
                         (self.dir / "r" / "model.safetensors").read_bytes())

    def test_train_with_a_running_verifier(self):
        verifier = self.verifier("--records", self.records_file())
        job, address = self.job(), f"unix:{self.dir}/socket"
        done = self.ginn(0, "train", job, "--out", "r", "--verifier", address)
        self.assertEqual(verifier.wait(LIMIT_SECONDS), 0)
        self.ginn(0, "verify", "v", "--job", job, "--allow-simulated")
        # Its files are there, and not here; nothing here claims otherwise.
        self.assertEqual({p.name for p in (self.dir / "r").iterdir()},
                         {"metrics.csv", "report.html", "run.json"})
        self.assertIn("accepted by a SIMULATED TEE", done.stdout)
        self.assertIn("in the verifier's folder", done.stdout)
        report = (self.dir / "r" / "report.html").read_text()
        self.assertNotIn("REJECTED", report)
        self.assertNotIn("Rejected", report)
        self.assertIn("SIMULATED", report)
        self.assertIn("on the word of a verifier", report)

    def test_out_of_the_verifier(self):
        """Looked at before anything is trained."""
        records, job = self.records_file(), self.job()
        out = self.dir / "v"
        arguments = ["--listen", f"unix:{self.dir}/socket", "--records", records, "--out", out]

        def refuses(naming):
            process = self.start("ginn-verifier", *arguments)
            error = process.communicate(timeout=LIMIT_SECONDS)[1]
            self.assertEqual(process.returncode, 2, error)
            self.assertRegex(error, naming)
            self.assertFalse((self.dir / "socket").exists())
        refuses("not_a_folder: .*/v: no such folder")
        out.mkdir()
        (out / "verifier.log").write_text("of whoever started it")
        verifier = self.start("ginn-verifier", *arguments)
        self.ginn(0, "work", "--connect", f"unix:{self.dir}/socket", job)
        self.assertEqual(verifier.wait(LIMIT_SECONDS), 0)
        before = (out / "certificate.json").read_bytes()
        refuses("out_exists: .*/v has the ")
        self.assertEqual((out / "certificate.json").read_bytes(), before)
        self.ginn(0, "verify", out, "--job", job, "--allow-simulated")

    def test_status_and_logs(self):
        """What operators see of a run; how it ended is its own word only."""
        job, out = self.job(), self.dir / "r"
        self.assertIn("no_status", self.ginn(2, "status", self.dir).stderr)
        self.assertIn("not_a_folder", self.ginn(2, "status", out).stderr)
        done = self.ginn(0, "train", job, "--out", "r",
                         "--log-level", "info", "--log-format", "json")
        lines = [json.loads(line) for line in done.stderr.splitlines()]
        self.assertEqual([line["event"] for line in lines],
                         ["run_started", "verifier_connected", "run_ended"])
        self.assertEqual(lines[-1]["verdict"], "good")
        log = [json.loads(line) for line in (out / "verifier.log").read_text().splitlines()]
        self.assertEqual([line["event"] for line in log],
                         ["listening", "worker_connected", "run_began", "run_ended", "ended"])
        self.assertEqual(log[-2]["verdict"], "accepted")
        status = json.loads(self.ginn(0, "status", "r", "--json").stdout)
        self.assertEqual((status["state"], status["code"], status["served"], status["simulated"]),
                         ("accepted", "accepted", False, True))
        self.assertEqual((status["step"], status["taken"]),
                         (status["steps"], status["contributions"]))
        metrics = self.ginn(0, "status", "r", "--prometheus").stdout
        self.assertRegex(metrics, r'(?m)^ginn_run_state\{dir="[^"]*/r",state="accepted"\} 1$')
        self.assertIn("accepted: ginn verify", self.ginn(0, "status", "r").stdout)
        (out / "certificate.json").unlink()
        self.assertIn("missing", self.ginn(0, "status", "r").stdout)
        text = (out / "status.json").read_text()
        (out / "status.json").write_text(text.replace('"accepted"', '"training"'))
        self.assertIn("broken off while training", self.ginn(1, "status", "r").stdout)
        (out / "status.json").write_text(text.replace("status/v1", "status/v2"))
        self.assertIn("status_version: status format version 2, this build reads up to 1",
                      self.ginn(2, "status", "r").stderr)
        for options in [("--log-level", "loud"), ("--log-format", "xml")]:
            self.assertIn("usage", self.ginn(2, "train", job, "--out", "q", *options).stderr)

    def test_one_verifier_a_folder(self):
        """A second one would be a second try of the same life."""
        first = self.verifier("--records", self.records_file())
        deadline = time.monotonic() + LIMIT_SECONDS
        while not (self.dir / "socket").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        second = self.start("ginn-verifier", "--listen", f"unix:{self.dir}/other", "--out",
                            self.dir / "v", "--records", self.dir / "records.bin")
        error = second.stderr.readline()
        self.stop(second)
        self.assertIn("run_in_use", error)
        self.ginn(0, "work", "--connect", f"unix:{self.dir}/socket", self.job())
        self.assertEqual(first.wait(LIMIT_SECONDS), 0)

    def test_records_that_are_not_the_job_s(self):
        records = self.records_file()
        data = records.read_bytes()
        size = f"{len(data)} expected"
        cases = {"flipped": (data[:9] + bytes([data[9] ^ 1]) + data[10:],
                             "records.bin: the tree over its records is sha256:"),
                 "short": (data[:-1], f"records.bin: {len(data) - 1} bytes found, {size}"),
                 "long": (data + b"x", f"records.bin: {len(data) + 1} bytes found, {size}"),
                 "empty": (b"", f"records.bin: 0 bytes found, {size}")}
        for case, (content, naming) in cases.items():
            with self.subTest(case):
                records.write_bytes(content)
                shutil.rmtree(self.dir / "v", ignore_errors=True)
                (self.dir / "socket").unlink(missing_ok=True)
                verifier = self.verifier("--records", records)
                done = subprocess.run(
                    [program("ginn"), "work", "--connect",
                     f"unix:{self.dir}/socket", self.job()], capture_output=True, text=True,
                    timeout=LIMIT_SECONDS, check=False)
                self.assertNotEqual(done.returncode, 0)
                self.assertNotEqual(verifier.wait(LIMIT_SECONDS), 0)
                self.assertRegex(verifier.stderr.read(), naming)
                self.assert_no_result(self.dir / "v")

    def test_arguments_of_the_verifier(self):
        (self.dir / "v").mkdir()
        full = ["--listen", f"unix:{self.dir}/s", "--records", "missing.bin", "--out", "v"]
        for arguments, naming in [([], "--listen"), (["--what", "x"], "--what"),
                                  (full + ["--threads", "0"], "--threads"),
                                  (full + ["--threads", "2x"], "--threads"),
                                  (full + ["--threads"], "--threads"),
                                  (["--listen", "tcp:1", *full[2:]], "tcp:1"),
                                  (["--listen", "unix:" + "x" * 200, *full[2:]], "200 bytes")]:
            process = self.start("ginn-verifier", *arguments)
            error = process.communicate(timeout=LIMIT_SECONDS)[1]
            self.assertEqual(process.returncode, 2, error)
            self.assertIn(naming, error)

    def test_owner_grants(self):
        """The owner's leave by files: once a life, only for the owner's job, and it is checked."""
        job, other = self.job(), self.job("other.toml", seed=2)
        key = self.ginn(0, "grant", "--new-key", "key.pem").stdout.strip()
        self.assertEqual((self.dir / "key.pem").stat().st_mode & 0o777, 0o600)
        self.refused("grant", "--new-key", "key.pem", naming=["key.pem"])
        train = self.start("ginn", "train", job, "--out", "r", "--owner-grants")
        start = self.dir / "r" / "start-1.json"
        deadline = time.monotonic() + LIMIT_SECONDS
        while not start.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        grant = ["grant", start, "--key", "key.pem", "--log", "log.jsonl", "--job"]
        self.refused(*grant, other, code=1, naming=["grant_job"])
        self.ginn(0, "policy", "init", "--job", job, "--tee", "simulated")
        policy = ["--policy", "policy.toml"]
        self.refused(*grant, job, *policy, code=1, naming=["grant_policy", "policy_measurement"])
        text = (self.dir / "policy.toml").read_text()
        for line in ["measurements", "collateral_days"]:
            text = re.sub(rf"^{line} = .*$", f'{line} = "any"', text, flags=re.MULTILINE)
        (self.dir / "policy.toml").write_text(text)
        self.ginn(0, *grant, job, *policy, "--out", self.dir / "r" / "grant-1.json")
        self.refused(*grant, job, code=1, naming=["grant_spent", "life 1"])
        output = train.communicate(timeout=LIMIT_SECONDS)
        self.assertEqual(train.returncode, 0, output)
        verify = ["verify", "r", "--job", job, "--allow-simulated"]
        self.assertIn("bring the owner's key", self.ginn(1, *verify).stdout)
        self.ginn(0, *verify, "--owner-key", key)
        self.assertEqual(len((self.dir / "log.jsonl").read_text().splitlines()), 1)

    def test_nobody_listens(self):
        self.refused("work", "--connect", f"unix:{self.dir}/socket", self.job(), code=3,
                     naming=[f"{self.dir}/socket"])
        self.refused("work", "--connect", "tcp:1.2.3.4", self.job(), naming=["tcp:1.2.3.4"])


if __name__ == "__main__":
    main()
