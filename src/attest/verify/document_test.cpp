#include "attest/verify/document.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace ginn::attest::verify {
namespace {

std::string evidence_code(const std::string& text) {
  const auto parsed = parse_evidence_document(text);
  return parsed.ok() ? "ok" : parsed.error().code;
}

std::string collateral_code(const std::string& text) {
  const auto parsed = parse_collateral_document(text);
  return parsed.ok() ? "ok" : parsed.error().code;
}

std::string evidence_text(std::string_view bytes, std::string_view kind, std::string_view type) {
  return concat(R"({"evidence":")", bytes, R"(","kind":")", kind, R"(","type":")", type, R"("})");
}

TEST(EvidenceDocument, ReadsWhatItWrote) {
  const EvidenceDocument document{EvidenceKind::kSnp, Bytes(1184, 0xa5)};
  const std::string text = evidence_document(document);
  EXPECT_TRUE(is_evidence_document(text));
  const auto parsed = parse_evidence_document(text);
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  EXPECT_EQ(parsed->kind, EvidenceKind::kSnp);
  EXPECT_EQ(parsed->evidence, document.evidence);
}

TEST(EvidenceDocument, EachFault) {
  EXPECT_EQ(evidence_code(evidence_text("AAAA", "tdx", kEvidenceType)), "ok");
  EXPECT_EQ(evidence_code(evidence_text("AAAA", "TDX", kEvidenceType)), "evidence_kind");
  EXPECT_EQ(evidence_code(evidence_text("AAAA", "tdx", kCollateralType)), "evidence_type");
  EXPECT_EQ(evidence_code(evidence_text("AAA", "tdx", kEvidenceType)), "bad_base64");
  EXPECT_EQ(evidence_code(evidence_text("AAAA", "tdx", kEvidenceType) + " "), "evidence_form");
  EXPECT_EQ(evidence_code(R"({"kind":"tdx","type":"x"})"), "json_field");
  EXPECT_EQ(evidence_code(R"({"evidence":"","evidence":"","kind":"tdx","type":"x"})"),
            "json_duplicate_key");
  EXPECT_EQ(evidence_code(evidence_document({EvidenceKind::kTdx, Bytes(kMaxQuoteBytes, 0)})), "ok");
  EXPECT_EQ(evidence_code(evidence_document({EvidenceKind::kTdx, Bytes(kMaxQuoteBytes + 1, 0)})),
            "evidence_too_large");
  EXPECT_FALSE(is_evidence_document(R"({"payloadType":"x"})"));
  EXPECT_FALSE(is_evidence_document("["));
}

TEST(CollateralDocument, ReadsWhatItWroteEachPartInItsPlace) {
  Collateral collateral;
  uint8_t next = 1;
  for (auto* part : {&collateral.tcb_info,
                     &collateral.tcb_info_issuer_chain,
                     &collateral.qe_identity,
                     &collateral.qe_identity_issuer_chain,
                     &collateral.pck_crl,
                     &collateral.pck_crl_issuer_chain,
                     &collateral.root_ca_crl,
                     &collateral.chain,
                     &collateral.tpm_quote,
                     &collateral.tpm_signature,
                     &collateral.tpm_pcrs,
                     &collateral.ak_public,
                     &collateral.hcl_report}) {
    *part = Bytes(3, next++);
  }
  const auto parsed = parse_collateral_document(collateral_document(collateral));
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  EXPECT_EQ(*parsed->tcb_info, Bytes(3, 1));
  EXPECT_EQ(*parsed->pck_crl_issuer_chain, Bytes(3, 6));
  EXPECT_EQ(*parsed->hcl_report, Bytes(3, 13));
  EXPECT_EQ(collateral_document(*parsed), collateral_document(collateral));
  EXPECT_FALSE(parse_collateral_document(collateral_document({}))->tcb_info.has_value());
}

TEST(CollateralDocument, EachFault) {
  const auto with = [](std::string_view items) {
    return collateral_code(concat(R"({"items":)", items, R"(,"type":")", kCollateralType, "\"}"));
  };
  EXPECT_EQ(with("{}"), "ok");
  EXPECT_EQ(with("[]"), "json_field");
  EXPECT_EQ(with(R"({"tcb_info.json":1})"), "json_field");
  EXPECT_EQ(with(R"({"tcb_info.json":"A"})"), "bad_base64");
  EXPECT_EQ(with(R"({"../tcb_info.json":""})"), "collateral_item");
  EXPECT_EQ(with("{ }"), "collateral_form");
  EXPECT_EQ(collateral_code(R"({"items":{},"type":"x"})"), "collateral_type");
  Collateral large;
  large.tcb_info = Bytes(kMaxCollateralBytes + 1, 0);
  EXPECT_EQ(collateral_code(collateral_document(large)), "collateral_too_large");
  EXPECT_EQ(collateral_code(std::string(kMaxCollateralDocumentBytes + 1, ' ')), "json_too_large");
}

}  // namespace
}  // namespace ginn::attest::verify
