// Options of the verbs of those who own a job or rely on a run.
#include "base/text.h"
#include "cli/option_kinds.h"
#include "cli/verb_options.h"

namespace ginn::cli {
namespace {

void add_verify(CLI::App& app, VerbOptions& line) {
  VerifyOptions& o = line.verify;
  CLI::App* verify = add_verb(
      app, line, "verify", "Check a run's folder offline, as its relying party", o, verify_verb);
  add_argument(verify, "RUN", o.run, "Folder of a run, or a bundle of one")->required();
  add_option(verify, "--policy", o.policy, "FILE", "What you demand of a run (ginn policy init)");
  add_option(
      verify, "--job", o.job, "FILE", "Your own copy of the job: TOML with data.root, or JSON");
  add_option(verify, "--job-digest", o.job_digest, "HEX", "Or its digest, as ginn plan printed it");
  add_option(verify, "--owner-key", o.owner_key, "KEY", "Key that signs your grants, ed25519:HEX");
  verify->add_flag("--allow-simulated",
                   o.allow_simulated,
                   "Take evidence of the simulated TEE, which proves nothing");
  add_option(
      verify, "--at", o.at, "TIME", "Judge evidence for this time: 2026-03-05T10:50:03Z (now)");
  add_option(verify, "--collateral", o.collateral, "FILE", "Newer collateral than the run's");
  add_option(verify,
             "--model",
             o.models,
             "FILE",
             "With a bundle: the model's file, more by repeating (those beside the bundle)")
      ->allow_extra_args(false);
  add_option(verify, "--html", o.html, "FILE", "Write a page of the check");
  add_json(verify, o.json);
  verify->footer(
      "Without --job, --job-digest or --policy the best answer is \"consistent\", exit code 1.\n"
      "--allow-simulated does not override a policy.");
}

void add_policy(CLI::App& app, VerbOptions& line) {
  PolicyOptions& o = line.policy;
  CLI::App* policy = add_verb(
      app, line, "policy", "policy init: write a strict policy from your own job", o, policy_verb);
  add_argument(policy, "ACTION", o.action, "init")->required();
  add_option(policy, "--job", o.job, "FILE", "Your job: TOML with its data at hand, or JSON");
  add_option(policy, "--out", o.out, "FILE", "File to write (policy.toml)");
  const auto add_texts = [policy](
                             const char* name, auto& value, const char* type, const char* what) {
    add_option(policy, name, value, type, what)->allow_extra_args(false);
  };
  add_texts("--tee", o.kinds, "KIND", "TEE that you accept, more by repeating (all hardware)");
  add_texts(
      "--measurement", o.measurements, "HASH", "Verifier that you trust: sha384:.., sha256:..");
  add_texts("--owner-key", o.owner_keys, "KEY", "Key that signs your grants, ed25519:HEX");

  BundleOptions& b = line.bundle;
  CLI::App* bundle = add_verb(
      app, line, "bundle", "What a later check of a run needs, in one file", b, bundle_verb);
  add_argument(bundle, "DIR", b.dir, "Folder of a run")->required();
  add_option(bundle, "--out", b.out, "FILE", "File to write (DIR.bundle.json)");
}

void add_sign(CLI::App& app, VerbOptions& line) {
  SignOptions& o = line.sign;
  CLI::App* sign = add_verb(
      app, line, "sign", "Check a run, then sign its model as its publisher", o, sign_verb);
  add_argument(sign, "DIR", o.check.run, "Folder of a run")->required();
  add_option(sign, "--key", o.key, "FILE", "Your key: ECDSA on P-256, PEM, not encrypted")
      ->required();
  add_option(sign, "--policy", o.check.policy, "FILE", "What you demand of the run");
  add_option(sign, "--job", o.check.job, "FILE", "Your own copy of the job");
  add_option(sign, "--owner-key", o.check.owner_key, "KEY", "Key that signs your grants");
  add_option(sign, "--at", o.check.at, "TIME", "Judge evidence for this time (now)");
  sign->add_flag("--allow-simulated",
                 o.check.allow_simulated,
                 "Take evidence of the simulated TEE, which proves nothing");
  sign->footer("Writes model.sig (OpenSSF model-signing) and provenance.json (SLSA) into DIR.");
}

void add_audit(CLI::App& app, VerbOptions& line) {
  AuditOptions& o = line.audit;
  CLI::App* audit = add_verb(app,
                             line,
                             "audit",
                             "Compute a run again, or what a rejection names, and compare",
                             o,
                             audit_verb);
  add_argument(audit, "DIR", o.check.run, "Folder of a run")->required();
  add_option(audit, "--job", o.check.job, "FILE", "Your own copy of the job");
  add_option(audit, "--job-digest", o.check.job_digest, "HEX", "Its digest, sha256:..");
  add_option(audit, "--data", o.data, "PATH", "Training data, as data.train (that of --job)");
  add_option(
      audit, "--weights", o.weights, "FILE", "Weights that the job starts from (that of --job)");
  CLI::Option* steps = add_option(
      audit, "--steps", o.steps, "A..B", "Only these steps; A is 0 or that of a kept state");
  add_option(audit, "--stretches", o.stretches, "N", "N stretches between kept states, at random")
      ->excludes(steps);
  add_option(audit, "--states", o.states, "DIR", "Kept states (states in the run's folder)");
  add_option(audit, "--at", o.check.at, "TIME", "Judge a rejection's evidence for this time (now)");
  add_option(audit, "--collateral", o.check.collateral, "FILE", "Newer collateral than the run's");
  add_threads(audit, o.threads);
  add_json(audit, o.check.json);
  audit->footer(
      "A rejection is computed again from its folder alone; that its weights are the run's is its\n"
      "verifier's word. An accepted run is computed again from your data, which takes as long as\n"
      "training it, and no TEE is trusted. Exit code 0: as the run says; 1: not.");
}

void add_attest(CLI::App& app, VerbOptions& line) {
  AttestCheckOptions& o = line.attest_check;
  CLI::App* attest = app.add_subcommand("attest", "Evidence of hardware TEEs")->group("Verbs");
  attest->require_subcommand(1);
  CLI::App* check =
      attest->add_subcommand("check", "Check one piece of evidence by itself, offline");
  check->callback([&line, &o] { line.command = [&o] { return attest_check_verb(o); }; });
  add_option(check, "--evidence", o.evidence, "FILE", "Quote, report or document, as bytes")
      ->required();
  add_option(check,
             "--collateral",
             o.collateral,
             "DIR",
             "Folder with tcb_info.json, pck_crl.der and so on; may be given several times")
      ->allow_extra_args(false);
  add_option(check, "--chain", o.chain, "FILE", "Certificates, PEM, leaf first, root last");
  add_option(check,
             "--kind",
             o.kind,
             "KIND",
             "sgx, tdx, snp, nitro, tpm, azure-snp, azure-tdx or nvidia (found out)");
  add_option(check, "--at", o.at, "TIME", "Time to judge at, such as 2025-07-04T10:16:31Z")
      ->required();
  add_json(check, o.json);
  check->footer("Exit code 0 ok, 1 refused, 2 input that cannot be used. No clock, no network.");
}

void add_grant(CLI::App& app, VerbOptions& line) {
  GrantOptions& o = line.grant;
  CLI::App* grant = add_verb(app,
                             line,
                             "grant",
                             "The owner's leave for a start of a verifier: at most the job's lives",
                             o,
                             grant_verb);
  add_argument(grant, "START", o.start, "start-N.json of the worker's folder");
  add_option(grant, "--key", o.key, "FILE", "The owner's Ed25519 private key (PEM)");
  add_option(grant, "--log", o.log, "FILE", "Every grant so far; made when it is missing");
  add_option(grant, "--job", o.job, "JOB", "The owner's own job file");
  add_option(grant, "--out", o.out, "FILE", "For the grant (standard output)");
  add_option(grant, "--policy", o.policy, "FILE", "What you demand of the verifier's TEE");
  add_option(grant, "--collateral", o.collateral, "FILE", "Collateral of the start's evidence");
  add_option(grant, "--at", o.at, "TIME", "Judge evidence for this time (now)");
  add_option(grant, "--new-key", o.new_key, "FILE", "Make a key, print its public half, and end");
}

}  // namespace

void add_owner_verbs(CLI::App& app, VerbOptions& line) {
  add_grant(app, line);
  add_verify(app, line);
  add_policy(app, line);
  add_audit(app, line);
  add_sign(app, line);
  add_attest(app, line);
}

}  // namespace ginn::cli
