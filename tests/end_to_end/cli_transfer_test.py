#!/usr/bin/env python3
"""Transfer learning through the programs: train, start a second job from the model, verify, audit.

Usage: cli_transfer_test.py FOLDER_OF_PROGRAMS.
"""

import base64
import hashlib
import json
import random
import resource
import signal
import struct

from cli_lab import LIMIT_SECONDS, RECORDS, SANITIZED, SIDE, LabTest, idx_bytes, main

CLASSES = 7  # of the second data set
SECOND = """[model]
name = "{model}"
weights = "{weights}"
{digest}
weights_except = {excepted}
[data]
train = "e"
test = "e"
root = "{root}"
[train]
epochs = {epochs}
batch = 32
microbatch = 8
freeze = {freeze}
[[train.groups]]
parameters = ["fc.*"]
lr_scale = 5
[train.lr]
peak = 0.1
[integrity]
budget = 0.1
"""
TRUNK = '["conv1.*", "bn1.*", "layer*"]'
KEY = """-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIL9CjmG8gnVFfGQEs+YbbIVwhlKUGi+2zg1WsW4avrZZoAoGCCqGSM49
AwEHoUQDQgAEMtSDzmWGt71XgaanTnWTCJe6G17ibVPvccV62ptUvwq/ONeCJY9j
ftcZyEhutHD+mWlMbPUnMPjhohXKuctqGQ==
-----END EC PRIVATE KEY-----
"""
ALLOW = "--allow-simulated"


def tensors(path):
    """Names, and what stands under them, of a safetensors file."""
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    header.pop("__metadata__", None)
    return {name: data[8 + size + t["data_offsets"][0]:8 + size + t["data_offsets"][1]]
            for name, t in header.items()}


class Transfer(LabTest):
    def setUp(self):
        super().setUp()
        generator = random.Random(2)
        labels = bytes(generator.randrange(CLASSES) for _ in range(RECORDS))
        pixels = bytes((200 if x == label else 20) + generator.randrange(40)
                       for label in labels for _ in range(SIDE) for x in range(SIDE))
        self.write_data("e", idx_bytes([RECORDS, SIDE, SIDE], pixels),
                        idx_bytes([RECORDS], labels))
        self.ginn(0, "train", self.job(), "--out", "first", "--quiet")
        self.model = self.dir / "first" / "model.safetensors"
        self.digest = "sha256:" + hashlib.sha256(self.model.read_bytes()).hexdigest()
        self.second_root = json.loads(
            self.ginn(0, "data", "e", "--json").stdout)["datasets"][0]["root"]

    def second(self, name="second.toml", digest=None, **values):
        digest = self.digest if digest is None else digest
        line = f'weights_digest = "{digest}"' if digest else ""
        path = self.dir / name
        path.write_text(SECOND.format(**({"model": "resnet8", "excepted": '["fc.*"]',
                                          "weights": "first/model.safetensors",
                                          "freeze": TRUNK, "epochs": 2,
                                          "root": self.second_root} | values),
                                      digest=line))
        return path

    def test_frozen_trunk_and_new_head(self):
        job = self.second()
        planned = json.loads(self.ginn(0, "plan", job, "--json").stdout)
        self.assertEqual(planned["weights_digest"], self.digest)
        self.assertEqual(planned["trainable_parameters"], 64 * CLASSES + CLASSES)
        for out, mode in [("r", []), ("alone", ["--unverified"]), ("tee", ["--trusted-only"])]:
            self.ginn(0, "train", job, "--out", out, "--quiet", *mode)
        model = self.dir / "r" / "model.safetensors"
        for out in ["alone", "tee"]:
            self.assertEqual((self.dir / out / "model.safetensors").read_bytes(),
                             model.read_bytes())
        before, after = tensors(self.model), tensors(model)
        moved = {name for name, data in after.items() if data != before[name]}
        self.assertLessEqual({"fc.weight", "fc.bias", "bn1.running_mean"}, moved)
        self.assertFalse([n for n in moved if not n.startswith("fc.") and "running" not in n
                          and "tracked" not in n])
        self.ginn(0, "eval", "r")
        (self.dir / "key.pem").write_text(KEY)
        self.ginn(0, "sign", "r", "--key", "key.pem", "--job", job, ALLOW)
        envelope = json.loads((self.dir / "r" / "provenance.json").read_text())
        statement = json.loads(base64.b64decode(envelope["payload"]))
        names = {d["name"]: d["digest"] for d in
                 statement["predicate"]["buildDefinition"]["resolvedDependencies"]}
        self.assertEqual(names["start weights"], {"sha256": self.digest.removeprefix("sha256:")})
        bare = self.second("bare.toml", "")
        self.refused("policy", "init", "--job", bare, naming=["bare.toml: model.weights_digest"])
        # The relying party needs neither data nor weights.
        self.model.rename(self.dir / "moved")
        self.ginn(0, "verify", "r", "--job", job, ALLOW)
        self.ginn(1, "verify", "r", "--job", self.second("o.toml", "sha256:" + "0" * 64), ALLOW)
        self.refused("verify", "r", "--job", bare, ALLOW, naming=["model.weights_digest"])
        # Whoever audits has both.
        self.refused("audit", "r", "--data", "e", naming=["started from", self.digest, "--weights"])
        self.refused("audit", "r", "--data", "e", "--weights", model,
                     naming=[f"{model}: the file", self.digest])
        said = self.ginn(0, "audit", "r", "--data", "e", "--weights", "moved").stdout
        self.assertIn("so is the model", said)
        (self.dir / "moved").rename(self.model)
        self.assertIn("CONFIRMED", self.ginn(0, "audit", "r", "--job", job).stdout)

    def test_the_laboratory_begins_with_the_weights(self):
        job = self.second()
        honest = self.ginn(0, "attack", job, "--lab", "--count", 0, "--json")
        self.ginn(0, "train", job, "--out", "r", "--unverified", "--quiet")
        accuracy = json.loads(self.ginn(0, "eval", "r", "--json").stdout)["accuracy"]
        self.assertEqual(json.loads(honest.stdout)["accuracy"], accuracy)
        for attack in ["target-model", "badnets"]:
            done = self.ginn(0, "attack", job, "--lab", "--attack", attack, "--count", 3, "--json")
            self.assertEqual(json.loads(done.stdout)["deviations"], 3)

    def test_a_changed_file_is_refused_by_both_sides(self):
        job = self.second()
        good = self.model.read_bytes()
        self.model.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
        self.refused("train", job, "--out", "x",
                     naming=["second.toml:4: model.weights_digest", self.digest])
        self.assert_no_result(self.dir / "x")
        # The verifier alone has the changed one; the worker's is as it was.
        changed = self.model.rename(self.dir / "changed")
        self.model.write_bytes(good)
        self.ginn(0, "train", job, "--out", "records", "--unverified", "--quiet")
        pixels = (self.dir / "e-images-idx3-ubyte").read_bytes()[16:]
        labels = (self.dir / "e-labels-idx1-ubyte").read_bytes()[8:]
        each = SIDE * SIDE
        (self.dir / "records.bin").write_bytes(
            b"".join(struct.pack("<H", label) + pixels[i * each:(i + 1) * each]
                     for i, label in enumerate(labels)))
        for weights, code, why in [([], 3, "no_weights"),
                                   (["--weights", "missing"], 3, "not_found"),
                                   (["--weights", changed], 2, "weights_digest")]:
            with self.subTest(why):
                (self.dir / why).mkdir()
                verifier = self.start("ginn-verifier", "--listen", f"unix:{self.dir}/s",
                                      "--records", "records.bin", "--out", why, *weights)
                self.refused("work", "--connect", f"unix:{self.dir}/s", job, "--quiet",
                             code=3 if code == 3 else 1, naming=[why])
                said = verifier.communicate(timeout=60)[1]
                self.assertEqual(verifier.returncode, code, said)
                self.assertIn(why, said)
                self.assert_no_result(self.dir / why)
                self.assertFalse((self.dir / why / "rejection.json").exists())
        (self.dir / "good").mkdir()
        self.start("ginn-verifier", "--listen", f"unix:{self.dir}/s", "--records", "records.bin",
                   "--out", "good", "--weights", self.model)
        self.ginn(0, "work", "--connect", f"unix:{self.dir}/s", job, "--quiet")
        self.ginn(0, "verify", "good", "--job", job, ALLOW)

    def test_a_suspended_run_reads_the_same_file_again(self):
        job = self.second(epochs=20)
        self.ginn(0, "train", job, "--out", "whole", "--unverified", "--quiet")
        train = self.start("ginn", "train", job, "--out", "r", "--json-lines", "--threads", 1)
        train.stdout.readline()
        train.send_signal(signal.SIGINT)
        error = train.communicate(timeout=LIMIT_SECONDS)[1]
        self.assertEqual(train.returncode, 3, error)
        kept = self.model.rename(self.dir / "kept")
        self.model.write_bytes((self.dir / "whole" / "model.safetensors").read_bytes())
        self.refused("train", job, "--out", "r", "--resume", naming=["weights_digest"])
        kept.rename(self.model)
        self.ginn(0, "train", job, "--out", "r", "--resume", "--quiet")
        self.assertEqual((self.dir / "r" / "model.safetensors").read_bytes(),
                         (self.dir / "whole" / "model.safetensors").read_bytes())
        self.ginn(0, "verify", "r", "--job", job, ALLOW)

    def test_bad_files_are_named_with_the_place(self):
        def file(header, data=b""):
            text = header if isinstance(header, bytes) else json.dumps(header).encode()
            return struct.pack("<Q", len(text)) + text + data

        def pair(first, second, shape=(2,), dtype="F32"):
            return {"a": {"dtype": dtype, "shape": shape, "data_offsets": first},
                    "b": {"dtype": "F32", "shape": [2], "data_offsets": second}}
        good = self.model.read_bytes()
        one = b'"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}'
        cases = {
            "empty": (b"", ["0 bytes"]),
            "text": (b"not a model, a text", ["header"]),
            "header": (struct.pack("<Q", 1 << 62) + good[8:], [str(1 << 62), "1048576"]),
            "short": (struct.pack("<Q", 1000) + b"{}", ["1000", "2 left"]),
            "json": (file(b'{"a":'), ["JSON"]),
            "twice": (file(b"{" + one + b"," + one + b"}", bytes(8)), ['"a"']),
            "overlap": (file(pair([0, 8], [4, 12]), bytes(12)), ['"b"', "4", "8"]),
            "gap": (file(pair([0, 8], [12, 20]), bytes(20)), ['"b"', "12", "8"]),
            "range": (file(pair([0, 8], [8, 1 << 40]), bytes(16)), ['"b"', str(1 << 40)]),
            "reversed": (file(pair([8, 0], [8, 16]), bytes(16)), ['"a"']),
            "product": (file(pair([0, 8], [8, 16], [3]), bytes(16)), ['"a"', "12"]),
            "overflow": (file(pair([0, 8], [8, 16], [1 << 40, 1 << 40]), bytes(16)), ['"a"']),
            "dtype": (file(pair([0, 8], [8, 16], dtype="F8_E5M2"), bytes(16)),
                      ['"a"', "F8_E5M2", "F32"]),
            "tail": (good + b"x", ["cover"]),
        }
        for case, (content, naming) in cases.items():
            with self.subTest(case):
                name = f"{case}.safetensors"
                (self.dir / name).write_bytes(content)
                self.refused("plan", self.second("bad.toml", "", weights=name),
                             naming=[name, *naming])
                if case not in {"empty", "text", "header", "short"}:
                    self.refused("inspect", name, naming=[name, *naming])
        # Larger than anything: neither side reads it.
        with open(self.dir / "large.safetensors", "wb") as large:
            large.truncate(1 << 33)
        self.refused("plan", self.second("large.toml", "", weights="large.safetensors"),
                     naming=["model.weights", "large.safetensors", str(1 << 32)])
        (self.dir / "large").mkdir()
        verifier = self.start("ginn-verifier", "--listen", f"unix:{self.dir}/s", "--records", "d",
                              "--out", "large", "--weights", "large.safetensors")
        self.refused("work", "--connect", f"unix:{self.dir}/s", self.second(), "--quiet", code=3,
                     naming=["too_large"])
        said = verifier.communicate(timeout=60)[1]
        self.assertIn("large.safetensors", said)
        self.assertEqual(verifier.returncode, 3, said)
        if not SANITIZED:
            self.assertLess(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, 300_000)

    def test_what_does_not_fit_is_all_named(self):
        whole = self.second("whole.toml", excepted="[]")
        self.refused("train", whole, "--out", "x",
                     naming=["first/model.safetensors",
                             "fc.weight is F32 [4, 64], expected F32 (or F16, BF16) [7, 64]",
                             "fc.bias is F32 [4], expected F32 (or F16, BF16) [7]",
                             "model.weights_except"])
        deeper = self.second("deeper.toml", model="resnet20")
        self.refused("plan", deeper, naming=["layer1.1.conv1.weight is missing",
                                             "layer3.2.bn2.bias is missing"])
        bare = self.second("bare.toml", "")
        self.refused("train", bare, "--out", "x", naming=["weights_digest = ", self.digest])
        self.assertIn(self.digest, self.ginn(0, "plan", bare).stdout)
        self.refused("train", self.second("typo.toml", freeze='["lyer1.*"]'), "--out", "x",
                     naming=["typo.toml:14: train.freeze", "lyer1.*", "layer1.0.conv1.weight"])
        gone = self.second("gone.toml", weights="gone.safetensors")
        self.refused("train", gone, "--out", "x", naming=["model.weights", "gone.safetensors"])
        cut = self.dir / "cut.safetensors"
        cut.write_bytes(self.model.read_bytes()[:-1])
        self.refused("plan", self.second("cut.toml", "", weights=cut.name),
                     naming=["cut.safetensors", "fc.bias"])
        self.assert_no_temporary()


if __name__ == "__main__":
    main()
