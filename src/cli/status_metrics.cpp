#include <fmt/format.h>

#include <cmath>
#include <filesystem>

#include "base/text.h"
#include "cli/run_status.h"

// https://prometheus.io/docs/instrumenting/exposition_formats/, text format 0.0.4.
namespace ginn::cli {
namespace {

std::string label_value(std::string_view text) {
  std::string out;
  for (const char c : printable(text, 4096)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string number_text(double value) {
  constexpr double kExact = 9007199254740992.0;  // 2^53
  const bool whole = value == std::floor(value) && std::fabs(value) < kExact;
  return whole ? fmt::format("{:.0f}", value) : fmt::format("{}", value);
}

class Metrics {
 public:
  explicit Metrics(std::string labels) : labels_(std::move(labels)) {}

  void gauge(std::string_view name, std::string_view help, double value) {
    head(name, help, "gauge");
    sample(name, "", value);
  }
  void counter(std::string_view name, std::string_view help, uint64_t value) {
    head(name, help, "counter");
    sample(name, "", static_cast<double>(value));
  }
  void head(std::string_view name, std::string_view help, std::string_view type) {
    text_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  }
  // `more`: further labels, each with a comma before it.
  void sample(std::string_view name, std::string_view more, double value) {
    text_ += fmt::format("{}{{{}{}}} {}\n", name, labels_, more, number_text(value));
  }
  std::string take() { return std::move(text_); }

 private:
  std::string labels_, text_;
};

void add_counts(const StatusFile& file, Metrics& metrics) {
  metrics.gauge("ginn_run_step",
                "Steps whose contributions are all taken.",
                static_cast<double>(file.step()));
  metrics.gauge("ginn_run_steps", "Steps of the job.", static_cast<double>(file.steps));
  metrics.counter("ginn_run_contributions_taken_total",
                  "Contributions that the verifier has taken in, over all lives.",
                  file.taken);
  metrics.gauge("ginn_run_contributions",
                "Contributions of the job.",
                static_cast<double>(file.contributions));
  metrics.counter("ginn_run_replays_done_total",
                  "Contributions computed again, over all lives, as the worker was told.",
                  file.replays_done);
  metrics.gauge("ginn_run_replays_queued",
                "Replays that wait or run, as the worker was told.",
                static_cast<double>(file.replays_queued));
  metrics.gauge("ginn_run_life", "Life of the run, from 1.", static_cast<double>(file.life));
  metrics.gauge("ginn_run_lives", "Lives that the job allows.", static_cast<double>(file.lives));
}

}  // namespace

std::string status_metrics(const std::string& dir, const RunView& view) {
  const StatusFile& file = view.file;
  std::error_code ignored;
  const auto whole = std::filesystem::absolute(dir, ignored).lexically_normal();
  Metrics metrics(concat("dir=\"", label_value(whole.native()), '"'));
  metrics.gauge("ginn_run_served",
                "Whether a verifier serves the run's folder now.",
                view.state == RunState::kRunning ? 1 : 0);
  metrics.head("ginn_run_state", "1 for the state that the run is in, 0 for the others.", "gauge");
  for (const std::string_view name : kRunStates) {
    const bool now = name == state_name(view.state);
    metrics.sample("ginn_run_state", concat(",state=\"", name, '"'), now ? 1 : 0);
  }
  if (!view.has_file) return metrics.take();
  metrics.head("ginn_run_info", "What the run is; always 1.", "gauge");
  metrics.sample("ginn_run_info",
                 concat(",job=\"",
                        label_value(file.job),
                        "\",version=\"",
                        label_value(file.version),
                        "\",phase=\"",
                        file.phase,
                        "\",simulated=\"",
                        file.simulated,
                        '"'),
                 1);
  metrics.gauge(
      "ginn_run_updated_timestamp_seconds", "When the verifier last wrote.", file.updated);
  metrics.counter("ginn_run_connections_total",
                  "Connections of workers that this verifier process took.",
                  file.connections);
  if (file.steps == 0) return metrics.take();
  add_counts(file, metrics);
  metrics.gauge("ginn_run_contributions_per_second",
                "Mean of this verifier process; 0 when it is not known.",
                view.per_second);
  if (view.seconds_left > 0) {
    metrics.gauge(
        "ginn_run_seconds_left", "At that rate, for what is not taken.", view.seconds_left);
  }
  return metrics.take();
}

}  // namespace ginn::cli
