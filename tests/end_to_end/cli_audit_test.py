#!/usr/bin/env python3
"""Runs computed again by anybody: whole, in stretches, or what a rejection names.

Usage: cli_audit_test.py FOLDER_OF_PROGRAMS.
"""

import base64
import json
import shutil

import ed25519
from cli_lab import LabTest, main
from protocol_client import canonical, dsse

# A run of more than three of the transcript's stretches.
KEPT_EPOCHS, KEPT_STEPS = 50, 200


class Audits(LabTest):
    def train(self, *arguments):
        return self.ginn(0, "train", *arguments, "--threads", 2)

    def test_audit(self):
        job = self.job(epochs=10, verify="all")
        self.ginn(1, "attack", job, "--out", "a", "--attack", "noise", "--count", "1")
        done = self.ginn(0, "audit", "a", "--job", job, "--json")
        found = json.loads(done.stdout)
        self.assertIs(found["confirmed"], True)
        self.assertNotEqual(found["computed"], found["received"])
        self.refused("audit", "a", "--job", self.job("other.toml", seed=2), code=1,
                     naming=["your_job"])
        self.assertIs(found["simulated"], True)
        self.refused_as_forged(job)
        evidence = self.dir / "a" / "rejection-evidence.safetensors"
        evidence.write_bytes(evidence.read_bytes()[:-1] + b"x")
        self.refused("audit", "a", code=1, naming=["rejection_evidence"])
        self.train(job, "--out", "r", "--quiet")
        self.assertIn("to the last bit", " ".join(self.ginn(0, "audit", "r", "--job",
                                                            job).stdout.split()))
        self.refused("audit", "r", naming=["--data"])
        for steps in ["5..9", "0..", "0..0", "x", "0..99999", "0..3"]:
            self.refused("audit", "r", "--job", job, "--steps", steps, naming=["step"])
        self.refused("audit", "nowhere", naming=["nowhere"])

    def test_audit_of_stretches(self):
        """From kept states, whose word is the transcript's and not that of whoever kept them."""
        job = self.job(epochs=KEPT_EPOCHS)
        self.train(job, "--out", "r", "--quiet", "--keep", "all")
        states = self.dir / "r" / "states"
        names = sorted(path.name for path in states.iterdir())
        self.assertEqual(names, [f"step-{64 * (i + 1):08}.safetensors" for i in range(3)])

        def audit(code, *arguments, run="r"):
            return self.ginn(code, "audit", run, "--job", job, *arguments, "--json")

        found = json.loads(audit(0, "--steps", "64..192").stdout)
        self.assertEqual((found["steps"], found["states"], found["model"]), ("128", "2", False))
        self.assertIn("verifier's word", found["summary"])
        found = json.loads(audit(0, "--steps", f"192..{KEPT_STEPS}").stdout)
        self.assertEqual((found["states"], found["model"]), ("1", True))
        found = json.loads(audit(0, "--stretches", 2).stdout)
        self.assertEqual(len(found["stretches"]), 2)
        found = json.loads(audit(0, "--stretches", 99).stdout)
        self.assertEqual(found["stretches"],
                         ["0..64", "64..128", "128..192", f"192..{KEPT_STEPS}"])
        self.assertEqual(found["steps"], str(KEPT_STEPS))
        self.refused("audit", "r", "--job", job, "--steps", "64..100", naming=["100", "every 64"])
        self.refused("audit", "r", "--job", job, "--steps", "1..128", naming=["step 1 "])

        harmed = states / names[1]
        content = harmed.read_bytes()
        harmed.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        self.assertIn("audit_kept_state", audit(1, "--steps", "128..192").stderr)
        harmed.write_bytes((states / names[0]).read_bytes())
        self.assertIn("metadata step", audit(2, "--steps", "128..192").stderr)
        harmed.unlink()
        self.refused("audit", "r", "--job", job, "--steps", "128..192", naming=["0, 64, 192"])
        shutil.move(states, self.dir / "kept")
        audit(0, "--steps", "64..128", "--states", "kept")
        for keep in ["65", "0", "some"]:
            self.refused("train", job, "--out", "x", "--keep", keep, naming=["--keep", "64"])

    def refused_as_forged(self, job):
        """A rejection signed by a key of the host's own, under the evidence of another key."""
        shutil.copytree(self.dir / "a", self.dir / "forged")
        path = self.dir / "forged" / "rejection.json"
        statement = json.loads(base64.b64decode(json.loads(path.read_text())["payload"]))
        key = ed25519.Key(b"\7" * 32)
        statement["predicate"]["verifier"]["publicKey"] = "ed25519:" + key.public.hex()
        path.write_bytes(dsse("application/vnd.in-toto+json", canonical(statement), key))
        self.refused("audit", "forged", "--job", job, code=1, naming=["evidence", "another key"])


if __name__ == "__main__":
    main()
