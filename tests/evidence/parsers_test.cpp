// The parsers' ways of refusing, on made-up evidence: no recorded files are needed.
#include <gtest/gtest.h>

#include <functional>

#include "attest/verify/hardware/amd/snp_report.h"
#include "attest/verify/hardware/aws/cbor.h"
#include "attest/verify/hardware/aws/nitro_document.h"
#include "attest/verify/hardware/nvidia/spdm.h"
#include "attest/verify/hardware/tpm/hcl_report.h"
#include "attest/verify/hardware/tpm/tpm_quote.h"
#include "base/text.h"
#include "tests/support/evidence_samples.h"

namespace ginn::test {
namespace {

using namespace attest::verify;

template <typename T>
std::string code_of(const Result<T>& result) {
  return result.ok() ? "ok" : result.error().code;
}

Bytes with(Bytes bytes, size_t offset, uint8_t value) {
  bytes.at(offset) = value;
  return bytes;
}
Bytes hex(std::string_view text) { return from_hex(text).value(); }

// Every prefix and every longer form is refused.
void expect_exact_length(const Bytes& whole, const std::function<bool(ByteView)>& accepts) {
  ASSERT_TRUE(accepts(whole));
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(accepts(ByteView(whole).first(size))) << size;
  }
  Bytes longer = whole;
  longer.resize(whole.size() + 64, 1);
  EXPECT_FALSE(accepts(longer));
}

TEST(SnpReportForm, VersionsAndLength) {
  for (const uint32_t version : {2u, 3u, 5u}) {
    EXPECT_EQ(code_of(parse_snp_report(sample_snp_report(version, false))), "ok") << version;
  }
  for (const uint32_t version : {0u, 1u, 4u, 6u, 255u}) {
    EXPECT_EQ(code_of(parse_snp_report(sample_snp_report(version, false))), "snp_version");
  }
  const auto turin = parse_snp_report(sample_snp_report(5, true));
  ASSERT_TRUE(turin.ok());
  EXPECT_EQ(turin->product, SnpProduct::kTurin);
  EXPECT_FALSE(parse_snp_report(sample_snp_report(2, false))->product.has_value());
  expect_exact_length(sample_snp_report(3, false),
                      [](ByteView bytes) { return parse_snp_report(bytes).ok(); });
}

// Every reserved byte, in every version; and nothing else is called reserved.
TEST(SnpReportForm, ReservedRanges) {
  for (const uint32_t version : {2u, 3u, 5u}) {
    const Bytes sound = sample_snp_report(version, false);
    const auto reserved = [version](size_t at) {
      return (at >= 0x4c && at < 0x50) || (at >= 0x18b && at < 0x1a0) || at == 0x1eb ||
             at == 0x1ef || (at >= 0x208 && at < 0x2a0) ||
             (version < 3 && at >= 0x188 && at < 0x18b) ||
             (version < 5 && at >= 0x1f8 && at < 0x208);
    };
    for (size_t at = 0; at < kSnpSignedBytes; ++at) {
      const bool refused =
          code_of(parse_snp_report(with(sound, at, sound[at] ^ 0x80))) == "snp_reserved";
      EXPECT_EQ(refused, reserved(at)) << version << ' ' << at;
    }
    for (size_t at = 0x2a0; at < kSnpReportBytes; ++at) {
      const bool value = at < 0x2a0 + 48 || (at >= 0x2a0 + 72 && at < 0x2a0 + 120);
      const auto changed = parse_snp_report(with(sound, at, sound[at] ^ 1));
      EXPECT_EQ(code_of(changed), value ? "ok" : "snp_signature_padding") << at;
    }
  }
}

TEST(SnpReportForm, Fields) {
  const Bytes sound = sample_snp_report(3, false);
  EXPECT_EQ(code_of(parse_snp_report(with(sound, 10, 0))), "snp_policy_reserved");
  EXPECT_EQ(code_of(parse_snp_report(with(sound, 11, 4))), "snp_policy_reserved");
  EXPECT_EQ(code_of(parse_snp_report(with(sound, 11, 3))), "ok");
  EXPECT_EQ(code_of(parse_snp_report(with(sound, 0x30, 4))), "snp_vmpl");
  EXPECT_EQ(code_of(parse_snp_report(with(sound, 0x34, 2))), "snp_signature_algorithm");
  EXPECT_EQ(code_of(parse_snp_report(with(sound, 0x48, 0x20))), "snp_flags_reserved");
  EXPECT_EQ(code_of(parse_snp_report(with(sound, 0x48, 7 << 2))), "snp_signing_key");
  EXPECT_EQ(code_of(parse_snp_report(with(sound, 0x188, 0x17))), "snp_product");
  EXPECT_TRUE(parse_snp_report(with(sound, 10, 0x0a))->debug());
  const auto milan = decode_tcb(SnpProduct::kMilan, {3, 1, 0, 0, 0, 0, 8, 115});
  EXPECT_EQ(tcb_text(*milan), "bootloader 3, tee 1, snp 8, microcode 115");
  const auto turin = decode_tcb(SnpProduct::kTurin, {1, 2, 3, 4, 0, 0, 0, 81});
  EXPECT_EQ(tcb_text(*turin), "fmc 1, bootloader 2, tee 3, snp 4, microcode 81");
  EXPECT_EQ(code_of(decode_tcb(SnpProduct::kGenoa, {0, 0, 0, 0, 0, 1, 0, 0})), "snp_tcb_reserved");
  EXPECT_EQ(code_of(decode_tcb(SnpProduct::kTurin, {0, 0, 0, 0, 0, 0, 1, 0})), "snp_tcb_reserved");
}

TEST(Cbor, Integers) {
  const auto read = [](std::string_view text) {
    const Bytes bytes = hex(text);
    CborReader reader(bytes);
    const auto value = reader.integer();
    return value.ok() ? concat(*value) : std::string(value.error().code);
  };
  EXPECT_EQ(read("17"), "23");
  EXPECT_EQ(read("1818"), "24");
  EXPECT_EQ(read("1817"), "cbor_not_shortest");
  EXPECT_EQ(read("1900ff"), "cbor_not_shortest");
  EXPECT_EQ(read("190100"), "256");
  EXPECT_EQ(read("1a0000ffff"), "cbor_not_shortest");
  EXPECT_EQ(read("1b00000000ffffffff"), "cbor_not_shortest");
  EXPECT_EQ(read("1b0000000100000000"), "4294967296");
  EXPECT_EQ(read("1b8000000000000000"), "cbor_too_long");
  EXPECT_EQ(read("3822"), "-35");
  EXPECT_EQ(read("3b7fffffffffffffff"), "-9223372036854775808");
  EXPECT_EQ(read("1c"), "cbor_indefinite");
  EXPECT_EQ(read("1f"), "cbor_indefinite");
  EXPECT_EQ(read("19"), "cbor_truncated");
  EXPECT_EQ(read(""), "cbor_truncated");
  EXPECT_EQ(read("c100"), "cbor_type");
  EXPECT_EQ(read("f93c00"), "cbor_type");
}

TEST(Cbor, StringsArraysMaps) {
  const auto code = [](std::string_view text, auto read) {
    const Bytes bytes = hex(text);
    CborReader reader(bytes);
    return code_of(read(reader));
  };
  const auto bytes = [](CborReader& reader) { return reader.byte_string(3); };
  EXPECT_EQ(code("43010203", bytes), "ok");
  EXPECT_EQ(code("4401020304", bytes), "cbor_too_long");
  EXPECT_EQ(code("430102", bytes), "cbor_truncated");
  EXPECT_EQ(code("5f4101ff", bytes), "cbor_indefinite");
  EXPECT_EQ(code("63616263", bytes), "cbor_type");
  EXPECT_EQ(code("5bffffffffffffffff", bytes), "cbor_too_long");
  const auto array = [](CborReader& reader) { return reader.array(2); };
  EXPECT_EQ(code("82", array), "ok");
  EXPECT_EQ(code("83", array), "cbor_too_long");
  EXPECT_EQ(code("9f", array), "cbor_indefinite");
  const auto entries = [](CborReader& reader) -> Result<uint64_t> {
    GINN_ASSIGN(CborReader::Map map, reader.map(2));
    uint64_t count = 0;
    while (true) {
      GINN_ASSIGN(const bool more, reader.next_entry(map));
      if (!more) break;
      GINN_TRY(reader.unsigned_integer());
      ++count;
    }
    GINN_TRY(reader.finish());
    return count;
  };
  EXPECT_EQ(code("a0", entries), "ok");
  EXPECT_EQ(code("a20102", entries), "ok");
  EXPECT_EQ(code("bf010203ff", entries), "ok");
  EXPECT_EQ(code("bf01", entries), "cbor_truncated");
  EXPECT_EQ(code("a3010203", entries), "cbor_too_long");
  EXPECT_EQ(code("a000", entries), "cbor_trailing");
}

TEST(NitroForm, Length) {
  expect_exact_length(sample_nitro_document(),
                      [](ByteView bytes) { return parse_nitro_document(bytes).ok(); });
  EXPECT_EQ(code_of(parse_nitro_document(Bytes(kNitroDocumentBytesMax + 1))), "nitro_length");
}

TEST(TpmQuoteForm, Codes) {
  const Bytes sound = sample_tpm_quote();
  const auto quote = parse_tpm_quote(sound);
  ASSERT_TRUE(quote.ok()) << quote.error().message;
  EXPECT_EQ(quote->extra_data, hex("deadbeef"));
  EXPECT_EQ(quote->clock_ms, 0x1234u);
  EXPECT_TRUE(quote->clock_is_safe);
  ASSERT_EQ(quote->selections.size(), 1u);
  EXPECT_EQ(quote->selections[0].pcrs, (std::vector<size_t>{0, 23}));
  expect_exact_length(sound, [](ByteView bytes) { return parse_tpm_quote(bytes).ok(); });
  EXPECT_EQ(code_of(parse_tpm_quote(with(sound, 0, 0xfe))), "tpm_magic");
  EXPECT_EQ(code_of(parse_tpm_quote(with(sound, 5, 0x17))), "tpm_type");
  EXPECT_EQ(code_of(parse_tpm_quote(with(sound, 7, 0x43))), "tpm_field");
  EXPECT_EQ(code_of(parse_tpm_quote(with(sound, 64, 2))), "tpm_clock");
  EXPECT_EQ(code_of(parse_tpm_quote(with(sound, 76, 0))), "tpm_pcr_selection");
  EXPECT_EQ(code_of(parse_tpm_quote(with(sound, 78, 0x99))), "tpm_pcr_selection");
  EXPECT_EQ(code_of(parse_tpm_quote(with(sound, 79, 5))), "tpm_pcr_selection");
  Bytes longer = sound;
  longer.push_back(0);
  EXPECT_EQ(code_of(parse_tpm_quote(longer)), "tpm_trailing");
  EXPECT_EQ(code_of(parse_tpm_quote(Bytes(kTpmQuoteBytesMax + 1))), "tpm_too_large");
  EXPECT_EQ(code_of(selected_pcr_digest(*quote, Bytes(768))), "ok");
  EXPECT_EQ(code_of(selected_pcr_digest(*quote, Bytes(767))), "tpm_pcr_values");
  EXPECT_EQ(code_of(selected_pcr_digest(*parse_tpm_quote(with(sound, 78, 0x0c)), Bytes(768))),
            "tpm_pcr_bank");
}

TEST(TpmSignatureForm, Codes) {
  const Bytes sound = sample_tpm_signature();
  const auto signature = parse_tpm_signature(sound);
  ASSERT_TRUE(signature.ok());
  EXPECT_EQ(signature->signature.size(), 64u);
  EXPECT_EQ(signature->signature[0], 0);
  expect_exact_length(sound, [](ByteView bytes) { return parse_tpm_signature(bytes).ok(); });
  EXPECT_EQ(code_of(parse_tpm_signature(with(sound, 1, 0x16))), "tpm_signature_algorithm");
  EXPECT_EQ(code_of(parse_tpm_signature(with(sound, 3, 0x04))), "tpm_signature_algorithm");
  EXPECT_EQ(code_of(parse_tpm_signature(with(sound, 5, 33))), "tpm_signature_form");
  EXPECT_EQ(code_of(parse_tpm_signature(Bytes(256))), "ok");
}

TEST(HclReportForm, Codes) {
  const Bytes sound = sample_hcl_report();
  const auto report = parse_hcl_report(sound);
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(report->hardware, HclHardware::kSnp);
  EXPECT_TRUE(parse_snp_report(report->hardware_report).ok());
  EXPECT_EQ(code_of(hcl_attestation_key(report->json)), "ok");
  for (const size_t at : {0u, 4u, 8u, 12u, 16u, 20u, 31u}) {
    EXPECT_EQ(code_of(parse_hcl_report(with(sound, at, 9))), "hcl_header") << at;
  }
  for (const size_t at : {1216u, 1220u, 1228u}) {
    EXPECT_EQ(code_of(parse_hcl_report(with(sound, at, 99))), "hcl_runtime") << at;
  }
  EXPECT_EQ(code_of(parse_hcl_report(with(sound, 1224, 3))), "hcl_report_type");
  EXPECT_EQ(code_of(parse_hcl_report(with(sound, sound.size() - 1, 1))), "hcl_padding");
  for (size_t size = 0; size + 16 < sound.size(); ++size) {
    EXPECT_FALSE(parse_hcl_report(ByteView(sound).first(size)).ok()) << size;
  }
  const auto key_code = [&](std::string_view from, std::string_view to) {
    std::string json = report->json;
    json.replace(json.find(from), from.size(), to);
    return code_of(hcl_attestation_key(json));
  };
  EXPECT_EQ(key_code("HCLAkPub", "HCLEkPub"), "hcl_json");
  EXPECT_EQ(key_code("[\"sign\"]", "[\"sign\",\"encrypt\"]"), "hcl_json");
  EXPECT_EQ(key_code("RSA", "EC"), "hcl_json");
  EXPECT_EQ(key_code("AQAB", "Aw"), "hcl_json");
  EXPECT_EQ(key_code("___", "+__"), "hcl_json");
  EXPECT_EQ(key_code("____", ""), "hcl_json");
}

TEST(SpdmForm, Codes) {
  const Bytes sound = sample_spdm_measurements();
  const auto parsed = parse_spdm_measurements(sound);
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  EXPECT_EQ(parsed->driver_version, "5.50");
  EXPECT_EQ(parsed->measurements.size(), 2u);
  EXPECT_EQ(parsed->signed_bytes.size() + 96, sound.size());
  expect_exact_length(sound, [](ByteView bytes) { return parse_spdm_measurements(bytes).ok(); });
  Bytes trailed = sound;
  trailed.resize(sound.size() + 16);
  EXPECT_EQ(parse_spdm_measurements(trailed)->trailing_bytes, 16u);
  trailed.push_back(0);
  EXPECT_EQ(code_of(parse_spdm_measurements(trailed)), "spdm_trailing");
  for (const size_t at : {0u, 1u, 2u, 3u, 36u}) {
    EXPECT_EQ(code_of(parse_spdm_measurements(with(sound, at, 7))), "spdm_request") << at;
  }
  for (const size_t at : {37u, 38u, 39u, 40u}) {
    EXPECT_EQ(code_of(parse_spdm_measurements(with(sound, at, 7))), "spdm_response") << at;
  }
  EXPECT_EQ(code_of(parse_spdm_measurements(with(sound, 41, 3))), "spdm_block_count");
  for (const size_t at : {46u, 47u, 50u}) {  // specification, size, value size
    EXPECT_EQ(code_of(parse_spdm_measurements(with(sound, at, 9))), "spdm_block") << at;
  }
  EXPECT_EQ(code_of(parse_spdm_measurements(with(sound, 49, 0x81))), "spdm_block");
  EXPECT_EQ(code_of(parse_spdm_measurements(with(sound, 45, 0))), "spdm_block");
  EXPECT_EQ(code_of(parse_spdm_measurements(with(sound, 45, 2))), "spdm_block");
  const size_t opaque = 45 + 110 + 32 + 2;
  EXPECT_EQ(code_of(parse_spdm_measurements(with(sound, opaque + 4, 'x'))), "spdm_opaque");
  EXPECT_EQ(code_of(parse_spdm_measurements(with(sound, opaque + 2, 200))), "spdm_opaque");
  EXPECT_EQ(code_of(parse_spdm_measurements(with(sound, opaque + 9, 3))), "spdm_opaque");
  EXPECT_EQ(code_of(parse_spdm_measurements(Bytes(kSpdmBytesMax + 1))), "spdm_too_large");
}

}  // namespace
}  // namespace ginn::test
