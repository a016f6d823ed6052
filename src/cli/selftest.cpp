#include <fmt/format.h>

#include <chrono>

#include "cli/selftest_battery.h"
#include "cli/selftest_vectors.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "crypto/json.h"

namespace ginn::cli {
namespace {

struct LevelResult {
  device::Level level;
  bool supported = false;
  std::vector<std::string> digests;    // by case; hex
  std::vector<std::string> different;  // the cases that are not as they must be, and how
  double seconds = 0;
};

std::vector<SelftestCase> battery() {
  std::vector<SelftestCase> cases = convolution_cases();
  for (auto& group : {map_cases(), step_cases()}) {
    cases.insert(cases.end(), group.begin(), group.end());
  }
  return cases;
}

Result<LevelResult> run_level(device::Level level, const std::vector<SelftestCase>& cases) {
  LevelResult result{level, device::level_supported(level), {}, {}, 0};
  if (!result.supported) return result;
  const auto start = std::chrono::steady_clock::now();
  for (const SelftestCase& one : cases) {
    GINN_ASSIGN(const crypto::Digest digest, one.run(level));
    result.digests.push_back(crypto::hex(digest));
  }
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

// Bit for bit like the portable level, and like what this program was released with.
void compare(const std::vector<SelftestCase>& cases,
             const LevelResult& portable,
             LevelResult& result) {
  if (!result.supported) return;
  for (size_t i = 0; i < cases.size(); ++i) {
    if (result.digests[i] != portable.digests[i]) {
      result.different.push_back(cases[i].name + " (from the portable level)");
    } else if (result.digests[i] != golden_digest(cases[i].name)) {
      result.different.push_back(cases[i].name + " (from the expected digest)");
    }
  }
}

void print_json(const std::vector<SelftestCase>& cases,
                const std::vector<LevelResult>& results,
                bool passed) {
  crypto::Json::Object levels;
  for (const LevelResult& result : results) {
    crypto::Json::Object json;
    json["supported"] = result.supported;
    crypto::Json::Object digests;
    for (size_t i = 0; i < result.digests.size(); ++i) digests[cases[i].name] = result.digests[i];
    json["digests"] = std::move(digests);
    json["different"] = crypto::Json::Array(result.different.begin(), result.different.end());
    json["seconds"] = result.seconds;
    levels[std::string(device::level_name(result.level))] = std::move(json);
  }
  crypto::Json::Object json;
  json["passed"] = passed;
  json["cases"] = static_cast<double>(cases.size());
  json["levels"] = std::move(levels);
  fmt::print("{}\n", crypto::pretty_json(json));
}

void print_table(const std::vector<SelftestCase>& cases,
                 const std::vector<LevelResult>& results,
                 bool passed) {
  fmt::print("{} cases at every level, against the portable one and the expected digests\n\n",
             cases.size());
  for (const LevelResult& result : results) {
    fmt::print("  {:<12}", device::level_name(result.level));
    if (!result.supported) {
      fmt::print("skipped: this CPU lacks it\n");
      continue;
    }
    fmt::print("{:<6}{:>3} of {} identical   {}\n",
               result.different.empty() ? "ok" : "FAIL",
               cases.size() - result.different.size(),
               cases.size(),
               duration(result.seconds));
    for (const std::string& name : result.different) fmt::print("      differs: {}\n", name);
  }
  fmt::print("\n{}\n",
             passed ? "PASSED: every result is the same to the last bit."
                    : "FAILED: this build computes something else than it should. Do not train "
                      "with it, and report the table above.");
}

}  // namespace

std::string_view golden_digest(std::string_view name) {
  for (const SelftestVector& vector : kSelftestVectors) {
    if (vector.name == name) return vector.digest;
  }
  return {};
}

Result<int> selftest_verb(const SelftestOptions& options) {
  const std::vector<SelftestCase> cases = battery();
  std::vector<LevelResult> results;
  bool passed = true;
  for (const device::Level level : device::all_levels()) {  // the portable one comes first
    GINN_ASSIGN(LevelResult result, run_level(level, cases));
    compare(cases, results.empty() ? result : results.front(), result);
    passed = passed && result.different.empty();
    results.push_back(std::move(result));
  }
  if (options.json) {
    print_json(cases, results, passed);
  } else {
    print_table(cases, results, passed);
  }
  return passed ? 0 : 1;
}

}  // namespace ginn::cli
