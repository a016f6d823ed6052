#include "export/check_page.h"

#include <gtest/gtest.h>

namespace ginn::exporting {
namespace {

using certificate::Verdict;

CheckPageInput example() {
  CheckPageInput input;
  input.outcome.verdict = Verdict::kRejected;
  input.outcome.simulated = true;
  input.outcome.checks = {{"signature", true, "by ed25519:00", ""},
                          {"policy_tee", false, "sgx; your policy demands: tdx", "policy_tee"},
                          {"policy_tcb", false, "not checked: so", "not_checked"}};
  input.outcome.uncovered_files = {"<img src=x>"};
  input.outcome.summary = "REJECTED: policy_tee: <script>alert(1)</script>";
  input.run = "runs/\"mine\"";
  input.against = "policy p.toml";
  input.at = "2026-03-05T10:50:03Z";
  input.version = "0.1.0";
  return input;
}

TEST(CheckPage, TellsEachCheckAndWhyItMatters) {
  const std::string page = check_html(example());
  for (const char* part : {"<p class=\"word\">Rejected (SIMULATED)</p>",
                           "class=\"verdict rejected\"",
                           "<td class=\"yes\">yes</td>",
                           "<code>policy_tee</code> sgx; your policy demands: tdx",
                           "<td class=\"no\">not made</td>",
                           "Only who holds the verifier&#39;s key",
                           "2026-03-05T10:50:03Z",
                           "policy p.toml"}) {
    EXPECT_NE(page.find(part), std::string::npos) << part;
  }
}

TEST(CheckPage, EscapesEverythingFromOutsideAndLoadsNothing) {
  CheckPageInput input = example();
  input.against = "\x1b[2J</td>";
  input.outcome.checks[0].detail = "<b onclick='x'>";
  input.outcome.checks[1].code = "<i>";
  input.outcome.checks[2].name = "<u>";
  const std::string page = check_html(input);
  for (const char* part :
       {"<script", "<img", "<b ", "<i>", "<u>", "\x1b", "src=\"", "http:", "https:", "url("}) {
    EXPECT_EQ(page.find(part), std::string::npos) << part;
  }
}

TEST(CheckPage, AnAcceptedRun) {
  CheckPageInput input = example();
  input.outcome.verdict = Verdict::kAccepted;
  input.outcome.simulated = false;
  const std::string page = check_html(input);
  EXPECT_NE(page.find("<p class=\"word\">Accepted</p>"), std::string::npos);
  EXPECT_EQ(page.find("SIMULATED"), std::string::npos);
}

}  // namespace
}  // namespace ginn::exporting
