#include "cli/verb_options.h"

#include <CLI/CLI.hpp>

#include "attack/attacker.h"
#include "base/text.h"
#include "nn/models.h"

namespace ginn::cli {
namespace {

template <typename Options>
CLI::App* add_verb(CLI::App& app,
                   VerbOptions& line,
                   const char* name,
                   const char* description,
                   const Options& options,
                   Result<int> (*run)(const Options&)) {
  CLI::App* verb = app.add_subcommand(name, description)->group("Verbs");
  verb->callback(
      [&line, &options, run] { line.command = [&options, run] { return run(options); }; });
  return verb;
}

template <typename Value>
CLI::Option* add_option(CLI::App* verb,
                        const char* name,
                        Value& value,
                        const char* type,
                        const std::string& description) {
  return verb->add_option(name, value, description)->type_name(type);
}

template <typename Value>
CLI::Option* add_argument(CLI::App* verb,
                          const char* name,
                          Value& value,
                          const std::string& description) {
  return verb->add_option(name, value, description)->type_name(" ");
}

void add_json(CLI::App* verb, bool& json) {
  verb->add_flag("--json", json, "One JSON document on standard output, and nothing else");
}

void add_count(CLI::App* verb,
               const char* name,
               uint32_t& value,
               uint32_t most,
               const std::string& description) {
  CLI::Range range(uint32_t{1}, most);
  range.description("");  // CLI11's own goes into the type's column
  add_option(verb, name, value, "N", concat(description, "; 1 to ", most))->check(range);
}

void add_threads(CLI::App* verb, uint32_t& threads) {
  add_count(verb, "--threads", threads, 256, "Threads to compute with (all cores)");
}

void add_verifier_threads(CLI::App* verb, uint32_t& threads) {
  add_count(verb, "--verifier-threads", threads, 256, "Threads that replay (1)");
}

void add_quiet(CLI::App* verb, bool& quiet) {
  verb->add_flag("--quiet", quiet, "No progress, no summary; the exit code is the answer");
}

void add_job(CLI::App* verb, std::string& job) {
  add_argument(verb, "JOB", job, "Job file (TOML)")->required();
}

void add_out(CLI::App* verb, std::string& out) {
  add_option(verb, "--out", out, "DIR", "Folder for the run's files: new, or empty")->required();
}

template <typename Names>
std::string list(const Names& names) {
  std::string text;
  for (const auto& name : names) text += concat(text.empty() ? "" : ", ", name);
  return text;
}

void add_preparation(CLI::App& app, VerbOptions& line) {
  CLI::App* init =
      add_verb(app, line, "init", "Write a commented job file to start from", line.init, init_verb);
  add_argument(init, "FILE", line.init.path, "File to write (job.toml)");

  CLI::App* data = add_verb(
      app, line, "data", "Records, classes, shape and root of data sets", line.data, data_verb);
  add_argument(data,
               "PATH",
               line.data.paths,
               "Common prefix of a pair of IDX files, gzipped or not, such as "
               "/usr/share/datasets/fashion-mnist/train")
      ->required();
  add_json(data, line.data.json);

  CLI::App* plan = add_verb(app,
                            line,
                            "plan",
                            "Resolve a job: digest, guarantee, expected replays, measured costs",
                            line.plan,
                            plan_verb);
  add_job(plan, line.plan.job);
  add_threads(plan, line.plan.threads);
  add_json(plan, line.plan.json);
}

void add_train(CLI::App& app, VerbOptions& line) {
  TrainOptions& o = line.train;
  CLI::App* train = add_verb(app, line, "train", "Train a job: worker and verifier", o, train_verb);
  add_job(train, o.job);
  add_out(train, o.out);
  add_option(train, "--device", o.device, "NAME", "Where the worker computes: auto or cpu (auto)");
  add_option(train, "--tee", o.tee, "KIND", "TEE of the verifier: simulated, which proves nothing");
  add_option(train,
             "--verifier",
             o.verifier,
             "ADDRESS",
             "Verifier that runs already: unix:PATH, tcp:HOST:PORT, vsock:CID:PORT");
  add_threads(train, o.threads);
  add_verifier_threads(train, o.verifier_threads);
  train->add_flag(
      "--trusted-only", o.trusted_only, "Baseline: as if the TEE trained alone; no certificate");
  train->add_flag(
      "--unverified", o.unverified, "Baseline: the worker without a verifier; no certificate");
  train->add_flag("--resume", o.resume, "Go on with the suspended or killed run in DIR");
  train->add_flag("--owner-grants",
                  o.owner_grants,
                  "Ask the owner for leave (start-N.json, grant-N.json), see ginn help grant");
  train->add_flag(
      "--json-lines", o.json_lines, "A JSON line for each reported step on standard output");
  add_quiet(train, o.quiet);
  add_json(train, o.json);

  CLI::App* work = add_verb(app,
                            line,
                            "work",
                            "The worker alone, for a verifier that runs already",
                            line.work,
                            work_verb);
  add_job(work, line.work.job);
  add_option(work,
             "--connect",
             line.work.connect,
             "ADDRESS",
             "The verifier: unix:PATH, tcp:HOST:PORT, vsock:CID:PORT")
      ->required();
  add_option(work,
             "--owner-grants",
             line.work.grants,
             "DIR",
             "Ask the owner for leave through this folder (start-N.json, grant-N.json)");
  add_threads(work, line.work.threads);
  add_quiet(work, line.work.quiet);
}

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

void add_eval(CLI::App& app, VerbOptions& line) {
  EvalOptions& o = line.eval;
  CLI::App* eval =
      add_verb(app, line, "eval", "Accuracy of a run's model on test data", o, eval_verb);
  add_argument(eval, "DIR", o.dir, "Folder of a run")->required();
  add_option(eval, "--test", o.test, "PATH", "Test data (what the run's job file named)");
  add_threads(eval, o.threads);
  add_json(eval, o.json);
}

void add_attack(CLI::App& app, VerbOptions& line) {
  AttackOptions& o = line.attack;
  CLI::App* attack = add_verb(
      app, line, "attack", "Train with a worker that tampers, and see it caught", o, attack_verb);
  add_job(attack, o.job);
  add_out(attack, o.out);
  add_option(attack,
             "--attack",
             o.attack,
             "NAME",
             concat("What it does: ", list(attack::attack_names()), " (", o.attack, ")"));
  CLI::Option* share =
      add_option(attack, "--share", o.share, "X", "Share of the contributions it replaces (0.01)");
  add_option(attack, "--count", o.count, "N", "Or how many")->excludes(share);
  add_option(attack, "--seed", o.seed, "N", "Decides which ones, and the noise (1)");
  add_threads(attack, o.threads);
  add_verifier_threads(attack, o.verifier_threads);
  add_quiet(attack, o.quiet);
  add_json(attack, o.json);
  attack->footer("Exit code 1 when the run is rejected: what should happen.");
}

// CLI::Range takes nan.
std::string check_seconds(const std::string& text) {
  double seconds = 0;
  if (CLI::detail::lexical_cast(text, seconds) && seconds >= 0.01 && seconds <= 600.0) return "";
  return concat(printable(text), " is not in 0.01 to 600");
}

// Of an element of a list, which CLI::Range would describe in the type's column.
std::string check_thread_count(const std::string& text) {
  uint32_t threads = 0;
  if (CLI::detail::lexical_cast(text, threads) && threads >= 1 && threads <= 256) return "";
  return concat(printable(text), " is not in 1 to 256");
}

// Values separated by commas, or the option several times.
template <typename Value>
CLI::Option* add_list(CLI::App* verb,
                      const char* name,
                      std::vector<Value>& values,
                      const char* type,
                      const std::string& description) {
  return add_option(verb, name, values, type, description)->delimiter(',')->allow_extra_args(false);
}

void add_bench(CLI::App& app, VerbOptions& line) {
  BenchOptions& o = line.bench;
  CLI::App* bench = add_verb(
      app, line, "bench", "Measure kernels, steps and intake on this machine", o, bench_verb);
  add_option(
      bench, "--model", o.model, "NAME", concat(list(nn::model_names()), " (", o.model, ")"));
  add_count(bench, "--height", o.height, 512, "Pixels (28)");
  add_count(bench, "--width", o.width, 512, "Pixels (28)");
  add_count(bench, "--channels", o.channels, 16, "Of an image (1)");
  add_count(bench, "--classes", o.classes, 65535, "Of the labels (10)");
  add_count(bench, "--microbatch", o.microbatch, 1024, "Images in a contribution (32)");
  add_count(bench, "--batch", o.batch, 65536, "Images in a step (128)");
  add_list(bench,
           "--only",
           o.only,
           "NAME[,NAME]",
           "primitives, layers, step, train, intake, replay (all)");
  add_list(bench,
           "--threads",
           o.threads,
           "N[,N]",
           "Threads of \"train\", one measurement for each number (1); 1 to 256")
      ->check(check_thread_count);
  add_option(bench, "--seconds", o.seconds, "S", "Time of each measurement, 0.01 to 600 (2)")
      ->check(check_seconds);
  add_json(bench, o.json);
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

void add_tools(CLI::App& app, VerbOptions& line) {
  CLI::App* inspect = add_verb(app,
                               line,
                               "inspect",
                               "Print a job, a certificate, a model or a transcript for people",
                               line.inspect,
                               inspect_verb);
  add_argument(inspect, "FILE", line.inspect.file, "Any file that ginn reads or writes")
      ->required();
  add_json(inspect, line.inspect.json);

  CLI::App* selftest = add_verb(app,
                                line,
                                "selftest",
                                "Compare every kernel level with the reference, bit for bit",
                                line.selftest,
                                selftest_verb);
  add_json(selftest, line.selftest.json);
  add_bench(app, line);
}

}  // namespace

void add_verbs(CLI::App& app, VerbOptions& line) {
  add_preparation(app, line);
  add_train(app, line);
  add_grant(app, line);
  add_verify(app, line);
  add_policy(app, line);
  add_sign(app, line);
  add_attest(app, line);
  add_eval(app, line);
  add_attack(app, line);
  add_tools(app, line);
}

}  // namespace ginn::cli
