#include "export/report.h"

#include <fmt/format.h>

#include <iterator>

#include "export/chart.h"
#include "export/html.h"

namespace ginn::exporting {
namespace {

constexpr size_t kArrayShown = 32;

struct Verdict {
  std::string_view style;  // a class of the style sheet
  std::string word;
  std::vector<std::string> sentences;  // not escaped
};

std::string rejection_place(const RunRejection& rejection) {
  if (!rejection.step) return "";
  std::string out = fmt::format(" (step {}", *rejection.step);
  if (rejection.microbatch) out += fmt::format(", microbatch {}", *rejection.microbatch);
  return out + ")";
}

Verdict rejected_verdict(const ReportInput& input) {
  Verdict verdict{"rejected", "Rejected", {}};
  if (input.rejection) {
    verdict.sentences.push_back(fmt::format("{}{}: {}",
                                            input.rejection->code,
                                            rejection_place(*input.rejection),
                                            input.rejection->message));
  }
  const bool told = input.outcome && input.rejection && !input.rejection->message.empty() &&
                    input.outcome->summary.find(input.rejection->message) != std::string::npos;
  if (input.outcome && !told) verdict.sentences.push_back(input.outcome->summary);
  if (!input.rejection && !input.outcome) {
    verdict.sentences.push_back("The verifier issued no certificate.");
  }
  return verdict;
}

Verdict verified_verdict(const ReportInput& input) {
  if (input.rejection) return rejected_verdict(input);
  if (!input.outcome) {
    return {"none", "No verdict", {"The run ended without a certificate and without a rejection."}};
  }
  const certificate::Outcome& outcome = *input.outcome;
  switch (outcome.verdict) {
    case certificate::Verdict::kAccepted:
      return {"accepted", "Accepted", {outcome.summary}};
    case certificate::Verdict::kConsistent:
      return {"consistent", "Consistent", {outcome.summary}};
    case certificate::Verdict::kRejected:
      return rejected_verdict(input);
  }
  check_failed(__FILE__, __LINE__, "verdict");
}

Verdict verdict_of(const ReportInput& input) {
  switch (input.mode) {
    case RunMode::kVerified:
      return verified_verdict(input);
    case RunMode::kTrustedOnly:
      return {"none",
              "Trusted only",
              {"One program on one machine computed every gradient itself; there was no worker to "
               "distrust. There is no certificate: nothing here convinces anybody else."}};
    case RunMode::kUnverified:
      return {"none",
              "Unverified",
              {"Nobody checked this run. The worker may have computed anything; the model is what "
               "it says it is, and no more."}};
  }
  check_failed(__FILE__, __LINE__, "mode");
}

bool is_simulated(const ReportInput& input) {
  return input.mode == RunMode::kVerified &&
         (input.simulated || (input.outcome && input.outcome->simulated));
}

std::string duration_text(double seconds) {
  if (!(seconds >= 0.0 && seconds < 1e9)) return "unknown";
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<uint64_t>(seconds + 0.5);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

void append_row(std::string& out, std::string_view key, std::string_view value, bool code) {
  fmt::format_to(std::back_inserter(out),
                 "<tr><td class=\"key\">{}</td><td>{}{}{}</td></tr>\n",
                 escape_html(key),
                 code ? "<code>" : "",
                 escape_html(value),
                 code ? "</code>" : "");
}

void append_verdict(std::string& out, const ReportInput& input) {
  if (is_simulated(input)) {
    out +=
        "<p class=\"banner\">SIMULATED: this run's TEE is a simulation. Its key is public, so "
        "what it signs proves nothing to anybody.</p>\n";
  }
  const Verdict verdict = verdict_of(input);
  fmt::format_to(std::back_inserter(out),
                 "<section class=\"verdict {}\">\n<p class=\"word\">{}{}</p>\n",
                 verdict.style,
                 escape_html(verdict.word),
                 is_simulated(input) ? " (SIMULATED)" : "");
  for (const std::string& sentence : verdict.sentences) {
    if (!sentence.empty()) out += "<p>" + escape_html(sentence) + "</p>\n";
  }
  out += "</section>\n";
}

void append_fact(std::string& out, std::string_view name, std::string_view value) {
  fmt::format_to(std::back_inserter(out),
                 "<div><dt>{}</dt><dd>{}</dd></div>\n",
                 escape_html(name),
                 escape_html(value));
}

// A long run's rows are a selection: the last one tells how far it went.
uint64_t steps_done(const ReportInput& input) {
  return input.metrics.empty() ? 0 : input.metrics.back().step + 1;
}

void append_facts(std::string& out, const ReportInput& input) {
  const bool verified = input.mode == RunMode::kVerified;
  const uint64_t steps = steps_done(input);
  out += "<dl class=\"facts\">\n";
  append_fact(out, "Time", duration_text(input.seconds));
  append_fact(out, "Steps done", fmt::format("{} / {}", steps, input.job.steps));
  if (verified) {
    append_fact(out, "Contributions", fmt::format("{}", input.job.contributions()));
    append_fact(out, "Replayed", fmt::format("{}", input.replays));
  }
  if (input.seconds > 0 && steps > 0) {
    const double images = static_cast<double>(steps) * input.job.batch;
    append_fact(out, "Images per second", fmt::format("{:.0f}", images / input.seconds));
  }
  out += "</dl>\n";
}

void append_checks(std::string& out, const certificate::Outcome& outcome) {
  out +=
      "<h2>Checks</h2>\n<table "
      "class=\"checks\">\n<tr><th>check</th><th>passed</th><th>detail</th></tr>\n";
  for (const certificate::Check& check : outcome.checks) {
    fmt::format_to(std::back_inserter(out),
                   "<tr><td><code>{}</code></td><td class=\"{}\">{}</td><td>{}</td></tr>\n",
                   escape_html(check.name),
                   check.ok ? "yes" : "no",
                   check.ok ? "yes" : "NO",
                   escape_html(check.detail));
  }
  out += "</table>\n";
  if (outcome.uncovered_files.empty()) return;
  out += "<p class=\"note\">Not covered by the certificate when this page was written:";
  for (const std::string& name : outcome.uncovered_files) {
    out += " <code>" + escape_html(name) + "</code>";
  }
  out += "</p>\n";
}

void append_curve(std::string& out, const ReportInput& input) {
  const bool own = input.mode == RunMode::kTrustedOnly;
  std::vector<Point> points;
  for (const MetricsRow& row : input.metrics) {
    points.push_back({static_cast<double>(row.step), row.claimed_loss});
  }
  const std::string chart = line_chart(points, "step", own ? "loss" : "claimed loss");
  if (chart.empty()) return;
  out += own ? "<h2>Training loss</h2>\n" : "<h2>Training loss, as claimed</h2>\n";
  out += chart;
  fmt::format_to(std::back_inserter(out),
                 "<p class=\"note\">Line: smoothed. Band: smallest and largest of neighbouring "
                 "steps. {}</p>\n",
                 own ? "Computed by the trusted program." : "Claimed by the worker, not verified.");
}

void append_digests(std::string& out, const ReportInput& input) {
  out += "<h2>Digests</h2>\n<table>\n";
  append_row(out, "job", crypto::tagged(input.job_digest), true);
  append_row(out, "training data (root)", crypto::tagged(input.job.data.root()), true);
  if (input.model_digest) {
    append_row(out, "model.safetensors", crypto::tagged(*input.model_digest), true);
  }
  if (input.transcript_head) {
    append_row(out, "transcript (head)", crypto::tagged(*input.transcript_head), true);
  }
  out += "</table>\n";
}

std::string scalar_text(const crypto::Json& value) {
  if (const std::string* text = value.as_string()) return *text;
  return crypto::canonical_json(value);
}

// Every member of the job, named as in the job file: nothing that counts is left out.
void append_members(std::string& out, const std::string& prefix, const crypto::Json& value) {
  if (const crypto::Json::Object* members = value.as_object()) {
    for (const auto& [key, member] : *members) {
      append_members(out, prefix.empty() ? key : prefix + "." + key, member);
    }
    return;
  }
  const crypto::Json::Array* array = value.as_array();
  if (array == nullptr) {
    const std::string text = scalar_text(value);
    return append_row(out, prefix, text.empty() ? "(empty)" : text, text.starts_with("sha256:"));
  }
  std::string text;
  for (size_t i = 0; i < array->size() && i < kArrayShown; ++i) {
    text += (i > 0 ? ", " : "") + scalar_text((*array)[i]);
  }
  if (array->size() > kArrayShown) text += ", ...";
  append_row(out, prefix, array->empty() ? "(none)" : text, false);
}

void append_footer(std::string& out, const ReportInput& input) {
  out += "<footer>\n";
  if (input.mode == RunMode::kVerified) {
    out +=
        "<p>No certificate covers this page. Whoever relies on the run checks it with "
        "<code>ginn verify DIR --job JOB</code>, bringing their own job.</p>\n";
  }
  fmt::format_to(
      std::back_inserter(out), "<p>ginn {}</p>\n</footer>\n", escape_html(input.version, 40));
}

}  // namespace

std::string report_html(const ReportInput& input) {
  const std::string title =
      fmt::format("Training of {} on {} images", input.job.model, input.job.data.records);
  std::string out = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{0}</title>\n<style>{1}</style>\n</head>\n<body>\n"
      "<header><p>ginn: report of a run</p>\n<h1>{0}</h1></header>\n",
      escape_html(title),
      kReportStyle);
  append_verdict(out, input);
  append_facts(out, input);
  append_curve(out, input);
  if (input.mode == RunMode::kVerified && input.outcome) append_checks(out, *input.outcome);
  append_digests(out, input);
  out += "<h2>Job</h2>\n<table>\n";
  append_members(out, "", job::to_json(input.job));
  out += "</table>\n";
  append_footer(out, input);
  return out + "</body>\n</html>\n";
}

}  // namespace ginn::exporting
