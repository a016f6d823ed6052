#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "base/bytes.h"

namespace ginn::attest::verify {

// ATTESTATION_REPORT of AMD SEV-SNP (AMD 56860, table "ATTESTATION_REPORT Structure"), versions 2,
// 3 and 5, little-endian.
inline constexpr size_t kSnpReportBytes = 0x4a0;
inline constexpr size_t kSnpSignedBytes = 0x2a0;  // what the signature covers: everything before it

enum class SnpProduct : uint8_t { kMilan, kGenoa, kTurin };
std::string_view product_name(SnpProduct product);  // "Milan"

enum class SnpSigningKey : uint8_t { kVcek = 0, kVlek = 1 };

// TCB_VERSION as it stands in the report; what its bytes mean depends on the product.
using SnpTcbBytes = std::array<uint8_t, 8>;

struct SnpReport {
  uint32_t version = 0;
  uint32_t guest_svn = 0;
  uint64_t policy = 0;
  std::array<uint8_t, 16> family_id{};
  std::array<uint8_t, 16> image_id{};
  uint32_t vmpl = 0;  // 0 to 3
  SnpTcbBytes current_tcb{};
  uint64_t platform_info = 0;
  bool author_key_enabled = false;
  bool chip_key_masked = false;
  SnpSigningKey signing_key = SnpSigningKey::kVcek;
  std::array<uint8_t, 64> report_data{};
  std::array<uint8_t, 48> measurement{};
  std::array<uint8_t, 32> host_data{};
  std::array<uint8_t, 48> id_key_digest{};
  std::array<uint8_t, 48> author_key_digest{};
  std::array<uint8_t, 32> report_id{};
  std::array<uint8_t, 32> report_id_ma{};
  SnpTcbBytes reported_tcb{};         // the one that the signing key is derived for
  std::optional<SnpProduct> product;  // by CPUID; absent in version 2, which has none
  std::array<uint8_t, 3> cpuid{};     // family, model, stepping; zero in version 2
  std::array<uint8_t, 64> chip_id{};  // zero when masked or signed by a VLEK
  SnpTcbBytes committed_tcb{};
  SnpTcbBytes launch_tcb{};
  std::array<uint8_t, 96> signature{};  // r || s, big-endian, 48 bytes each

  bool debug() const { return (policy >> 19 & 1) != 0; }
};

// Codes, in the order of the checks: "snp_length", "snp_version", "snp_policy_reserved" (bit 17 is
// one, bits 26 to 63 are zero), "snp_vmpl", "snp_signature_algorithm", "snp_flags_reserved",
// "snp_signing_key", "snp_reserved" (a reserved range that is not zero), "snp_product" (a CPU of no
// product line known here), "snp_signature_padding" (r or s above 384 bits, or bytes after them).
// PLATFORM_INFO may set any bit: it adds facts, and Turin sets some that version 1.55 calls
// reserved.
Result<SnpReport> parse_snp_report(ByteView bytes);

// The TCB's parts. Milan and Genoa have no fmc.
struct SnpTcb {
  std::optional<uint8_t> fmc;
  uint8_t bootloader = 0, tee = 0, snp = 0, microcode = 0;
  bool operator==(const SnpTcb&) const = default;
};
// Code "snp_tcb_reserved": a byte that this product does not use is not zero.
Result<SnpTcb> decode_tcb(SnpProduct product, const SnpTcbBytes& bytes);
std::string tcb_text(const SnpTcb& tcb);  // "bootloader 3, tee 0, snp 8, microcode 115"

}  // namespace ginn::attest::verify
