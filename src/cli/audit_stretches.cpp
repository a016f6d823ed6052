#include "cli/audit_stretches.h"

#include <algorithm>
#include <optional>
#include <random>

#include "base/text.h"
#include "worker/kept_state.h"

namespace ginn::cli {
namespace {

using audit::Stretch;

Result<Stretch> parse_stretch(std::string_view text) {
  constexpr std::string_view kDots = "..";
  const size_t dots = text.find(kDots);
  Stretch stretch;
  const bool good = dots != std::string_view::npos &&
                    parse_number(text.substr(0, dots), stretch.from) &&
                    parse_number(text.substr(dots + kDots.size()), stretch.to);
  if (good) return stretch;
  return input_error(
      "usage", concat("--steps: found \"", printable(text, 60), "\"; expected A..B, as 0..64"));
}

std::string listed(const std::vector<uint64_t>& kept) {
  constexpr size_t kMost = 8;
  std::string text = "0";
  for (size_t i = 0; i < std::min(kMost, kept.size()); ++i) text += concat(", ", kept[i]);
  return text + (kept.size() > kMost ? concat(" and ", kept.size() - kMost, " more") : "");
}

Result<std::vector<Stretch>> one_stretch(std::string_view text,
                                         const audit::RunAudit& run,
                                         const std::vector<uint64_t>& kept) {
  GINN_ASSIGN(const Stretch stretch, parse_stretch(text));
  GINN_TRY(run.check(stretch));
  if (stretch.from == 0 || std::binary_search(kept.begin(), kept.end(), stretch.from)) {
    return std::vector<Stretch>{stretch};
  }
  return input_error("audit_no_state",
                     concat("no state of step ",
                            stretch.from,
                            " was kept (ginn train --keep): a stretch may begin at ",
                            listed(kept)));
}

// The folder was there before these coins: whoever made it could not know what they pick.
std::vector<Stretch> some_of(std::vector<Stretch> all, uint64_t count) {
  std::random_device coins;
  std::shuffle(all.begin(), all.end(), coins);
  all.resize(std::min<uint64_t>(all.size(), count));
  std::sort(
      all.begin(), all.end(), [](const Stretch& a, const Stretch& b) { return a.from < b.from; });
  return all;
}

}  // namespace

std::vector<uint64_t> kept_steps(const std::filesystem::path& folder) {
  std::vector<uint64_t> steps;
  std::error_code error;
  std::filesystem::directory_iterator entry(folder, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const auto step = worker::kept_state_step(entry->path().filename().string());
    if (step) steps.push_back(*step);
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

Result<std::vector<Stretch>> choose_stretches(const AuditOptions& options,
                                              const audit::RunAudit& run,
                                              const std::vector<uint64_t>& kept) {
  if (!options.steps.empty()) return one_stretch(options.steps, run, kept);
  if (options.stretches > 0) return some_of(audit::stretches_between(run, kept), options.stretches);
  return std::vector<Stretch>{{0, run.training().job().steps}};
}

}  // namespace ginn::cli
