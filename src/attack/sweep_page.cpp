#include "attack/sweep_page.h"

#include <fmt/format.h>

#include <iterator>
#include <set>

#include "export/html.h"
#include "export/report.h"

namespace ginn::attack {
namespace {

std::string percent(double share) { return fmt::format("{:.1f} %", 100.0 * share); }

void append_group(std::string& out, const Group& group) {
  const uint64_t finished = group.trainings - group.broken;
  const std::string success = finished == 0 ? "no model"
                                            : fmt::format("{} ({} to {})",
                                                          percent(group.success),
                                                          percent(group.lowest),
                                                          percent(group.highest));
  fmt::format_to(std::back_inserter(out),
                 "<tr><td>{}</td><td>{}</td><td>{}</td><td>{:.2f} %</td><td>{}</td><td>{}</td>"
                 "<td>{}</td>"
                 "<td>{} of {} ({} to {})</td><td>{:.3g}</td></tr>\n",
                 exporting::escape_html(group.attack),
                 exporting::escape_html(group.when),
                 group.count,
                 100.0 * group.share,
                 finished == 0 ? "-" : percent(group.accuracy),
                 success,
                 finished == 0 || !group.has_robust ? "-" : percent(group.robust),
                 group.succeeded,
                 finished,
                 percent(group.interval.low),
                 percent(group.interval.high),
                 group.escape);
}

void append_critical(std::string& out, const std::vector<Group>& groups, const SweepFacts& facts) {
  out +=
      "<h2>Critical budgets</h2>\n<p>The least number of contributions whose mean attack success "
      "is above 10 %, between the largest tried that failed and the least that succeeded.</p>\n"
      "<table><tr><th>attack</th><th>when</th><th>failed</th><th>succeeded</th><th>share</th>"
      "</tr>\n";
  std::set<std::pair<std::string, std::string>> seen;
  for (const Group& group : groups) {
    if (group.count == 0 || !seen.insert({group.attack, group.when}).second) continue;
    const auto found = bracket(groups, group.attack, group.when);
    const std::string above = found ? fmt::format("{}", found->above) : "none of those tried";
    const std::string share = found ? fmt::format("{:.2f} %",
                                                  100.0 * static_cast<double>(found->above) /
                                                      static_cast<double>(facts.contributions))
                                    : "-";
    fmt::format_to(std::back_inserter(out),
                   "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                   exporting::escape_html(group.attack),
                   exporting::escape_html(group.when),
                   found ? fmt::format("{}", found->below) : "-",
                   above,
                   share);
  }
  out += "</table>\n";
}

}  // namespace

std::string sweep_page(const std::vector<Group>& groups, const SweepFacts& facts) {
  const std::string title = exporting::escape_html(facts.title);
  std::string out = fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{0}</title>\n"
      "<style>{1}</style>\n</head>\n<body>\n<header><h1>{0}</h1></header>\n"
      "<p>What attackers achieved who replaced some of the job's {2} contributions, in trainings "
      "without a verifier. The job's budget is {3:.6g} of them: a run with at least as many "
      "escapes "
      "with at most {4:.3g}. These are the attackers that were tried; others may do better, and a "
      "certificate says nothing about backdoors.</p>\n{5}",
      title,
      exporting::kReportStyle,
      facts.contributions,
      facts.budget,
      1.0 - facts.probability,
      success_chart(groups, facts));
  out +=
      "<p class=\"note\">Points: means over the trainings of a cell; bars: their range.</p>\n"
      "<h2>Trainings</h2>\n<table><tr><th>attack</th><th>when</th><th>count</th><th>share</th>"
      "<th>accuracy</th><th>attack success (range)</th><th>robust accuracy</th><th>above 10 % (95 "
      "%, Wilson)</th>"
      "<th>escapes</th></tr>\n";
  for (const Group& group : groups) append_group(out, group);
  out += "</table>\n";
  append_critical(out, groups, facts);
  return out + "</body>\n</html>\n";
}

}  // namespace ginn::attack
