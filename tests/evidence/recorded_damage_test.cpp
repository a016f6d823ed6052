// Recorded evidence with one bit flipped or its end cut off: never accepted.
#include <gtest/gtest.h>

#include "attest/verify/hardware/amd/snp_report.h"
#include "attest/verify/hardware/aws/nitro_document.h"
#include "attest/verify/hardware/certificates.h"
#include "attest/verify/hardware/nvidia/spdm.h"
#include "attest/verify/hardware/tpm/tpm_quote.h"
#include "tests/evidence/recorded.h"
#include "tests/support/recorded_evidence.h"

namespace ginn::test {
namespace {

using namespace attest::verify;

void flip(Bytes& bytes, size_t bit) { bytes[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8); }

VerifyKey chain_key(const RecordedCase& one) {
  return parse_chain(*one.collateral.chain)->front().public_key().value();
}

bool accepted(const RecordedCase& one, const Bytes& evidence, const Collateral& with) {
  const auto verdict = one.check(evidence, with, one.at);
  return verdict.ok() && verdict->ok;
}
bool accepted(const RecordedCase& one, const Bytes& evidence) {
  return accepted(one, evidence, one.collateral);
}

TEST(Damage, EverySignedBitOfAnSnpReport) {
  GINN_NEEDS_RECORDED_EVIDENCE();
  const RecordedCase one = recorded_case("snp-milan-v2-ok");
  const VerifyKey key = chain_key(one);
  Bytes bytes = one.evidence;
  size_t parsed = 0;
  for (size_t bit = 0; bit < 8 * kSnpSignedBytes; ++bit) {
    flip(bytes, bit);
    const auto report = parse_snp_report(bytes);
    if (report.ok()) {
      ++parsed;
      ASSERT_FALSE(key.verify_ecdsa(ByteView(bytes).first(kSnpSignedBytes), report->signature))
          << bit;
    }
    flip(bytes, bit);
  }
  EXPECT_GT(parsed, 2000u);
}

TEST(Damage, EverySignedBitOfATpmQuote) {
  GINN_NEEDS_RECORDED_EVIDENCE();
  const RecordedCase one = recorded_case("tpm-trustee-ok");
  Bytes bytes = one.evidence;
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    flip(bytes, bit);
    ASSERT_FALSE(accepted(one, bytes)) << bit;
    flip(bytes, bit);
  }
}

// A bit that parses must change the bytes under the signature, which stays; every 401st goes
// through the whole check besides.
template <typename Parse>
void expect_every_bit_matters(const RecordedCase& one, size_t signed_size, Parse parse) {
  const auto original = parse(one.evidence);
  ASSERT_TRUE(original.ok());
  const Bytes message(original->signed_bytes.begin(), original->signed_bytes.end());
  Bytes bytes = one.evidence;
  for (size_t bit = 0; bit < 8 * signed_size; ++bit) {
    flip(bytes, bit);
    const auto parsed = parse(bytes);
    if (parsed.ok()) {
      ASSERT_EQ(parsed->signature, original->signature) << bit;
      ASSERT_FALSE(std::equal(
          message.begin(), message.end(), parsed->signed_bytes.begin(), parsed->signed_bytes.end()))
          << bit;
      if (bit % 401 == 0) {
        ASSERT_FALSE(accepted(one, bytes)) << bit;
      }
    }
    flip(bytes, bit);
  }
}

TEST(Damage, EverySignedBitOfANitroDocument) {
  GINN_NEEDS_RECORDED_EVIDENCE();
  const RecordedCase one = recorded_case("nitro-user-data-ok");
  const size_t signed_size = one.evidence.size() - 98;  // 98: the signature and its head
  expect_every_bit_matters(one, signed_size, parse_nitro_document);
}

TEST(Damage, EverySignedBitOfNvidiaMeasurements) {
  GINN_NEEDS_RECORDED_EVIDENCE();
  const RecordedCase one = recorded_case("nvidia-h100-550-ok");
  expect_every_bit_matters(one, one.evidence.size() - 96, parse_spdm_measurements);
}

// Signatures and certificates, and evidence of the other recorded cases: samples.
TEST(Damage, SampledBitsOfEverythingElse) {
  GINN_NEEDS_RECORDED_EVIDENCE();
  size_t tried = 0;
  for (const RecordedCase& one : recorded_cases()) {
    if (*one.entry.find("expected")->as_string() != "ok") continue;
    ASSERT_TRUE(accepted(one, one.evidence)) << one.id;
    Bytes bytes = one.evidence;
    const bool has_trailer = one.id == "nvidia-h100-coco-ok";
    const size_t bits = 8 * (bytes.size() - (has_trailer ? 1 : 0));
    for (size_t bit = 5; bit < bits; bit += bits / 12) {
      flip(bytes, bit);
      EXPECT_FALSE(accepted(one, bytes)) << one.id << " bit " << bit;
      flip(bytes, bit);
      ++tried;
    }
    flip(bytes, bits - 1);  // the last byte of the signature or its padding
    EXPECT_FALSE(accepted(one, bytes)) << one.id;
  }
  EXPECT_GT(tried, 150u);
}

TEST(Damage, SampledBitsOfTheCertificates) {
  GINN_NEEDS_RECORDED_EVIDENCE();
  for (const char* id : {"snp-turin-v5-ok", "snp-milan-v3-vlek-ok", "nvidia-gb100-ok"}) {
    const RecordedCase one = recorded_case(id);
    Collateral with = one.collateral;
    const size_t size = with.chain->size();
    for (size_t at = 40; at < size; at += 137) {
      (*with.chain)[at] ^= 1;  // of a base64 digit, or of the frame around it
      const bool is_blank = (*with.chain)[at] == '\n' || one.collateral.chain->at(at) == '\n';
      EXPECT_FALSE(accepted(one, one.evidence, with) && !is_blank) << id << " at " << at;
      (*with.chain)[at] ^= 1;
    }
  }
}

TEST(Damage, SampledBitsOfTheVtpm) {
  GINN_NEEDS_RECORDED_EVIDENCE();
  const RecordedCase one = recorded_case("azure-snp-genoa-ok");
  using Part = std::optional<Bytes> Collateral::*;
  const std::pair<Part, size_t> parts[] = {{&Collateral::hcl_report, 211},
                                           {&Collateral::tpm_quote, 11},
                                           {&Collateral::tpm_signature, 61},
                                           {&Collateral::tpm_pcrs, 97},
                                           {&Collateral::ak_public, 499}};
  for (const auto& [part, step] : parts) {
    Collateral with = one.collateral;
    Bytes& bytes = *(with.*part);
    for (size_t bit = 0; bit < 8 * bytes.size(); bit += step) {
      flip(bytes, bit);
      EXPECT_FALSE(accepted(one, one.evidence, with) && part != &Collateral::ak_public) << bit;
      flip(bytes, bit);
    }
    (with.*part).reset();
    EXPECT_EQ(accepted(one, one.evidence, with), part == &Collateral::ak_public);
  }
}

TEST(Damage, EveryTruncation) {
  GINN_NEEDS_RECORDED_EVIDENCE();
  for (const char* id : {"snp-milan-v2-ok",
                         "nitro-ok",
                         "tpm-trustee-ok",
                         "nvidia-h100-550-ok",
                         "azure-snp-genoa-ok"}) {
    const RecordedCase one = recorded_case(id);
    for (size_t size = 0; size < one.evidence.size(); ++size) {
      const Bytes cut(one.evidence.begin(), one.evidence.begin() + static_cast<ptrdiff_t>(size));
      ASSERT_FALSE(accepted(one, cut)) << id << " cut at " << size;
    }
  }
}

TEST(Damage, MissingCollateralIsRefusedByName) {
  GINN_NEEDS_RECORDED_EVIDENCE();
  for (const RecordedCase& one : recorded_cases()) {
    if (one.type == "nitro-cose-sign1" || one.type == "azure-tdx-vtpm") continue;
    const auto verdict = one.check(one.evidence, {}, one.at);
    ASSERT_TRUE(verdict.ok()) << one.id;
    EXPECT_FALSE(verdict->ok) << one.id;
    EXPECT_EQ(verdict->code, "collateral_missing") << one.id;
  }
}

}  // namespace
}  // namespace ginn::test
