#!/usr/bin/env python3
"""ginn policy, bundle and verify by a policy, on a real run; and the envelope in others' tools.

Usage: cli_policy_test.py FOLDER_OF_PROGRAMS. securesystemslib and in-toto-attestation are installed
into a virtual environment beside the programs; without a package index those tests are skipped.
"""

import functools
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import unittest

from cli_lab import LIMIT_SECONDS, LabTest, main

WHEELS = ["securesystemslib[crypto]==1.6.0", "in-toto-attestation==0.9.3", "jsonschema==4.26.0",
          "model-signing==1.1.1", "pyOpenSSL==26.4.0"]
SCHEMA = pathlib.Path(__file__).resolve().parents[2] / "docs" / "predicate.schema.json"

DSSE = """
import json, sys
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey
text, public, keyid = open(sys.argv[1]).read(), sys.argv[2], sys.argv[3]
key = SSlibKey(keyid, "ed25519", "ed25519", {"public": public})
envelope = Envelope.from_dict(json.loads(text))
print("signed by", list(envelope.verify([key], 1)))
assert envelope.payload_type == "application/vnd.in-toto+json"
broken = json.loads(text)
from base64 import b64decode, b64encode
payload = bytearray(b64decode(broken["payload"]))
payload[-3] ^= 1
broken["payload"] = b64encode(payload).decode()
try:
    Envelope.from_dict(broken).verify([key], 1)
    sys.exit("a changed payload verifies")
except Exception as error:
    print("changed payload refused:", type(error).__name__)
"""
STATEMENT = """
import base64, json, sys
from google.protobuf import json_format
import in_toto_attestation.v1.statement_pb2 as pb
from in_toto_attestation.v1.statement import Statement
payload = base64.b64decode(json.load(open(sys.argv[1]))["payload"])
message = json_format.Parse(payload, pb.Statement())
Statement.copy_from_pb(message).validate()
print(message.subject[0].name, message.subject[0].digest["sha256"], message.predicate_type)
"""
PREDICATE = """
import base64, json, sys
import jsonschema
schema = json.load(open(sys.argv[2]))
statement = json.loads(base64.b64decode(json.load(open(sys.argv[1]))["payload"]))
validator = jsonschema.Draft202012Validator(schema)
jsonschema.Draft202012Validator.check_schema(schema)
validator.validate(statement)
for change in [lambda s: s["predicate"].pop("grants"),
               lambda s: s["predicate"].update(extra=1),
               lambda s: s["predicate"]["guarantee"].update(probability="0.999"),
               lambda s: s["subject"].clear(),
               lambda s: s["predicate"].update(jobDigest="sha256:00")]:
    changed = json.loads(json.dumps(statement))
    change(changed)
    if validator.is_valid(changed):
        sys.exit("the schema takes a statement that it should refuse")
print("valid")
"""


MODEL = """
import pathlib, sys
from model_signing import verifying
folder, public = pathlib.Path(sys.argv[1]).parent, sys.argv[2]
def verify():
    verifying.Config().use_elliptic_key_verifier(public_key=public).set_ignore_unsigned_files(
        True).verify(folder, folder / "model.sig")
verify()
model = folder / "model.safetensors"
good = model.read_bytes()
model.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
try:
    verify()
    sys.exit("a changed model verifies")
except ValueError as error:
    print("changed model refused:", error)
model.write_bytes(good)
"""
PROVENANCE = """
import base64, json, pathlib, sys
from google.protobuf import json_format
import in_toto_attestation.v1.statement_pb2 as pb
import in_toto_attestation.predicates.provenance.v1.provenance_pb2 as slsa
from in_toto_attestation.v1.statement import Statement
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey
path = pathlib.Path(sys.argv[1]).parent / "provenance.json"
data = json.loads(path.read_text())
keyid = data["signatures"][0]["keyid"]
key = SSlibKey(keyid, "ecdsa", "ecdsa-sha2-nistp256", {"public": open(sys.argv[2]).read()})
payload = base64.b64decode(data["payload"])
Envelope.from_dict(data).verify([key], 1)
message = json_format.Parse(payload, pb.Statement())
Statement.copy_from_pb(message).validate()
provenance = json_format.ParseDict(json.loads(payload)["predicate"], slsa.Provenance())
print(message.predicate_type, message.subject[0].name, provenance.run_details.builder.id)
"""


@functools.cache
def venv_python():
    """The virtual environment's Python, or None, with the reason printed."""
    folder = pathlib.Path(os.environ["GINN_BIN"]).parent / "interop-venv"
    python = folder / "bin" / "python"
    marker = folder / "installed"
    if marker.is_file() and marker.read_text() == repr(WHEELS):
        return python
    try:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True, capture_output=True,
                       timeout=120)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--retries", "1", "--timeout",
                        "10", *WHEELS], check=True, capture_output=True, timeout=240)
    except (OSError, subprocess.SubprocessError) as error:
        print(f"interop tests skipped: {error} {getattr(error, 'stderr', '')}", file=sys.stderr)
        return None
    marker.write_text(repr(WHEELS))
    return python


class PolicyRun(LabTest):
    """A run of the simulated TEE, made once a test."""

    def setUp(self):
        super().setUp()
        self.run_dir = self.dir / "run"
        self.job_path = self.job()
        self.ginn(0, "train", self.job_path, "--out", self.run_dir, "--quiet")

    def verify(self, code, *arguments):
        return json.loads(self.ginn(code, "verify", *arguments, "--json").stdout)

    def measurement(self):
        out = self.verify(0, self.run_dir, "--job", self.job_path, "--allow-simulated")
        detail = next(c["detail"] for c in out["checks"] if c["name"] == "evidence")
        return "sha256:" + re.search(r"measured as ([0-9a-f]{64})", detail)[1]

    def failed(self, out):
        return {check["name"]: check["code"] for check in out["checks"] if not check["ok"]}

    def simulated_policy(self, name):
        self.ginn(0, "policy", "init", "--job", self.job_path, "--tee", "simulated",
                  "--measurement", self.measurement(), "--out", name)
        path = self.dir / name
        path.write_text(path.read_text().replace("owners = []", 'owners = "any"'))
        return path

    def test_policy(self):
        strict = self.dir / "policy.toml"
        done = self.ginn(0, "policy", "init", "--job", self.job_path)
        self.assertIn("It accepts nothing yet", done.stdout)
        for extra in [[], ["--allow-simulated"]]:
            out = self.verify(1, self.run_dir, "--policy", strict, *extra)
            self.assertEqual(out["verdict"], "rejected")
            self.assertEqual(set(self.failed(out)), {
                "simulated", "policy_tee", "policy_measurement", "policy_freshness",
                "policy_grants"})
        mine = self.simulated_policy("mine.toml")
        out = self.verify(0, self.run_dir, "--policy", mine)
        self.assertEqual(out["verdict"], "accepted")
        self.assertTrue(out["simulated"])
        self.assertTrue(all(check["why"] for check in out["checks"]))
        text = self.ginn(0, "verify", self.run_dir, "--policy", mine).stdout
        self.assertIn("your policy demands: at least 0.999", text)
        self.assertIn("records that you vetted", text)
        other = self.job("other.toml", seed=2)
        out = self.verify(1, self.run_dir, "--policy", mine, "--job", other)
        self.assertEqual(self.failed(out), {"your_job": "your_job"})
        mine.write_text(mine.read_text().replace("lives = 1", "lifes = 1"))
        self.refused("verify", self.run_dir, "--policy", mine, naming=[
            "policy_file", "guarantee.lifes: unknown key", "guarantee.lives: missing"])

    def test_policy_init_takes_nothing_from_a_run(self):
        self.refused("policy", "init", "--job", self.run_dir / "job.json",
                     naming=["policy_from_run", "your own job"])
        self.refused("policy", "init", naming=["--job"])
        self.refused("policy", "make", "--job", self.job_path, naming=["ginn policy init"])
        self.refused("policy", "init", "--job", self.job_path, "--tee", "abacus",
                     naming=["abacus", "tdx"])
        self.refused("policy", "init", "--job", self.job("n.toml", root=""), naming=["data.root"])
        self.ginn(0, "policy", "init", "--job", self.job_path)
        self.refused("policy", "init", "--job", self.job_path, naming=["exists"])

    def test_bundle(self):
        self.ginn(0, "bundle", self.run_dir)
        bundle = self.dir / "run.bundle.json"
        model = self.run_dir / "model.safetensors"
        bring = ["--job", self.job_path, "--allow-simulated"]
        folder = self.verify(0, self.run_dir, *bring)
        out = self.verify(0, bundle, "--model", model, *bring)
        self.assertEqual(out["summary"], folder["summary"])
        out = self.verify(1, bundle, *bring)
        self.assertEqual(self.failed(out), {"model": "not_found"})
        os.symlink(model, self.dir / "model.safetensors")
        self.assertEqual(self.failed(self.verify(1, bundle, *bring)), {"model": "is_a_link"})
        (self.dir / "model.safetensors").unlink()
        (self.dir / "model.safetensors").write_bytes(model.read_bytes())
        self.verify(0, bundle, *bring)
        self.refused("bundle", self.run_dir, naming=["exists"])
        self.refused("bundle", self.dir, naming=["certificate.json"])
        self.refused("verify", self.run_dir, "--model", model, naming=["--model"])
        bundle.write_text(bundle.read_text() + "\n")
        self.refused("verify", bundle, *bring, naming=["bundle_form"])

    def test_page(self):
        page = self.dir / "check.html"
        self.ginn(1, "verify", self.run_dir, "--job", self.job_path, "--html", page)
        text = page.read_text()
        self.assertIn("Rejected (SIMULATED)", text)
        self.assertNotRegex(text, r"<script|src=|https?:")

    def test_time(self):
        self.refused("verify", self.run_dir, "--at", "yesterday", naming=["yesterday"])

    def in_others_tools(self, script, *arguments):
        python = venv_python()
        if python is None:
            self.skipTest("no package index")
        certificate = self.run_dir / "certificate.json"
        done = subprocess.run([python, "-c", script, certificate, *map(str, arguments)],
                              capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_others_tools(self):
        certificate = json.loads((self.run_dir / "certificate.json").read_text())
        out = self.verify(0, self.run_dir, "--job", self.job_path, "--allow-simulated")
        detail = next(c["detail"] for c in out["checks"] if c["name"] == "signature")
        public = re.search(r"ed25519:([0-9a-f]{64})", detail)[1]
        keyid = certificate["signatures"][0]["keyid"]
        self.assertEqual(keyid, hashlib.sha256(bytes.fromhex(public)).hexdigest())
        self.assertIn(keyid, self.in_others_tools(DSSE, public, keyid))
        digest = hashlib.sha256((self.run_dir / "model.safetensors").read_bytes()).hexdigest()
        self.assertEqual(self.in_others_tools(STATEMENT).split(), [
            "model.safetensors", digest, "urn:ginn:predicate:verified-training:v1"])
        self.assertEqual(self.in_others_tools(PREDICATE, SCHEMA), "valid\n")

    def test_sign(self):
        key, public = self.dir / "key.pem", self.dir / "public.pem"
        for command in [["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key],
                        ["ec", "-in", key, "-pubout", "-out", public]]:
            subprocess.run(["openssl", *map(str, command)], check=True, capture_output=True,
                           timeout=LIMIT_SECONDS)
        sign = ["sign", self.run_dir, "--key", key, "--job", self.job_path]
        self.refused(*sign, code=1, naming=["not_accepted", "nothing was signed"])
        self.assertFalse((self.run_dir / "model.sig").exists())
        self.refused("sign", self.run_dir, "--key", self.job_path, naming=["bad_key", "P-256"])
        self.assertIn("SIMULATED", self.ginn(0, *sign, "--allow-simulated").stdout)
        self.assertIn("changed model refused", self.in_others_tools(MODEL, public))
        self.assertEqual(self.in_others_tools(PROVENANCE, public).split(), [
            "https://slsa.dev/provenance/v1", "model.safetensors",
            "urn:ginn:builder:ginn-verifier"])
        self.verify(0, self.run_dir, "--job", self.job_path, "--allow-simulated")


if __name__ == "__main__":
    main()
