#include "export/check_page.h"

#include <fmt/format.h>

#include <iterator>

#include "export/html.h"
#include "export/report.h"

namespace ginn::exporting {
namespace {

using certificate::Check;
using certificate::Outcome;
using certificate::Verdict;

std::string_view word(Verdict verdict) {
  switch (verdict) {
    case Verdict::kAccepted:
      return "Accepted";
    case Verdict::kConsistent:
      return "Consistent";
    case Verdict::kRejected:
      return "Rejected";
  }
  check_failed(__FILE__, __LINE__, "verdict");
}

void append_verdict(std::string& out, const Outcome& outcome) {
  if (outcome.simulated) {
    out +=
        "<p class=\"banner\">SIMULATED: the evidence is signed with a key that everybody has and "
        "proves nothing to anybody.</p>\n";
  }
  fmt::format_to(std::back_inserter(out),
                 "<section class=\"verdict {}\">\n<p class=\"word\">{}{}</p>\n<p>{}</p>\n"
                 "</section>\n",
                 certificate::verdict_name(outcome.verdict),
                 word(outcome.verdict),
                 outcome.simulated ? " (SIMULATED)" : "",
                 escape_html(outcome.summary, 4000));
}

void append_check(std::string& out, const Check& check) {
  const bool made = check.code != "not_checked";
  fmt::format_to(std::back_inserter(out),
                 "<tr><td><code>{}</code></td><td class=\"{}\">{}</td><td>{}{}"
                 "<p class=\"note\">{}</p></td></tr>\n",
                 escape_html(check.name),
                 check.ok ? "yes" : "no",
                 check.ok ? "yes" : (made ? "NO" : "not made"),
                 !check.ok && made ? "<code>" + escape_html(check.code) + "</code> " : "",
                 escape_html(check.detail),
                 escape_html(certificate::why_it_matters(check.name)));
}

void append_fact(std::string& out, std::string_view name, std::string_view value) {
  fmt::format_to(std::back_inserter(out),
                 "<tr><td class=\"key\">{}</td><td>{}</td></tr>\n",
                 escape_html(name),
                 escape_html(value));
}

}  // namespace

std::string check_html(const CheckPageInput& input) {
  const std::string title = "Check of " + input.run;
  std::string out = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{0}</title>\n<style>{1}</style>\n</head>\n<body>\n"
      "<header><p>ginn: a relying party's check</p>\n<h1>{0}</h1></header>\n",
      escape_html(title),
      kReportStyle);
  append_verdict(out, input.outcome);
  out += "<h2>What was compared</h2>\n<table>\n";
  append_fact(out, "run", input.run);
  append_fact(out, "against", input.against);
  append_fact(out, "time of the evidence's check", input.at);
  out +=
      "</table>\n<h2>Checks</h2>\n<table class=\"checks\">\n"
      "<tr><th>check</th><th>passed</th><th>what was compared, and why it matters</th></tr>\n";
  for (const Check& check : input.outcome.checks) append_check(out, check);
  out += "</table>\n";
  if (!input.outcome.uncovered_files.empty()) {
    out += "<p class=\"note\">Not covered by the certificate:";
    for (const std::string& name : input.outcome.uncovered_files) {
      out += " <code>" + escape_html(name) + "</code>";
    }
    out += "</p>\n";
  }
  fmt::format_to(std::back_inserter(out),
                 "<footer>\n<p>This page is the word of whoever made it. Check the run yourself: "
                 "<code>ginn verify</code>.</p>\n<p>ginn {}</p>\n</footer>\n</body>\n</html>\n",
                 escape_html(input.version, 40));
  return out;
}

}  // namespace ginn::exporting
