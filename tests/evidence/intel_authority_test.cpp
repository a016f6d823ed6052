// Quotes, reports and documents of a made-up Intel with one thing wrong each.
#include "tests/support/intel_authority.h"

#include <gtest/gtest.h>

#include "attest/verify/hardware/intel/check_quote.h"
#include "attest/verify/hardware/intel/tcb_level.h"

namespace ginn::test {
namespace {

using attest::verify::converge;
using attest::verify::Policy;
using attest::verify::TcbStatus;

TEST(IntelQuote, DebugModeAndReservedAttributes) {
  FakeIntel td, td_profile, td_reserved, sgx(3), sgx_not_started(3), sgx_reserved(3);
  td.body[120] = 1;
  EXPECT_EQ(td.code(), "debug_enabled");
  td_profile.body[120] = 0x20;
  EXPECT_EQ(td_profile.code(), "debug_enabled");
  td_reserved.body[121] = 1;
  EXPECT_EQ(td_reserved.code(), "attributes_unknown");
  sgx.body[48] |= 2;
  EXPECT_EQ(sgx.code(), "debug_enabled");
  sgx_not_started.body[48] = 4;
  EXPECT_EQ(sgx_not_started.code(), "attributes_unknown");
  sgx_reserved.body[49] = 8;
  EXPECT_EQ(sgx_reserved.code(), "attributes_unknown");
}

TEST(IntelQuote, TcbOfPlatformModuleAndQuotingEnclave) {
  FakeIntel old, below, pcesvn, module_old, module_below, qe_revoked, qe_below;
  std::fill(old.body.begin() + 2, old.body.begin() + 16, uint8_t{4});
  EXPECT_EQ(old.code(), "tcb_out_of_date");
  EXPECT_EQ(old.check()->advisories, std::vector<std::string>{"INTEL-SA-00003"});
  std::fill(below.body.begin() + 2, below.body.begin() + 16, uint8_t{2});
  EXPECT_EQ(below.code(), "tcb_not_supported");
  replace_text(pcesvn.tcb_info, "\"pcesvn\":11", "\"pcesvn\":12");
  EXPECT_EQ(pcesvn.code(), "tcb_out_of_date");
  module_old.body[0] = 3;
  EXPECT_EQ(module_old.code(), "tcb_out_of_date");
  module_below.body[0] = 1;
  EXPECT_EQ(module_below.code(), "tcb_not_supported");
  qe_revoked.qe_report[258] = 2;
  EXPECT_EQ(qe_revoked.code(), "tcb_revoked");
  qe_below.qe_report[258] = 0;
  EXPECT_EQ(qe_below.code(), "tcb_not_supported");
}

// Components 0 and 1 of TEE_TCB_SVN count when there is no module identity, and only then.
TEST(IntelQuote, ModuleComponents) {
  FakeIntel with, without;
  with.body[0] = 4;  // below the level's 5, and the module identity's best
  EXPECT_EQ(with.code(), "ok");
  without.body[0] = 5;
  without.body[1] = 0;  // component 1 is below 5 and below 3
  EXPECT_EQ(without.code(), "tcb_not_supported");
}

TEST(IntelQuote, ModuleIdentity) {
  FakeIntel unknown, signer, attributes;
  unknown.body[1] = 2;
  EXPECT_EQ(unknown.code(), "tdx_module_unknown");
  signer.body[64] = 1;
  EXPECT_EQ(signer.code(), "tdx_module_mismatch");
  attributes.body[112] = 1;
  EXPECT_EQ(attributes.code(), "tdx_module_mismatch");
}

TEST(IntelQuote, QuotingEnclave) {
  for (const auto& [offset, value] : std::vector<std::pair<size_t, uint8_t>>{
           {128, 0xab}, {256, 1}, {16, 1}, {48, 0x17}, {55, 1}}) {
    FakeIntel changed;
    changed.qe_report[offset] = value;
    EXPECT_EQ(changed.code(), "qe_identity_mismatch") << offset;
  }
  FakeIntel of_sgx;
  replace_text(of_sgx.qe_identity, "TD_QE", "QE");
  EXPECT_EQ(of_sgx.code(), "qe_identity_mismatch");
}

TEST(IntelQuote, CollateralOfAnotherPlatform) {
  FakeIntel fmspc, pce, sgx;
  replace_text(fmspc.tcb_info, "000102030405", "000102030406");
  EXPECT_EQ(fmspc.code(), "fmspc_mismatch");
  replace_text(pce.tcb_info, "\"pceId\":\"0000\"", "\"pceId\":\"0001\"");
  EXPECT_EQ(pce.code(), "pceid_mismatch");
  sgx.tcb_info = FakeIntel(3).tcb_info;
  EXPECT_EQ(sgx.code(), "tcb_info_type");
}

TEST(IntelQuote, DatesOfTheDocuments) {
  FakeIntel info, identity, early;
  replace_text(info.tcb_info, "2023-12-01", "2023-11-10");
  EXPECT_EQ(info.code(), "collateral_expired");
  replace_text(identity.qe_identity, "2023-12-01", "2023-11-10");
  EXPECT_EQ(identity.code(), "collateral_expired");
  replace_text(early.tcb_info, "2023-11-01", "2023-11-20");
  EXPECT_EQ(early.code(), "not_yet_valid");
}

TEST(IntelQuote, SignaturesOfTheDocuments) {
  const FakeIntel good;
  const Policy policy;
  const auto code_of = [&](std::optional<Bytes> attest::verify::Collateral::*part) {
    IntelSet set = good.build();
    Bytes& body = *(set.collateral.*part);
    std::string text(body.begin(), body.end());
    replace_text(text, "\"version\"", " \"version\"");  // the same value, other bytes
    body.assign(text.begin(), text.end());
    return attest::verify::check_intel_quote(set.quote,
                                             {set.collateral, set.roots, policy, good.at})
        ->code;
  };
  EXPECT_EQ(code_of(&attest::verify::Collateral::tcb_info), "tcb_info_signature_invalid");
  EXPECT_EQ(code_of(&attest::verify::Collateral::qe_identity), "qe_identity_signature_invalid");
}

TEST(IntelQuote, FormsOfTheDocuments) {
  const auto tcb_code = [](std::string_view from, std::string_view to) {
    FakeIntel changed;
    replace_text(changed.tcb_info, from, to);
    return changed.code();
  };
  EXPECT_EQ(tcb_code("\"version\":3", "\"version\":2"), "tcb_info_form");
  EXPECT_EQ(tcb_code("\"tcbType\":0", "\"tcbType\":1"), "tcb_info_form");
  EXPECT_EQ(tcb_code("{\"svn\":5},", ""), "tcb_info_form");
  EXPECT_EQ(tcb_code("{\"svn\":5}", "{\"svn\":256}"), "tcb_info_form");
  EXPECT_EQ(tcb_code("{\"svn\":5}", "5"), "tcb_info_form");
  EXPECT_EQ(tcb_code("\"UpToDate\"", "\"Fine\""), "tcb_info_form");
  EXPECT_EQ(tcb_code("\"id\":\"TDX\"", "\"id\":\"TDY\""), "tcb_info_form");
  EXPECT_EQ(tcb_code("T00:00:00Z", " 00:00:00Z"), "tcb_info_form");
  EXPECT_EQ(tcb_code("\"fmspc\":", "\"fmspc\":\"1\",\"fmspc\":"), "json_duplicate_key");
  FakeIntel identity;
  replace_text(identity.qe_identity, "\"version\":2", "\"version\":3");
  EXPECT_EQ(identity.code(), "qe_identity_form");
}

TEST(IntelQuote, Policy) {
  Policy strict;
  strict.advisories.any = false;
  EXPECT_EQ(FakeIntel().code(strict), "advisory_not_allowed");
  strict.advisories.allowed = {"INTEL-SA-00005"};
  EXPECT_EQ(FakeIntel().code(strict), "ok");
  strict.minimum_tcb_evaluation = 17;
  EXPECT_EQ(FakeIntel().code(strict), "ok");
  strict.minimum_tcb_evaluation = 18;
  EXPECT_EQ(FakeIntel().code(strict), "tcb_evaluation_too_old");
  Policy none;
  none.accepted_tcb.clear();
  EXPECT_EQ(FakeIntel().code(none), "tcb_status_not_accepted");
  // What no level matches is never acceptable, whatever a policy lists.
  Policy all;
  all.accepted_tcb.push_back(TcbStatus::kNotSupported);
  FakeIntel below;
  below.body[0] = 1;
  EXPECT_EQ(below.code(all), "tcb_not_supported");
}

TEST(IntelQuote, SgxExtension) {
  FakeIntel absent, broken;
  absent.pck.extensions.clear();
  EXPECT_EQ(absent.code(), "sgx_extension");
  broken.pck.extensions[0].second.push_back(0);
  EXPECT_EQ(broken.code(), "bad_der");
}

TEST(IntelQuote, StatusesConverge) {
  EXPECT_EQ(converge(TcbStatus::kUpToDate, TcbStatus::kUpToDate), TcbStatus::kUpToDate);
  EXPECT_EQ(converge(TcbStatus::kSwHardeningNeeded, TcbStatus::kOutOfDate), TcbStatus::kOutOfDate);
  EXPECT_EQ(converge(TcbStatus::kConfigurationNeeded, TcbStatus::kOutOfDate),
            TcbStatus::kOutOfDateConfigurationNeeded);
  EXPECT_EQ(converge(TcbStatus::kOutOfDate, TcbStatus::kUpToDate), TcbStatus::kOutOfDate);
  EXPECT_EQ(converge(TcbStatus::kUpToDate, TcbStatus::kRevoked), TcbStatus::kRevoked);
  EXPECT_EQ(converge(TcbStatus::kRevoked, TcbStatus::kNotSupported), TcbStatus::kNotSupported);
}

}  // namespace
}  // namespace ginn::test
