#include "cli/advice_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "cli/terminal.h"

namespace ginn::cli {
namespace {

double percent(uint64_t hits) {
  return 100.0 * static_cast<double>(hits) / static_cast<double>(attack::kMeasuredImages);
}

std::string joined(const std::set<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

// What the advice rests on: networks, attackers, files.
std::set<std::string> networks(const attack::Advice& advice) {
  std::set<std::string> found;
  for (const attack::MeasuredAttack* row : advice.rests_on) found.insert(job_of(*row).model);
  return found;
}

// The same with the jobs' own figures.
std::set<std::string> jobs(const attack::Advice& advice) {
  std::set<std::string> found;
  for (const attack::MeasuredAttack* row : advice.rests_on) {
    const attack::MeasuredJob& job = job_of(*row);
    found.insert(fmt::format(
        "{} (learning rate {}, C {}, {} steps)", job.model, job.lr, job.clip_norm, job.steps));
  }
  return found;
}

std::set<std::string> files(const attack::Advice& advice) {
  std::set<std::string> found;
  for (const attack::MeasuredAttack* row : advice.rests_on) found.insert(row->file);
  if (advice.worst != nullptr) found.insert(advice.worst->file);
  return found;
}

std::set<std::string> attackers(const attack::Advice& advice) {
  std::set<std::string> found;
  for (const attack::MeasuredAttack* row : advice.rests_on) found.insert(row->attack);
  if (advice.worst != nullptr) found.insert(advice.worst->attack);
  return found;
}

std::string outside_text(const attack::Advice& advice) {
  return joined({advice.outside.begin(), advice.outside.end()});
}

std::string measured_text(const attack::Advice& advice) {
  std::string text =
      fmt::format("{} on Fashion-MNIST, {}: ", joined(jobs(advice)), joined(attackers(advice)));
  if (advice.worst != nullptr) {
    text += fmt::format("a backdoor with {} contributions (up to {:.1f} % of the images)",
                        advice.worst->count,
                        percent(advice.worst->most_hits));
  } else {
    text += "no backdoor";
  }
  if (advice.measured_reach * (1.0 + 1e-9) < advice.reach) {
    text += fmt::format(
        "; here a contribution moves the weights {:.3g} times as far, so fewer are taken to do",
        advice.reach / advice.measured_reach);
  } else if (advice.harmless != 0) {
    text += fmt::format(", none with {}", advice.harmless);
  }
  return text + fmt::format(" [docs/attacks.md; {}]", joined(files(advice)));
}

std::string verdict_text(const attack::Advice& advice) {
  switch (advice.coverage) {
    case attack::Coverage::kCovered:
      return "covered: what passes with more than 0.1 % is no more than was measured to be "
             "harmless";
    case attack::Coverage::kBetween:
      return fmt::format("in a gap: {} contributions did no harm, more than that may; not measured",
                         advice.harmless);
    case attack::Coverage::kWeaker:
      return fmt::format("WEAKER than what was measured: {} such contributions pass with {:.2g} %",
                         advice.harmful,
                         100.0 * advice.escape_harmful);
  }
  return "";
}

std::string advised(const attack::Advice& advice, const job::Job& job) {
  std::string text = fmt::format(
      "budget = {} (a number, not a share) with probability = 0.999: {:.0f} expected replays of {}",
      advice.budget,
      advice.expected_replays,
      job.contributions());
  if (advice.harmless == 0)
    text += "; better verify = \"all\", as no number is known to be harmless";
  if (job.lr.schedule != job::Schedule::kCosine) text += "; schedule = \"cosine\"";
  if (advice.reach > advice.measured_reach * (1.0 + 1e-9)) {
    text +=
        fmt::format("; clip_norm = {:.3g} or a learning rate smaller by as much", advice.clip_norm);
  }
  if (advice.smaller) {
    text += fmt::format(
        "; or microbatch = {} with clip_norm = {:.3g} and budget = {}: {:.0f} % of the images are "
        "replayed, not {:.0f} %",
        advice.smaller->microbatch,
        advice.smaller->clip_norm,
        advice.smaller->budget,
        100.0 * advice.smaller->replayed,
        100.0 * advice.expected_replays / static_cast<double>(job.contributions()));
  }
  return text;
}

// "label   text", the text in lines below each other.
std::string row(std::string_view label, const std::string& text) {
  constexpr size_t kIndent = 21, kColumns = 100;
  std::string lines = wrapped(text, kColumns - kIndent);
  std::string result = fmt::format("{:<{}}", label, kIndent);
  for (size_t i = 0; i < lines.size(); ++i) {
    result += lines[i];
    if (lines[i] == '\n' && i + 1 < lines.size()) result += std::string(kIndent, ' ');
  }
  return result;
}

std::string coverage_name(attack::Coverage coverage) {
  switch (coverage) {
    case attack::Coverage::kCovered:
      return "covered";
    case attack::Coverage::kBetween:
      return "between";
    case attack::Coverage::kWeaker:
      return "weaker";
  }
  return "";
}

}  // namespace

std::string advice_text(const attack::Advice& advice, const job::Job& job) {
  std::string text = row("attacks, measured", measured_text(advice));
  text += row("against these", verdict_text(advice));
  if (!advice.outside.empty()) {
    text += row("not measured",
                "the job differs from all that were attacked in: " + outside_text(advice) +
                    "; so take this as a hint, or attack it yourself (ginn attack --sweep)");
  }
  return text + row("advice", advised(advice, job));
}

crypto::Json::Object advice_json(const attack::Advice& advice) {
  const auto array = [](const auto& words) {
    crypto::Json::Array values;
    for (const std::string& word : words) values.emplace_back(word);
    return values;
  };
  crypto::Json::Object json;
  json["coverage"] = coverage_name(advice.coverage);
  json["outside"] = array(advice.outside);
  json["harmless"] = static_cast<double>(advice.harmless);
  json["harmful"] = static_cast<double>(advice.harmful);
  json["escape_harmful"] = advice.escape_harmful;
  json["reach"] = advice.reach;
  json["measured_reach"] = advice.measured_reach;
  json["networks"] = array(networks(advice));
  json["attacks"] = array(attackers(advice));
  json["files"] = array(files(advice));
  json["budget"] = static_cast<double>(advice.budget);
  json["probability"] = 1.0 - attack::kEscape;
  json["expected_replays"] = advice.expected_replays;
  json["clip_norm_most"] = advice.clip_norm;
  json["schedule"] = "cosine";
  if (advice.smaller) {
    crypto::Json::Object smaller;
    smaller["microbatch"] = static_cast<double>(advice.smaller->microbatch);
    smaller["clip_norm"] = advice.smaller->clip_norm;
    smaller["budget"] = static_cast<double>(advice.smaller->budget);
    smaller["replayed"] = advice.smaller->replayed;
    json["smaller_microbatch"] = std::move(smaller);
  }
  return json;
}

std::string weakness(const attack::Advice& advice, const job::Job& job) {
  if (advice.coverage != attack::Coverage::kWeaker) return "";
  const double count = guarantee::budget_count(job.budget, job.contributions());
  const double reach = advice.reach / advice.measured_reach;
  return fmt::format(
      "warning: a budget of {:.4g} contributions ({:.3g} %), learning rate {:.4g}, clip_norm "
      "{:.4g} "
      "and probability {} are weak: {} contributions, {} to plant a backdoor ({}, docs/attacks.md"
      "{}), pass with {:.2g} %; ginn plan advises",
      count,
      100.0 * count / static_cast<double>(job.contributions()),
      job.lr.peak,
      job.clip_norm,
      job.probability,
      advice.harmful,
      reach > 1.0 + 1e-9 ? "taken in proportion" : "measured",
      joined(networks(advice)),
      advice.outside.empty() ? "" : "; this job is outside of what was measured",
      100.0 * advice.escape_harmful);
}

}  // namespace ginn::cli
