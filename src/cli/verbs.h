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

struct TrainOptions {
  std::string job;
  std::string out;              // must not exist, or be empty
  std::string device = "auto";  // "auto", "cpu"
  std::string tee = "simulated";
  std::string verifier;  // address; empty: starts ginn-verifier
  uint32_t threads = 0;  // 0: all cores
  uint32_t verifier_threads = 1;
  bool trusted_only = false;
  bool unverified = false;
  bool json_lines = false;
  bool quiet = false;
  bool json = false;
};
Result<int> train_verb(const TrainOptions& options);

struct WorkOptions {
  std::string job;
  std::string connect;  // "unix:PATH"
  uint32_t threads = 0;
  bool quiet = false;
};
Result<int> work_verb(const WorkOptions& options);

struct VerifyOptions {
  std::string dir;
  std::string job;         // TOML or the canonical JSON; may be empty
  std::string job_digest;  // "sha256:..." or hex; may be empty
  std::string owner_key;   // "ed25519:..."; may be empty
  bool allow_simulated = false;
  bool json = false;
};
Result<int> verify_verb(const VerifyOptions& options);

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

struct AttackOptions {
  std::string job;
  std::string out;
  std::string attack = "noise";
  double share = 0.01;
  std::optional<uint64_t> count;  // instead of a share
  uint64_t seed = 1;              // which contributions, and the noise
  uint32_t threads = 0;
  uint32_t verifier_threads = 1;
  bool quiet = false;
  bool json = false;
};
Result<int> attack_verb(const AttackOptions& options);

struct InspectOptions {
  std::string file;
  bool json = false;
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
  std::vector<std::string> only;        // names of groups; empty: all
  std::vector<uint32_t> threads = {1};  // of "train", each in [1, 256]
  double seconds = 2.0;                 // of each measurement
  bool json = false;
};
Result<int> bench_verb(const BenchOptions& options);

}  // namespace ginn::cli
