// Recorded quotes and collateral with one bit or one length wrong.
#include <gtest/gtest.h>

#include <random>

#include "attest/verify/hardware/certificates.h"
#include "attest/verify/hardware/intel/quote_signatures.h"
#include "tests/evidence/recorded.h"
#include "tests/support/recorded_evidence.h"

namespace ginn::test {
namespace {

using attest::verify::Collateral;
using attest::verify::parse_quote;

RecordedCase intel_case(std::string_view id) {
  for (RecordedCase& one : intel_cases()) {
    if (one.id == id) return std::move(one);
  }
  ADD_FAILURE() << "no case " << id;
  return {};
}

bool accepted(const RecordedCase& one, ByteView evidence, const Collateral& collateral) {
  const auto verdict = one.check(evidence, collateral, one.at);
  return verdict.ok() && verdict->ok;
}

void expect_flip_refused(const RecordedCase& one, size_t bit) {
  Bytes changed = one.evidence;
  changed[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
  EXPECT_FALSE(accepted(one, changed, one.collateral)) << one.id << " bit " << bit;
}

// Header, body, their signature, attestation key and QE report with its signature.
size_t signed_end(const RecordedCase& one) {
  const auto quote = parse_quote(one.evidence);
  EXPECT_TRUE(quote.ok());
  return static_cast<size_t>(quote->qe_auth_data.data() - one.evidence.data()) +
         quote->qe_auth_data.size();
}

// The checks of signatures alone: a whole check verifies a dozen certificates each time.
TEST(IntelDamage, EveryBitOfOneQuoteOfEachKind) {
  GINN_NEEDS_RECORDED_EVIDENCE();
  for (const char* id : {"tdx-v4-ok", "tdx-v5-ok", "sgx-v3-ok"}) {
    const RecordedCase one = intel_case(id);
    const auto pck = attest::verify::parse_chain(parse_quote(one.evidence)->pck_chain);
    const auto signatures_hold = [&](ByteView evidence) {
      const auto quote = parse_quote(evidence);
      return quote.ok() && attest::verify::check_binding(*quote).ok() &&
             attest::verify::check_quote_signature(*quote).ok() &&
             attest::verify::check_qe_signature(*quote, pck->front()).ok();
    };
    ASSERT_TRUE(signatures_hold(one.evidence));
    const size_t end = signed_end(one);
    Bytes changed = one.evidence;
    for (size_t bit = 0; bit < 8 * end; ++bit) {
      changed[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
      EXPECT_FALSE(signatures_hold(changed)) << one.id << " bit " << bit;
      changed[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    }
  }
}

TEST(IntelDamage, SampledBitsOfEveryGoodQuote) {
  GINN_NEEDS_RECORDED_EVIDENCE();
  std::mt19937 random(1);
  size_t good = 0;
  for (const RecordedCase& one : intel_cases()) {
    if (!accepted(one, one.evidence, one.collateral)) continue;
    ++good;
    const size_t end = signed_end(one);
    for (int i = 0; i < 20; ++i) expect_flip_refused(one, random() % (8 * end));
  }
  EXPECT_GE(good, 8u);
}

// The signed documents and lists beside a quote: samples of their bits.
TEST(IntelDamage, BitsOfTheCollateral) {
  GINN_NEEDS_RECORDED_EVIDENCE();
  const RecordedCase one = intel_case("tdx-v4-ok");
  std::mt19937 random(2);
  const auto flip = [&](std::optional<Bytes> Collateral::*part, size_t step) {
    Collateral changed = one.collateral;
    Bytes& bytes = *(changed.*part);
    for (size_t i = 0; i < bytes.size(); i += step) {
      const auto mask = static_cast<uint8_t>(1 << random() % 8);
      bytes[i] ^= mask;
      // A hexadecimal digit of a signature is the same in either case.
      const bool same = mask == 0x20 && part != &Collateral::pck_crl &&
                        part != &Collateral::root_ca_crl && std::isalpha(bytes[i]) != 0 &&
                        i + 132 > bytes.size();
      EXPECT_TRUE(same || !accepted(one, one.evidence, changed)) << "byte " << i;
      bytes[i] ^= mask;
    }
  };
  flip(&Collateral::tcb_info, 11);
  flip(&Collateral::qe_identity, 5);
  flip(&Collateral::pck_crl, 61);
  flip(&Collateral::root_ca_crl, 11);
}

TEST(IntelDamage, EveryTruncationOfOneQuote) {
  GINN_NEEDS_RECORDED_EVIDENCE();
  const RecordedCase one = intel_case("tdx-v4-ok");
  const size_t end = one.evidence.size() - parse_quote(one.evidence)->trailing_bytes;
  for (size_t size = 0; size < end; ++size) {
    const auto quote = parse_quote(ByteView(one.evidence).first(size));
    ASSERT_FALSE(quote.ok()) << size;
    ASSERT_STREQ(quote.error().code, "truncated") << size;
  }
  EXPECT_TRUE(parse_quote(ByteView(one.evidence).first(end)).ok());
}

TEST(IntelDamage, MissingCollateralIsNamed) {
  GINN_NEEDS_RECORDED_EVIDENCE();
  const RecordedCase one = intel_case("tdx-v4-ok");
  for (const auto part : {&Collateral::tcb_info,
                          &Collateral::tcb_info_issuer_chain,
                          &Collateral::qe_identity,
                          &Collateral::qe_identity_issuer_chain,
                          &Collateral::pck_crl,
                          &Collateral::root_ca_crl}) {
    Collateral without = one.collateral;
    (without.*part).reset();
    const auto verdict = one.check(one.evidence, without, one.at);
    ASSERT_TRUE(verdict.ok());
    EXPECT_FALSE(verdict->ok);
    EXPECT_EQ(verdict->code, "collateral_missing");
  }
}

struct WrongForm {
  const char* what;
  size_t offset;
  Bytes bytes;
  const char* code;
};

TEST(IntelDamage, EachWrongFormHasItsCode) {
  GINN_NEEDS_RECORDED_EVIDENCE();
  const RecordedCase v4 = intel_case("tdx-v4-ok"), v5 = intel_case("tdx-v5-ok"),
                     v3 = intel_case("sgx-v3-ok");
  const auto expect = [](const RecordedCase& one, const WrongForm& wrong) {
    Bytes changed = one.evidence;
    std::copy(wrong.bytes.begin(),
              wrong.bytes.end(),
              changed.begin() + static_cast<std::ptrdiff_t>(wrong.offset));
    const auto quote = parse_quote(changed);
    ASSERT_FALSE(quote.ok()) << wrong.what;
    EXPECT_STREQ(quote.error().code, wrong.code) << wrong.what;
  };
  expect(v4, {"version 6", 0, {6}, "quote_version"});
  expect(v4, {"key type 3", 2, {3}, "quote_key_type"});
  expect(v4, {"TEE type", 4, {0x82}, "quote_tee_type"});
  expect(v3, {"TDX in version 3", 4, {0x81}, "quote_tee_type"});
  expect(v4, {"reserved", 8, {1}, "quote_reserved"});
  expect(v4, {"vendor", 12, {0}, "quote_qe_vendor"});
  expect(v5, {"body type 4", 48, {4}, "quote_body_type"});
  expect(v5, {"body type of SGX", 48, {1}, "quote_body_type"});
  expect(v5, {"body size", 50, {0x89}, "quote_body_size"});
  expect(v4, {"certification type", 764, {5}, "quote_certification_type"});
  expect(v4, {"certification size", 766, {0}, "quote_certification_size"});
  for (const size_t reserved : {20u, 31u, 96u, 127u, 160u, 191u, 262u, 303u}) {
    expect(v3, {"reserved of the SGX report", 48 + reserved, {1}, "quote_reserved"});
    expect(v4, {"reserved of the QE report", 770 + reserved, {1}, "quote_reserved"});
  }
  Bytes longer = v4.evidence;
  longer[632] = 0xff;  // signature data longer than the file, by its length
  longer[633] = 0xff;
  EXPECT_STREQ(parse_quote(longer).error().code, "truncated");
}

}  // namespace
}  // namespace ginn::test
