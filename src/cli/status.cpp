#include <fmt/format.h>

#include "base/log.h"
#include "base/text.h"
#include "cli/run_log.h"
#include "cli/run_status.h"
#include "cli/terminal.h"
#include "crypto/json.h"
#include "verifier/journal.h"

namespace ginn::cli {
namespace {

constexpr size_t kMessageMost = 1000;

std::string headline(const RunView& view) {
  const StatusFile& file = view.file;
  switch (view.state) {
    case RunState::kRunning:
      return view.has_file ? concat("running: ", file.phase) : "running: starting";
    case RunState::kSuspended:
      return "suspended: no process serves this folder; it can be resumed";
    case RunState::kAccepted:
      return "accepted: ginn verify checks what is there";
    case RunState::kRejected:
      return "REJECTED";
    case RunState::kFailed:
      return "failed: ended without a verdict";
    case RunState::kBrokenOff:
      return concat("broken off while ",
                    file.phase,
                    ": no process serves this folder, and its verifier did not say how it ended "
                    "(killed, or the machine went down); while the job has lives, --resume goes "
                    "on");
  }
  return "";
}

std::string counts_text(const RunView& view) {
  const StatusFile& file = view.file;
  std::string out = fmt::format(
      "step           {} of {}\n"
      "contributions  {} of {} taken",
      file.step(),
      file.steps,
      file.taken,
      file.contributions);
  if (view.per_second > 0) out += fmt::format(", {:.1f} a second", view.per_second);
  if (view.seconds_left > 0) out += fmt::format(", about {} left", duration(view.seconds_left));
  out += fmt::format("\nreplays        {} done, {} queued\nlife           {} of {}\n",
                     file.replays_done,
                     file.replays_queued,
                     file.life,
                     file.lives);
  return out + fmt::format("job            {}\n", printable(file.job));
}

}  // namespace

std::string status_text(const std::string& dir, const RunView& view) {
  const StatusFile& file = view.file;
  std::string out = concat(printable(dir, 400), ": ", headline(view), "\n");
  if (!view.has_file) return out;
  if (file.steps > 0) out += counts_text(view);
  out += fmt::format("connections    {}\n", file.connections);
  if (!file.code.empty()) {
    const bool over = view.state != RunState::kRunning && view.state != RunState::kBrokenOff;
    out += fmt::format("{}  {}: {}\n",
                       over ? "ended with   " : "last error   ",
                       printable(file.code),
                       printable(file.message, kMessageMost));
  }
  out += fmt::format(
      "updated        {} ago, {}\n", duration(view.age_seconds), utc_text(file.updated));
  if (!view.missing.empty()) {
    out += fmt::format("missing        {}, which such a run leaves\n", view.missing);
  }
  if (file.simulated) out += "SIMULATED      the TEE proves nothing to others\n";
  return out;
}

std::string status_json(const std::string& dir, const RunView& view) {
  const StatusFile& file = view.file;
  const auto number = [](uint64_t value) { return crypto::Json(static_cast<double>(value)); };
  crypto::Json::Object out;
  out["dir"] = printable(dir, 4096);
  out["state"] = state_name(view.state);
  out["served"] = view.state == RunState::kRunning;
  out["phase"] = file.phase;
  out["step"] = number(file.step());
  out["steps"] = number(file.steps);
  out["taken"] = number(file.taken);
  out["contributions"] = number(file.contributions);
  out["replays_done"] = number(file.replays_done);
  out["replays_queued"] = number(file.replays_queued);
  out["life"] = number(file.life);
  out["lives"] = number(file.lives);
  out["connections"] = number(file.connections);
  out["contributions_per_second"] = view.per_second;
  out["seconds_left"] = view.seconds_left > 0 ? crypto::Json(view.seconds_left) : nullptr;
  out["updated"] = view.has_file ? crypto::Json(file.updated) : nullptr;
  out["age_seconds"] = view.has_file ? crypto::Json(view.age_seconds) : nullptr;
  out["code"] = printable(file.code);
  out["message"] = printable(file.message, kMessageMost);
  out["job_digest"] = file.job;
  out["missing"] = view.missing;
  out["simulated"] = file.simulated;
  return crypto::pretty_json(std::move(out)) + "\n";
}

Result<int> status_verb(const StatusOptions& options) {
  if (options.json && options.prometheus) {
    return input_error("usage", "--json and --prometheus exclude each other");
  }
  GINN_ASSIGN(const RunView view, look_at_run(options.dir, time_of_day()));
  const auto text = options.json ? status_json : options.prometheus ? status_metrics : status_text;
  fmt::print("{}", text(options.dir, view));
  const bool bad = view.state == RunState::kRejected || view.state == RunState::kFailed ||
                   view.state == RunState::kBrokenOff;
  return bad ? 1 : 0;
}

}  // namespace ginn::cli
