#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

// The verbs of `ginn`. Each returns the exit code (0 good, 1 the answer is "no") or an error, which
// main() prints and turns into 1, 2 or 3. With `json` a verb prints one JSON document and nothing
// else on standard output.
namespace ginn::cli {

struct InitOptions {
  std::string path = "job.toml";  // refused when it exists
};
Result<int> init_verb(const InitOptions& options);

struct DataOptions {
  std::vector<std::string> paths;
  bool json = false;
};
Result<int> data_verb(const DataOptions& options);

struct PlanOptions {
  std::string job;
  uint32_t threads = 0;  // 0: all cores
  bool json = false;
};
Result<int> plan_verb(const PlanOptions& options);

// Log lines on standard error, of verbs that run long; as ginn-verifier's, which is told of them.
struct LogOptions {
  std::string level = "off";    // "debug", "info", "warning", "error"
  std::string format = "text";  // "json"
};

struct TrainOptions {
  std::string job;
  std::string out;              // must not exist, or be empty
  std::string device = "auto";  // "auto", "cpu"
  std::string tee = "simulated";
  std::string verifier;  // address; empty: starts ginn-verifier
  uint32_t threads = 0;  // 0: all cores
  uint32_t verifier_threads = 1;
  bool pin = false;  // a CPU for each thread, and the verifier to the others
  bool trusted_only = false;
  bool unverified = false;
  bool resume = false;        // `out` has a run that was suspended or killed
  bool owner_grants = false;  // the owner signs, not this machine
  std::string keep = "none";  // states for audits: worker::Keep
  std::string states;         // their folder; empty: in `out`
  bool json_lines = false;
  bool quiet = false;
  bool json = false;
  LogOptions log;
};
Result<int> train_verb(const TrainOptions& options);

struct WorkOptions {
  std::string job;
  std::string connect;  // address
  std::string grants;   // folder for start-N.json and the owner's grant-N.json; empty: local
  std::string keep = "none", states;  // as in TrainOptions; `states` is given when it keeps any
  uint32_t threads = 0;
  bool pin = false;  // a CPU for each thread
  bool quiet = false;
  LogOptions log;
};
Result<int> work_verb(const WorkOptions& options);

struct StatusOptions {
  std::string dir;          // the verifier's folder of a run
  bool json = false;        // of these two at most one
  bool prometheus = false;  // metrics, text format 0.0.4
};
Result<int> status_verb(const StatusOptions& options);

struct GrantOptions {
  std::string start;  // start-N.json
  std::string key, log, job, out;
  std::string policy, collateral, at;  // for the start's evidence, as in VerifyOptions
  std::string new_key;                 // file to write a new key to, instead of all of the above
};
Result<int> grant_verb(const GrantOptions& options);

struct VerifyOptions {
  std::string run;                  // a run's folder, or a bundle
  std::vector<std::string> models;  // beside a bundle; empty: those of its folder
  std::string job;                  // TOML or the canonical JSON; may be empty
  std::string job_digest;           // "sha256:..." or hex; may be empty
  std::string owner_key;            // "ed25519:..."; may be empty
  std::string policy;               // policy.toml; may be empty
  std::string at;                   // RFC 3339; empty: now
  std::string collateral;           // a collateral document instead of the run's; may be empty
  std::string html;                 // page to write; empty: none
  bool allow_simulated = false;
  bool json = false;
};
Result<int> verify_verb(const VerifyOptions& options);

struct AuditOptions {
  VerifyOptions check;     // whose run it must be, and what of the evidence is taken
  std::string data;        // training data, as data.train in a job file; empty: the job's
  std::string weights;     // that the job starts from, if it names any; empty: the job's
  std::string steps;       // "A..B"; empty: all
  std::string states;      // folder of kept states; empty: the run's
  uint32_t stretches = 0;  // so many at random between kept states; 0: all steps
  uint32_t threads = 0;
};
Result<int> audit_verb(const AuditOptions& options);

struct SignOptions {
  VerifyOptions check;  // what the run must pass before anything is signed
  std::string key;      // PEM, ECDSA P-256: the publisher's
};
Result<int> sign_verb(const SignOptions& options);

struct PolicyOptions {
  std::string action;               // "init"
  std::string job;                  // TOML with its data at hand, or the canonical JSON
  std::string out = "policy.toml";  // refused when it exists
  std::vector<std::string> kinds;
  std::vector<std::string> measurements;  // "sha256:..", "sha384:.."
  std::vector<std::string> owner_keys;    // "ed25519:.."
};
Result<int> policy_verb(const PolicyOptions& options);

struct BundleOptions {
  std::string dir;
  std::string out;  // empty: DIR.bundle.json
};
Result<int> bundle_verb(const BundleOptions& options);

struct AttestCheckOptions {
  std::string evidence;
  std::vector<std::string> collateral;  // folders
  std::string chain;                    // certificates beside the evidence; may be empty
  std::string kind;                     // empty: found out
  std::string at;                       // RFC 3339, UTC
  bool json = false;
};
Result<int> attest_check_verb(const AttestCheckOptions& options);

struct EvalOptions {
  std::string dir;   // a run's folder
  std::string test;  // data; empty: the path in the run's job file
  uint32_t threads = 0;
  bool json = false;
};
Result<int> eval_verb(const EvalOptions& options);

// Lists have one element each, but for a sweep.
struct AttackOptions {
  std::string job;
  std::string out;                   // empty with `lab` alone
  std::vector<std::string> attacks;  // empty: noise, badnets for `demo`
  std::vector<std::string> when = {"uniform"};
  std::string combine = "sum";        // what becomes of contributions, in the laboratory
  std::vector<double> shares;         // empty: 0.01, 0.1 for `demo`
  std::vector<uint64_t> counts;       // instead of shares
  std::vector<uint64_t> seeds = {1};  // which contributions, and an attacker's random numbers
  uint32_t target = 0;                // class that triggered images shall get
  double poison = 0.5;                // share of triggered images in a forged gradient
  uint32_t images = 0;                // in a forged gradient; 0: as in a microbatch
  uint32_t patch = 0;                 // side of the square; 0: a tenth of the image's
  bool lab = false;                   // no verifier: what the attack is worth
  bool sweep = false;                 // a laboratory's run for each combination of the lists
  bool critical = false;              // and the least count that succeeds, by bisection
  bool demo = false;                  // the laboratory and a verifier, in a page with images
  bool game = false;                  // no training: uniform sampling against sampling by weight
  bool protocol = false;              // no training: restarts against the job's lives
  std::optional<uint64_t> steps;      // of the laboratory's run, instead of the job's
  uint64_t sequences = 4000;          // of coins, in the laboratory
  uint32_t threads = 0;
  uint32_t verifier_threads = 1;
  bool quiet = false;
  bool json = false;
};
Result<int> attack_verb(const AttackOptions& options);

struct InspectOptions {
  std::string file = "";  // or the name of a model
  bool json = false;
  bool parameters = false;  // of a model or a job: their names, instead of its layers
  std::string input = "";   // of a model: "28x28x1"; empty: what it usually takes
  uint32_t classes = 0;     // 0: the usual number
  uint32_t images = 1;      // that the memory is for
};
Result<int> inspect_verb(const InspectOptions& options);

struct SelftestOptions {
  bool json = false;
};
Result<int> selftest_verb(const SelftestOptions& options);

struct BenchOptions {
  std::string model = "resnet8";
  uint32_t height = 28, width = 28, channels = 1, classes = 10;
  uint32_t microbatch = 32;
  uint32_t batch = 128;                 // images a step of "train"
  std::string format = "dfp14";         // of the operands: "dfp14", "dfp16"
  std::vector<std::string> only;        // names of groups; empty: all
  std::vector<uint32_t> threads = {1};  // of "train", each in [1, 256]
  bool pin = false;                     // a CPU for each thread
  double seconds = 2.0;                 // of each measurement
  bool json = false;
};
Result<int> bench_verb(const BenchOptions& options);

}  // namespace ginn::cli
