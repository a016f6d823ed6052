// ginn: everything a person types. The verbs are in files of their own; CLI11 is included here only.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <functional>
#include <iostream>
#include <new>

#include "base/text.h"
#include "cli/verbs.h"
#include "crypto/json.h"

namespace {

using ginn::Error;
using ginn::ErrorClass;
using ginn::Result;

constexpr int kUsage = 2;
constexpr int kEnvironment = 3;
constexpr const char* kVersion = "ginn 0.1.0";

int exit_code(ErrorClass kind) {
  switch (kind) {
    case ErrorClass::kRefused:
      return 1;
    case ErrorClass::kInput:
      return kUsage;
    case ErrorClass::kEnvironment:
      return kEnvironment;
  }
  return kEnvironment;
}

int report(const Error& error, bool json) {
  fmt::print(stderr, "ginn: {}: {}\n", error.code, error.message);
  if (json) {
    ginn::crypto::Json::Object body;
    body["code"] = error.code;
    body["message"] = error.message;
    ginn::crypto::Json::Object document;
    document["error"] = std::move(body);
    fmt::print("{}\n", ginn::crypto::pretty_json(document));
  }
  return exit_code(error.kind);
}

// What the command line asked for: the verb's options live here until it has run.
struct Verbs {
  ginn::cli::InitOptions init;
  ginn::cli::DataOptions data;
  ginn::cli::PlanOptions plan;
  ginn::cli::TrainOptions train;
  ginn::cli::WorkOptions work;
  ginn::cli::VerifyOptions verify;
  ginn::cli::EvalOptions eval;
  ginn::cli::AttackOptions attack;
  ginn::cli::InspectOptions inspect;
  ginn::cli::SelftestOptions selftest;
  ginn::cli::BenchOptions bench;
  std::string help_of;
  bool json = false;
  std::function<Result<int>()> chosen;
};

void threads_option(CLI::App* verb, uint32_t& threads) {
  verb->add_option("--threads", threads, "threads (default: all cores)")
      ->check(CLI::Range(1, 256));
}

void json_option(CLI::App* verb, Verbs& verbs, bool& json) {
  verb->add_flag_callback(
      "--json",
      [&verbs, &json] { verbs.json = json = true; },
      "one JSON document on standard output");
}

template <typename Options>
CLI::App* add(CLI::App& app, Verbs& verbs, const char* name, const char* what, Options& options,
              Result<int> (*run)(const Options&)) {
  CLI::App* verb = app.add_subcommand(name, what);
  verb->callback([&verbs, &options, run] { verbs.chosen = [&options, run] { return run(options); }; });
  return verb;
}

void add_job_verbs(CLI::App& app, Verbs& v) {
  using namespace ginn::cli;
  CLI::App* init = add(app, v, "init", "write a commented job file to start from", v.init, init_verb);
  init->add_option("PATH", v.init.path, "the file (default: job.toml)");

  CLI::App* data = add(app, v, "data", "records, classes, shape and root of data sets", v.data,
                       data_verb);
  data->add_option("PATH", v.data.paths, "prefixes of IDX pairs")->required();
  json_option(data, v, v.data.json);

  CLI::App* plan = add(app, v, "plan",
                       "resolve a job: digest, budget, expected replays, measured costs", v.plan,
                       plan_verb);
  plan->add_option("JOB", v.plan.job, "the job file")->required();
  threads_option(plan, v.plan.threads);
  json_option(plan, v, v.plan.json);
}

void add_train(CLI::App& app, Verbs& v) {
  using namespace ginn::cli;
  TrainOptions& o = v.train;
  CLI::App* train = add(app, v, "train", "train a job, verified: worker and verifier", o, train_verb);
  train->add_option("JOB", o.job, "the job file")->required();
  train->add_option("--out", o.out, "the run's folder: new, or empty")->required();
  train->add_option("--device", o.device, "auto or cpu");
  train->add_option("--tee", o.tee, "simulated");
  train->add_option("--verifier", o.verifier,
                    "address of a running ginn-verifier, unix:PATH (default: start one)");
  threads_option(train, o.threads);
  train->add_option("--verifier-threads", o.verifier_threads, "threads that replay (default: 1)")
      ->check(CLI::Range(1, 256));
  train->add_flag("--trusted-only", o.trusted_only,
                  "baseline: as if the TEE trained alone; no certificate");
  train->add_flag("--unverified", o.unverified, "baseline: the worker alone; no certificate");
  train->add_flag("--json-lines", o.json_lines, "progress as JSON lines on standard output");
  train->add_flag("--quiet", o.quiet, "no progress");
  json_option(train, v, o.json);

  CLI::App* work = add(app, v, "work", "the worker alone, for a verifier elsewhere", v.work,
                       work_verb);
  work->add_option("JOB", v.work.job, "the job file")->required();
  work->add_option("--connect", v.work.connect, "the verifier's address, unix:PATH")->required();
  threads_option(work, v.work.threads);
  work->add_flag("--quiet", v.work.quiet, "no progress");
}

void add_checking_verbs(CLI::App& app, Verbs& v) {
  using namespace ginn::cli;
  CLI::App* verify = add(app, v, "verify",
                         "the relying party's check of a run's folder, offline", v.verify,
                         verify_verb);
  verify->add_option("DIR", v.verify.dir, "the run's folder")->required();
  verify->add_option("--job", v.verify.job, "your job file; without it the best answer is \"consistent\"");
  verify->add_option("--job-digest", v.verify.job_digest, "or its digest, sha256:HEX");
  verify->add_option("--owner-key", v.verify.owner_key, "key that signs your grants, ed25519:HEX");
  verify->add_flag("--allow-simulated", v.verify.allow_simulated,
                   "take simulated evidence, which proves nothing");
  json_option(verify, v, v.verify.json);

  CLI::App* eval = add(app, v, "eval", "accuracy of a run's model on test data", v.eval, eval_verb);
  eval->add_option("DIR", v.eval.dir, "the run's folder")->required();
  eval->add_option("--test", v.eval.test, "test data (default: what the run's job file named)");
  threads_option(eval, v.eval.threads);
  json_option(eval, v, v.eval.json);

  CLI::App* inspect = add(app, v, "inspect", "print any file of a run, or a job, for people",
                          v.inspect, inspect_verb);
  inspect->add_option("FILE", v.inspect.file, "the file")->required();
  json_option(inspect, v, v.inspect.json);
}

void add_lab_verbs(CLI::App& app, Verbs& v) {
  using namespace ginn::cli;
  AttackOptions& o = v.attack;
  CLI::App* attack = add(app, v, "attack", "train with a dishonest worker", o, attack_verb);
  attack->add_option("JOB", o.job, "the job file")->required();
  attack->add_option("--out", o.out, "the run's folder: new, or empty")->required();
  attack->add_option("--attack", o.attack, "noise (the default)");
  attack->add_option("--share", o.share, "share of the contributions replaced (default: 0.01)");
  attack->add_option("--count", o.count, "number of contributions replaced, instead of a share");
  attack->add_option("--seed", o.seed, "which ones, and the noise");
  threads_option(attack, o.threads);
  attack->add_option("--verifier-threads", o.verifier_threads, "threads that replay (default: 1)")
      ->check(CLI::Range(1, 256));
  attack->add_flag("--quiet", o.quiet, "no progress");
  json_option(attack, v, o.json);

  CLI::App* selftest = add(app, v, "selftest", "every kernel level against the reference, bit for bit",
                           v.selftest, selftest_verb);
  json_option(selftest, v, v.selftest.json);

  BenchOptions& b = v.bench;
  CLI::App* bench = add(app, v, "bench", "measure kernels, steps and intake on this machine", b,
                        bench_verb);
  bench->add_option("--model", b.model, "mlp, lenet, resnet8 or resnet20 (default: resnet8)");
  bench->add_option("--height", b.height)->check(CLI::Range(1, 512));
  bench->add_option("--width", b.width)->check(CLI::Range(1, 512));
  bench->add_option("--channels", b.channels)->check(CLI::Range(1, 16));
  bench->add_option("--microbatch", b.microbatch)->check(CLI::Range(1, 1024));
  bench->add_option("--batch", b.batch, "images a step (default: 128)")->check(CLI::Range(1, 65536));
  bench->add_option("--only", b.only, "primitives, step, train or intake (default: all)");
  threads_option(bench, b.threads);
  bench->add_option("--seconds", b.seconds, "of each measurement (default: 2)")
      ->check(CLI::Range(0.01, 600.0));
  json_option(bench, v, b.json);
}

// CLI11 accepts a subcommand's name only as the first word: anything else there gets a hint.
int usage_error(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv) {
  if (error.get_exit_code() == 0) {
    app.exit(error);
    return 0;
  }
  std::string hint = "try: ginn help";
  if (argc > 1) {
    for (const CLI::App* verb : app.get_subcommands(nullptr)) {
      if (verb->get_name() == argv[1]) hint = "try: ginn help " + verb->get_name();
    }
  }
  fmt::print(stderr, "ginn: usage: {}; {}\n", ginn::printable(error.what(), 500), hint);
  return kUsage;
}

int print_help(const CLI::App& app, const std::string& verb_name) {
  if (verb_name.empty()) {
    fmt::print("{}", app.help());
    return 0;
  }
  for (const CLI::App* verb : app.get_subcommands(nullptr)) {
    if (verb->get_name() != verb_name) continue;
    fmt::print("{}", verb->help("ginn"));
    return 0;
  }
  fmt::print(stderr, "ginn: usage: no verb is called \"{}\"; try: ginn help\n",
             ginn::printable(verb_name));
  return kUsage;
}

int run(int argc, char** argv) {
  Verbs verbs;
  CLI::App app("Verified training of neural networks: an untrusted worker trains, a small trusted verifier\n"
               "replays a secret sample of its gradients bit for bit and signs a certificate.\n"
               "Exit codes: 0 good, 1 the answer is no, 2 usage or input error, 3 environment.",
               "ginn");
  app.set_version_flag("--version", kVersion);
  add_job_verbs(app, verbs);
  add_train(app, verbs);
  add_checking_verbs(app, verbs);
  add_lab_verbs(app, verbs);
  CLI::App* help = app.add_subcommand("help", "help on a verb");
  help->add_option("VERB", verbs.help_of);
  app.require_subcommand(0, 1);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return usage_error(app, error, argc, argv);
  }
  if (help->parsed() || !verbs.chosen) {
    const int code = print_help(app, verbs.help_of);
    return verbs.chosen || help->parsed() ? code : kUsage;
  }
  const Result<int> code = verbs.chosen();
  return code.ok() ? *code : report(code.error(), verbs.json);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "ginn: out_of_memory: this machine has too little memory for the job\n");
  } catch (const std::exception& error) {
    fmt::print(stderr, "ginn: failed: {}\n", error.what());
  }
  return kEnvironment;
}
