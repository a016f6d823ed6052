#include "attest/verify/hardware/tpm/tpm_quote.h"

#include <algorithm>

#include "attest/verify/hardware/tpm/big_endian.h"
#include "base/text.h"
#include "crypto/sha256.h"

namespace ginn::attest::verify {
namespace {

constexpr uint32_t kGenerated = 0xff544347;  // TPM_GENERATED_VALUE
constexpr uint16_t kAttestQuote = 0x8018;    // TPM_ST_ATTEST_QUOTE
constexpr uint16_t kAlgRsassa = 0x0014, kAlgEcdsa = 0x0018;
constexpr uint16_t kBanks[] = {0x0004, kTpmAlgSha256, 0x000c, 0x000d, 0x0012, 0x0027};
constexpr size_t kNameBytesMax = 66, kDataBytesMax = 66, kDigestBytesMax = 64;
constexpr size_t kSelectBytesMax = 4, kPcrBytes = 32, kP256Bytes = 32;

Error tpm_error(const char* code, std::string_view what) {
  return input_error(code, concat("TPM structure: ", what));
}

Bytes copy_of(ByteView bytes) { return Bytes(bytes.begin(), bytes.end()); }

Status parse_clock(BigEndianReader& reader, TpmQuote& quote) {
  GINN_ASSIGN(quote.clock_ms, reader.number(8));
  GINN_ASSIGN(const uint64_t resets, reader.number(4));
  GINN_ASSIGN(const uint64_t restarts, reader.number(4));
  GINN_ASSIGN(const uint64_t safe, reader.number(1));
  quote.reset_count = static_cast<uint32_t>(resets);
  quote.restart_count = static_cast<uint32_t>(restarts);
  quote.clock_is_safe = safe == 1;
  if (safe <= 1) return ok_status();
  return tpm_error("tpm_clock", concat("the clock's safe flag is ", safe, "; expected 0 or 1"));
}

Result<TpmPcrSelection> parse_selection(BigEndianReader& reader) {
  TpmPcrSelection selection;
  GINN_ASSIGN(selection.bank, reader.u16());
  if (std::find(std::begin(kBanks), std::end(kBanks), selection.bank) == std::end(kBanks)) {
    return tpm_error("tpm_pcr_selection",
                     concat("bank ", selection.bank, " is of no known digest"));
  }
  GINN_ASSIGN(const uint64_t size, reader.number(1));
  if (size > kSelectBytesMax) {
    return tpm_error("tpm_pcr_selection", concat("a selection of ", size, " bytes; at most 4"));
  }
  GINN_ASSIGN(const ByteView select, reader.take(static_cast<size_t>(size)));
  for (size_t pcr = 0; pcr < 8 * select.size(); ++pcr) {
    if ((select[pcr / 8] >> (pcr % 8) & 1) == 0) continue;
    if (pcr >= kTpmPcrCount) {
      return tpm_error("tpm_pcr_selection", concat("PCR ", pcr, " selected; the last one is 23"));
    }
    selection.pcrs.push_back(pcr);
  }
  return selection;
}

Status parse_selections(BigEndianReader& reader, TpmQuote& quote) {
  GINN_ASSIGN(const uint64_t count, reader.number(4));
  if (count == 0 || count > std::size(kBanks)) {
    return tpm_error("tpm_pcr_selection",
                     concat(count, " banks selected; expected 1 to ", std::size(kBanks)));
  }
  for (uint64_t i = 0; i < count; ++i) {
    GINN_ASSIGN(TpmPcrSelection selection, parse_selection(reader));
    for (const TpmPcrSelection& earlier : quote.selections) {
      if (earlier.bank == selection.bank) {
        return tpm_error("tpm_pcr_selection", concat("bank ", selection.bank, " stands twice"));
      }
    }
    quote.selections.push_back(std::move(selection));
  }
  return ok_status();
}

Result<Bytes> parse_ecdsa(BigEndianReader& reader) {
  Bytes r_s;
  for (int part = 0; part < 2; ++part) {
    GINN_ASSIGN(const ByteView value, reader.sized(kP256Bytes, "tpm_signature_form", "r or s"));
    // Leading zeros may be left out.
    r_s.insert(r_s.end(), kP256Bytes - value.size(), 0);
    r_s.insert(r_s.end(), value.begin(), value.end());
  }
  return r_s;
}

bool is_rsa_size(size_t size) { return size == 256 || size == 384 || size == 512; }

}  // namespace

Result<TpmQuote> parse_tpm_quote(ByteView bytes) {
  if (bytes.size() > kTpmQuoteBytesMax) {
    return tpm_error("tpm_too_large",
                     concat("a quote of ", bytes.size(), " bytes; at most ", kTpmQuoteBytesMax));
  }
  BigEndianReader reader(bytes, "tpm_truncated");
  GINN_ASSIGN(const uint64_t magic, reader.number(4));
  if (magic != kGenerated) {
    return tpm_error("tpm_magic",
                     "it does not start with TPM_GENERATED_VALUE (ff544347): no TPM made it");
  }
  GINN_ASSIGN(const uint16_t type, reader.u16());
  if (type != kAttestQuote) {
    return tpm_error("tpm_type", concat("type ", type, "; expected TPM_ST_ATTEST_QUOTE (32792)"));
  }
  TpmQuote quote;
  GINN_ASSIGN(const ByteView name, reader.sized(kNameBytesMax, "tpm_field", "qualifiedSigner"));
  quote.qualified_signer = copy_of(name);
  GINN_ASSIGN(const ByteView extra, reader.sized(kDataBytesMax, "tpm_field", "extraData"));
  quote.extra_data = copy_of(extra);
  GINN_TRY(parse_clock(reader, quote));
  GINN_ASSIGN(quote.firmware_version, reader.number(8));
  GINN_TRY(parse_selections(reader, quote));
  GINN_ASSIGN(const ByteView digest, reader.sized(kDigestBytesMax, "tpm_field", "pcrDigest"));
  constexpr size_t kDigestBytesMin = 20;
  if (digest.size() < kDigestBytesMin) {
    return tpm_error("tpm_field", concat("pcrDigest of ", digest.size(), " bytes; at least 20"));
  }
  quote.pcr_digest = copy_of(digest);
  if (reader.remaining() != 0) {
    return tpm_error("tpm_trailing", concat(reader.remaining(), " bytes after the quote"));
  }
  return quote;
}

Result<std::array<uint8_t, 32>> selected_pcr_digest(const TpmQuote& quote, ByteView values) {
  if (values.size() != kTpmPcrCount * kPcrBytes) {
    return tpm_error(
        "tpm_pcr_values",
        concat("PCR values of ", values.size(), " bytes; expected 24 of 32 bytes each"));
  }
  if (quote.selections.size() != 1 || quote.selections[0].bank != kTpmAlgSha256) {
    return tpm_error(
        "tpm_pcr_bank",
        "the quote selects another bank than SHA-256; ask for a quote of that one alone");
  }
  crypto::Sha256 hash;
  for (const size_t pcr : quote.selections[0].pcrs) {
    hash.update(values.subspan(pcr * kPcrBytes, kPcrBytes));
  }
  return hash.finish();
}

Result<TpmSignature> parse_tpm_signature(ByteView bytes) {
  if (is_rsa_size(bytes.size())) return TpmSignature{TpmScheme::kRsaSha256, copy_of(bytes)};
  BigEndianReader reader(bytes, "tpm_signature_form");
  GINN_ASSIGN(const uint16_t scheme, reader.u16());
  GINN_ASSIGN(const uint16_t hash, reader.u16());
  if ((scheme != kAlgRsassa && scheme != kAlgEcdsa) || hash != kTpmAlgSha256) {
    return tpm_error("tpm_signature_algorithm",
                     concat("signature of scheme ",
                            scheme,
                            " with hash ",
                            hash,
                            "; expected RSASSA (20) or ECDSA (24) with SHA-256 (11)"));
  }
  TpmSignature signature;
  if (scheme == kAlgEcdsa) {
    signature.scheme = TpmScheme::kEcdsa;
    GINN_ASSIGN(signature.signature, parse_ecdsa(reader));
  } else {
    GINN_ASSIGN(const ByteView value, reader.sized(512, "tpm_signature_form", "RSA signature"));
    if (!is_rsa_size(value.size())) {
      return tpm_error(
          "tpm_signature_form",
          concat("RSA signature of ", value.size(), " bytes; expected 256, 384 or 512"));
    }
    signature.signature = copy_of(value);
  }
  if (reader.remaining() != 0) {
    return tpm_error("tpm_signature_form",
                     concat(reader.remaining(), " bytes after the signature"));
  }
  return signature;
}

bool verify_tpm_signature(const VerifyKey& key, ByteView quote, const TpmSignature& signature) {
  switch (signature.scheme) {
    case TpmScheme::kRsaSha256:
      return key.verify_rsa_sha256(quote, signature.signature);
    case TpmScheme::kEcdsa:
      return key.type() == KeyType::kP256 && key.verify_ecdsa(quote, signature.signature);
  }
  return false;
}

}  // namespace ginn::attest::verify
