#include "cli/verb_options.h"

#include <CLI/CLI.hpp>

#include "attack/attacker.h"
#include "base/text.h"
#include "cli/option_kinds.h"
#include "nn/models.h"

namespace ginn::cli {
namespace {

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

CLI::Option* add_keep(CLI::App* verb, std::string& keep) {
  return add_option(
      verb, "--keep", keep, "N", "Keep a state each N steps for audits, or all, or none (none)");
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
      "--pin", o.pin, "A CPU for each of the worker's threads, the others for the verifier");
  train->add_flag(
      "--trusted-only", o.trusted_only, "Baseline: as if the TEE trained alone; no certificate");
  train->add_flag(
      "--unverified", o.unverified, "Baseline: the worker without a verifier; no certificate");
  train->add_flag("--resume", o.resume, "Go on with the suspended or killed run in DIR");
  train->add_flag("--owner-grants",
                  o.owner_grants,
                  "Ask the owner for leave (start-N.json, grant-N.json), see ginn help grant");
  add_keep(train, o.keep);
  train->add_flag(
      "--json-lines", o.json_lines, "A JSON line for each reported step on standard output");
  add_quiet(train, o.quiet);
  add_json(train, o.json);
  add_log(train, o.log);

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
  CLI::Option* states =
      add_option(work, "--states", line.work.states, "DIR", "Where kept states go");
  add_keep(work, line.work.keep)->needs(states);
  add_threads(work, line.work.threads);
  work->add_flag("--pin", line.work.pin, "A CPU for each of the worker's threads");
  add_quiet(work, line.work.quiet);
  add_log(work, line.work.log);
}

void add_status(CLI::App& app, VerbOptions& line) {
  StatusOptions& o = line.status;
  CLI::App* status =
      add_verb(app, line, "status", "Where a verified run is, and whether it runs", o, status_verb);
  add_argument(status, "DIR", o.dir, "The verifier's folder of the run")->required();
  add_json(status, o.json);
  status->add_flag(
      "--prometheus", o.prometheus, "Metrics in Prometheus' text format, for a textfile collector");
  status->footer("Exit code 1 when the run was rejected, or broke off without a word.");
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

// Values separated by commas, or the option several times.
template <typename Value>
CLI::Option* add_list(CLI::App* verb,
                      const char* name,
                      std::vector<Value>& values,
                      const char* type,
                      const std::string& description) {
  return add_option(verb, name, values, type, description)->delimiter(',')->allow_extra_args(false);
}

// What an attacker does, to how many contributions, and when.
void add_attacker(CLI::App* attack, AttackOptions& o) {
  add_list(attack,
           "--attack",
           o.attacks,
           "NAME",
           concat("What it does: ", list(attack::attack_names()), " (noise)"));
  CLI::Option* share =
      add_list(attack, "--share", o.shares, "X", "Share of the contributions it replaces (0.01)");
  add_list(attack, "--count", o.counts, "N", "Or how many")->excludes(share);
  add_list(attack,
           "--when",
           o.when,
           "WHEN",
           "uniform, first, last, last@0.85, bursts:16, window:0.3-0.6, greedy (uniform)");
  add_option(attack, "--target", o.target, "C", "Class that a backdoor's images shall get (0)");
  add_option(attack,
             "--poison",
             o.poison,
             "X",
             "Share of triggered images in its gradients, the others are clean (0.5)");
  add_option(attack,
             "--images",
             o.images,
             "N",
             "In each of its gradients, up to 1024 (as many as in a microbatch)");
  add_option(attack, "--patch", o.patch, "N", "Side of the white square (a tenth of the image's)");
  add_list(attack, "--seed", o.seeds, "N", "Decides which contributions, and its chance (1)");
}

void add_attack(CLI::App& app, VerbOptions& line) {
  AttackOptions& o = line.attack;
  CLI::App* attack = add_verb(
      app, line, "attack", "Train with a worker that tampers, and see it caught", o, attack_verb);
  add_job(attack, o.job);
  add_option(attack, "--out", o.out, "DIR", "Folder for the files: new or empty, but for --sweep");
  add_attacker(attack, o);
  attack->add_flag("--lab", o.lab, "No verifier: accuracy, attack success, chance of detection");
  attack->add_flag("--sweep",
                   o.sweep,
                   "The laboratory for every combination of the lists above: results.csv, "
                   "success.svg and index.html in DIR; goes on with what is there");
  attack->add_flag("--protocol",
                   o.protocol,
                   "No training: a host that ends the verifier when a deviation is picked");
  attack->add_flag("--demo",
                   o.demo,
                   "A page in DIR: images with the trigger, what the honest and the attacked model "
                   "say, and the verifier's answer (badnets, a share of 0.1)");
  attack->add_flag(
      "--game", o.game, "No training: uniform replays against replays by effect, as a linear game");
  attack->add_flag("--critical", o.critical, "Then the least count that succeeds, by bisection");
  add_option(
      attack, "--steps", o.steps, "N", "Of the laboratory's training, or the game's (the job's)");
  add_option(attack,
             "--combine",
             o.combine,
             "RULE",
             "What the laboratory makes of contributions: sum, running:Q, layers:Q, centred:T "
             "(sum, as a verifier does)");
  add_option(attack, "--sequences", o.sequences, "N", "Of coins, in the laboratory (4000)");
  add_threads(attack, o.threads);
  add_verifier_threads(attack, o.verifier_threads);
  add_quiet(attack, o.quiet);
  add_json(attack, o.json);
  attack->footer(
      "Against a verifier: exit code 1 when the run is rejected, which is what should happen.");
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
  add_option(bench, "--format", o.format, "NAME", "Of the operands: dfp14, dfp16 (dfp14)")
      ->check(CLI::IsMember({"dfp14", "dfp16"}));
  add_list(bench,
           "--only",
           o.only,
           "NAME[,NAME]",
           "primitives, layers, operations, step, train, intake, replay, checkpoint (all)");
  add_list(bench,
           "--threads",
           o.threads,
           "N[,N]",
           "Threads of \"train\", one measurement for each number (1); 1 to 256")
      ->check(check_thread_count);
  bench->add_flag("--pin", o.pin, "A CPU for each thread");
  add_option(bench, "--seconds", o.seconds, "S", "Time of each measurement, 0.01 to 600 (2)")
      ->check(check_seconds);
  add_json(bench, o.json);
}

void add_tools(CLI::App& app, VerbOptions& line) {
  CLI::App* inspect =
      add_verb(app,
               line,
               "inspect",
               "Print a model's layers, a job, a certificate, weights, a transcript",
               line.inspect,
               inspect_verb);
  add_argument(inspect,
               "FILE",
               line.inspect.file,
               "Any file that ginn reads or writes, or the name of a model (resnet18)")
      ->required();
  inspect->add_flag("--parameters",
                    line.inspect.parameters,
                    "Of a model or a job: names and shapes of its parameters, not its layers");
  add_option(inspect, "--input", line.inspect.input, "HxWxC", "Of a model: its images (28x28x1)");
  add_count(inspect, "--classes", line.inspect.classes, 65535, "Of a model");
  add_count(inspect, "--images", line.inspect.images, 4096, "Of a model: that memory is for (1)");
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
  add_status(app, line);
  add_owner_verbs(app, line);
  add_eval(app, line);
  add_attack(app, line);
  add_tools(app, line);
}

}  // namespace ginn::cli
