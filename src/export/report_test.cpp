#include "export/report.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "export/html.h"

namespace ginn::exporting {
namespace {

ReportInput example() {
  ReportInput input;
  input.job.model = "resnet8";
  input.job.data = {60000, 28, 28, 1, 10, {}};
  input.job.mean = {0.286};
  input.job.std = {0.353};
  input.job.epochs = 4;
  input.job.steps = 1872;
  input.job.lr.milestones = {};
  input.job_digest.fill(0xab);
  input.model_digest = input.job_digest;
  input.transcript_head = input.job_digest;
  input.seconds = 254;
  input.replays = 689;
  input.version = "0.1.0";
  uint32_t noise = 1;
  for (uint64_t step = 0; step < 1872; ++step) {
    noise = noise * 1664525u + 1013904223u;
    const double wobble = static_cast<double>(noise >> 8) / (1 << 24) - 0.5;
    const double loss = 0.3 + 2.0 / (1.0 + 0.02 * static_cast<double>(step)) + 0.15 * wobble;
    input.metrics.push_back({step, 0.1, loss, 0.5, 1000, 4 * step + 4, 0, 0});
  }
  certificate::Outcome outcome;
  outcome.verdict = certificate::Verdict::kAccepted;
  outcome.simulated = true;
  outcome.guarantee = "Whatever worker and host do, the probability is at most 1 - 0.999.";
  outcome.summary = "ACCEPTED. " + outcome.guarantee;
  for (const std::string_view name : certificate::kCertificateChecks) {
    outcome.checks.push_back({std::string(name), true, "as it should be"});
  }
  outcome.uncovered_files = {"metrics.csv"};
  input.outcome = outcome;
  return input;
}

bool has(const std::string& page, std::string_view part) {
  return page.find(part) != std::string::npos;
}

// With GINN_REPORT_DIR set, leaves the page there to be looked at.
std::string page_of(const ReportInput& input, const std::string& name) {
  const std::string page = report_html(input);
  if (const char* dir = std::getenv("GINN_REPORT_DIR")) {
    std::ofstream(std::string(dir) + "/" + name + ".html") << page;
  }
  return page;
}

TEST(Report, AcceptedAndSimulated) {
  const std::string page = page_of(example(), "accepted");
  EXPECT_TRUE(has(page, "<section class=\"verdict accepted\">"));
  EXPECT_TRUE(has(page, "Accepted (SIMULATED)"));
  EXPECT_TRUE(has(page, "class=\"banner\">SIMULATED"));
  EXPECT_TRUE(has(page, "at most 1 - 0.999"));
  EXPECT_TRUE(has(page, "Claimed by the worker, not verified."));
  EXPECT_TRUE(has(page, "<td><code>your_job</code></td><td class=\"yes\">yes</td>"));
  EXPECT_TRUE(has(page, "sha256:abababab"));
  EXPECT_TRUE(has(page, "train.lr.peak"));
  EXPECT_TRUE(has(page, "<code>metrics.csv</code>"));
}

TEST(Report, WithoutSimulationThereIsNoBanner) {
  ReportInput input = example();
  input.outcome->simulated = false;
  EXPECT_FALSE(has(report_html(input), "SIMULATED"));
  input.simulated = true;
  EXPECT_TRUE(has(report_html(input), "SIMULATED"));
}

TEST(Report, CountsStepsByTheLastRow) {
  ReportInput input = example();
  input.metrics = {input.metrics[0], input.metrics[1000], input.metrics[1871]};
  const std::string page = report_html(input);
  EXPECT_TRUE(has(page, "1872 / 1872"));
  EXPECT_TRUE(has(page, "<dt>Images per second</dt><dd>943</dd>"));
}

TEST(Report, Consistent) {
  ReportInput input = example();
  input.outcome->verdict = certificate::Verdict::kConsistent;
  const std::string page = page_of(input, "consistent");
  EXPECT_TRUE(has(page, "<section class=\"verdict consistent\">"));
  EXPECT_FALSE(has(page, "verdict accepted"));
}

TEST(Report, RejectedNamesTheContribution) {
  ReportInput input = example();
  input.metrics.resize(700);
  input.outcome->verdict = certificate::Verdict::kRejected;
  input.outcome->guarantee.clear();
  input.outcome->checks[3].ok = false;
  input.rejection = RunRejection{"deviation", "the contribution differs in 3 integers", 700, 2};
  const std::string page = page_of(input, "rejected");
  EXPECT_TRUE(has(page, "<section class=\"verdict rejected\">"));
  EXPECT_TRUE(has(page, "deviation (step 700, microbatch 2): the contribution differs"));
  EXPECT_TRUE(has(page, "<td class=\"no\">NO</td>"));
  EXPECT_TRUE(has(page, "700 / 1872"));
}

TEST(Report, TellsTheReasonOnce) {
  ReportInput input = example();
  input.outcome->verdict = certificate::Verdict::kRejected;
  input.rejection = RunRejection{"deviation", "differs in 3 integers", 7, 1};
  input.outcome->summary = "REJECTED: differs in 3 integers";
  EXPECT_FALSE(has(report_html(input), "REJECTED: differs"));
  input.outcome->summary = "REJECTED: the signature is wrong";
  EXPECT_TRUE(has(report_html(input), "REJECTED: the signature is wrong"));
}

TEST(Report, ARejectionOutweighsAGoodOutcome) {
  ReportInput input = example();
  input.rejection = RunRejection{"deviation", "differs", std::nullopt, std::nullopt};
  const std::string page = report_html(input);
  EXPECT_TRUE(has(page, "verdict rejected"));
  EXPECT_FALSE(has(page, "verdict accepted"));
}

TEST(Report, BaselinesClaimNothing) {
  ReportInput input = example();
  input.mode = RunMode::kUnverified;
  const std::string unverified = page_of(input, "unverified");
  EXPECT_TRUE(has(unverified, ">Unverified<"));
  EXPECT_TRUE(has(unverified, "Nobody checked this run."));
  input.mode = RunMode::kTrustedOnly;
  const std::string trusted = report_html(input);
  EXPECT_TRUE(has(trusted, ">Trusted only<"));
  EXPECT_FALSE(has(trusted, "Claimed by the worker"));
  for (const std::string& page : {unverified, trusted}) {
    EXPECT_FALSE(has(page, "verdict accepted"));
    EXPECT_FALSE(has(page, "<h2>Checks</h2>"));
    EXPECT_FALSE(has(page, "at most 1 - 0.999"));
  }
}

TEST(Report, WithoutOutcomeThereIsNoVerdict) {
  ReportInput input = example();
  input.outcome.reset();
  input.metrics.clear();
  const std::string page = report_html(input);
  EXPECT_TRUE(has(page, ">No verdict<"));
  EXPECT_FALSE(has(page, "<svg"));
}

TEST(Report, EscapesEveryText) {
  const std::string evil = "<script>\"'&\x01";
  ReportInput input = example();
  input.job.model = evil;
  input.job.nonce = evil;
  input.version = evil;
  input.outcome->summary = evil;
  input.outcome->guarantee = evil;
  input.outcome->checks[0].name = evil;
  input.outcome->checks[0].detail = evil;
  input.outcome->uncovered_files = {evil};
  std::string page = report_html(input);
  input.rejection = RunRejection{evil, evil, 1, 1};
  page += report_html(input);
  EXPECT_FALSE(has(page, "<script"));
  EXPECT_FALSE(has(page, "\x01"));
  EXPECT_TRUE(has(page, "&lt;script&gt;&quot;&#39;&amp;\\x01"));
}

TEST(Report, StandsAlone) {
  const std::string page = report_html(example());
  for (const char* part : {"<script", "src=", "href=", "url(", "@import", "http:", "https:"}) {
    EXPECT_FALSE(has(page, part)) << part;
  }
}

TEST(EscapeHtml, CutsLongTexts) { EXPECT_EQ(escape_html(std::string(50, '<'), 2), "&lt;&lt;..."); }

}  // namespace
}  // namespace ginn::exporting
