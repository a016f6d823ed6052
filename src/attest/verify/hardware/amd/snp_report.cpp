#include "attest/verify/hardware/amd/snp_report.h"

#include <algorithm>

#include "base/check.h"
#include "base/text.h"

namespace ginn::attest::verify {
namespace {

// Offsets of AMD 56860; the rest of the table is in parse_fields.
constexpr size_t kFlags = 0x48, kCpuid = 0x188, kChipId = 0x1a0, kSignature = 0x2a0;
constexpr size_t kComponentBytes = 72, kFieldBytes = 48;  // of r and of s: stored, and P-384's

struct Range {
  size_t begin, end;  // end excluded
};
constexpr Range kReservedAlways[] = {{0x4c, 0x50}, {0x1eb, 0x1ec}, {0x1ef, 0x1f0}, {0x208, 0x2a0}};
constexpr Range kReservedBefore3[] = {{0x188, 0x18b}};
constexpr Range kReservedCpuid[] = {{0x18b, 0x1a0}};
constexpr Range kReservedBefore5[] = {{0x1f8, 0x208}};  // LAUNCH_MIT_VECTOR, CURRENT_MIT_VECTOR

template <typename T>
T load(ByteView bytes, size_t offset) {
  GINN_CHECK(offset + sizeof(T) <= bytes.size());
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

template <size_t kCount>
void copy(ByteView bytes, size_t offset, std::array<uint8_t, kCount>& out) {
  const ByteView from = bytes.subspan(offset, kCount);
  std::copy(from.begin(), from.end(), out.begin());
}

bool all_zero(ByteView bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; });
}

Error number_error(const char* code, std::string_view what, uint64_t found, std::string_view must) {
  return input_error(code, concat("SNP report: ", what, " is ", found, "; expected ", must));
}

Status check_reserved(ByteView bytes, std::span<const Range> ranges, uint32_t version) {
  for (const Range& range : ranges) {
    if (all_zero(bytes.subspan(range.begin, range.end - range.begin))) continue;
    return input_error("snp_reserved",
                       concat("SNP report of version ",
                              version,
                              ": reserved bytes ",
                              range.begin,
                              " to ",
                              range.end - 1,
                              " are not all zero"));
  }
  return ok_status();
}

Status check_reserved_ranges(ByteView bytes, uint32_t version) {
  GINN_TRY(check_reserved(bytes, kReservedAlways, version));
  GINN_TRY(check_reserved(bytes, kReservedCpuid, version));
  if (version < 3) GINN_TRY(check_reserved(bytes, kReservedBefore3, version));
  if (version < 5) GINN_TRY(check_reserved(bytes, kReservedBefore5, version));
  return ok_status();
}

Status check_policy(uint64_t policy) {
  constexpr uint64_t kAlwaysOne = uint64_t{1} << 17;
  if ((policy & kAlwaysOne) != 0 && policy >> 26 == 0) return ok_status();
  return number_error(
      "snp_policy_reserved", "POLICY", policy, "bit 17 to be one and bits 26 to 63 to be zero");
}

Status parse_flags(uint32_t flags, SnpReport& report) {
  if (flags >> 5 != 0) {
    return number_error("snp_flags_reserved", "the word at 0x48", flags, "bits 5 to 31 to be zero");
  }
  report.author_key_enabled = (flags & 1) != 0;
  report.chip_key_masked = (flags & 2) != 0;
  const uint32_t key = flags >> 2 & 7;
  if (key > 1) return number_error("snp_signing_key", "SIGNING_KEY", key, "0 (VCEK) or 1 (VLEK)");
  report.signing_key = key == 0 ? SnpSigningKey::kVcek : SnpSigningKey::kVlek;
  return ok_status();
}

// CPUID family and model (extended ones included) of the product lines with SEV-SNP.
std::optional<SnpProduct> product_of(uint8_t family, uint8_t model) {
  if (family == 0x19 && model <= 0x0f) return SnpProduct::kMilan;
  if (family == 0x19 && model >= 0x10 && model <= 0x1f) return SnpProduct::kGenoa;
  if (family == 0x19 && model >= 0xa0 && model <= 0xaf)
    return SnpProduct::kGenoa;  // Bergamo, Siena
  if (family == 0x1a && model <= 0x1f) return SnpProduct::kTurin;
  return std::nullopt;
}

// r and s are little-endian in the report, zero-extended to 72 bytes each.
Status parse_signature(ByteView bytes, SnpReport& report) {
  for (size_t part = 0; part < 2; ++part) {
    const ByteView stored = bytes.subspan(kSignature + part * kComponentBytes, kComponentBytes);
    if (!all_zero(stored.subspan(kFieldBytes))) {
      return input_error("snp_signature_padding",
                         concat("SNP report: ",
                                part == 0 ? "R" : "S",
                                " of the signature is longer than 384 bits; expected the 24 bytes "
                                "above to be zero"));
    }
    std::reverse_copy(stored.begin(),
                      stored.begin() + kFieldBytes,
                      report.signature.begin() + static_cast<ptrdiff_t>(part * kFieldBytes));
  }
  if (!all_zero(bytes.subspan(kSignature + 2 * kComponentBytes))) {
    return input_error("snp_signature_padding",
                       "SNP report: bytes after S of the signature are not all zero");
  }
  return ok_status();
}

void parse_fields(ByteView bytes, SnpReport& report) {
  report.guest_svn = load<uint32_t>(bytes, 0x4);
  copy(bytes, 0x10, report.family_id);
  copy(bytes, 0x20, report.image_id);
  copy(bytes, 0x38, report.current_tcb);
  report.platform_info = load<uint64_t>(bytes, 0x40);
  copy(bytes, 0x50, report.report_data);
  copy(bytes, 0x90, report.measurement);
  copy(bytes, 0xc0, report.host_data);
  copy(bytes, 0xe0, report.id_key_digest);
  copy(bytes, 0x110, report.author_key_digest);
  copy(bytes, 0x140, report.report_id);
  copy(bytes, 0x160, report.report_id_ma);
  copy(bytes, 0x180, report.reported_tcb);
  copy(bytes, kCpuid, report.cpuid);
  copy(bytes, kChipId, report.chip_id);
  copy(bytes, 0x1e0, report.committed_tcb);
  copy(bytes, 0x1f0, report.launch_tcb);
}

}  // namespace

std::string_view product_name(SnpProduct product) {
  switch (product) {
    case SnpProduct::kMilan:
      return "Milan";
    case SnpProduct::kGenoa:
      return "Genoa";
    case SnpProduct::kTurin:
      return "Turin";
  }
  return "";
}

Result<SnpReport> parse_snp_report(ByteView bytes) {
  if (bytes.size() != kSnpReportBytes) {
    return number_error("snp_length", "the length in bytes", bytes.size(), "1184");
  }
  SnpReport report;
  report.version = load<uint32_t>(bytes, 0x0);
  if (report.version != 2 && report.version != 3 && report.version != 5) {
    return number_error("snp_version", "VERSION", report.version, "2, 3 or 5");
  }
  report.policy = load<uint64_t>(bytes, 0x8);
  GINN_TRY(check_policy(report.policy));
  report.vmpl = load<uint32_t>(bytes, 0x30);
  if (report.vmpl > 3) {
    return number_error("snp_vmpl",
                        "VMPL",
                        report.vmpl,
                        "0 to 3 (a report that the host asked for proves nothing)");
  }
  const auto algorithm = load<uint32_t>(bytes, 0x34);
  if (algorithm != 1) {
    return number_error(
        "snp_signature_algorithm", "SIGNATURE_ALGO", algorithm, "1 (ECDSA P-384 with SHA-384)");
  }
  GINN_TRY(parse_flags(load<uint32_t>(bytes, kFlags), report));
  GINN_TRY(check_reserved_ranges(bytes, report.version));
  parse_fields(bytes, report);
  if (report.version >= 3) {
    report.product = product_of(report.cpuid[0], report.cpuid[1]);
    if (!report.product) {
      return input_error("snp_product",
                         concat("SNP report: CPU family ",
                                unsigned{report.cpuid[0]},
                                " model ",
                                unsigned{report.cpuid[1]},
                                " is of no product line known here (Milan, Genoa, Turin)"));
    }
  }
  GINN_TRY(parse_signature(bytes, report));
  return report;
}

Result<SnpTcb> decode_tcb(SnpProduct product, const SnpTcbBytes& bytes) {
  const bool turin = product == SnpProduct::kTurin;
  const size_t unused_begin = turin ? 4 : 2, unused_end = turin ? 7 : 6;
  if (!all_zero(ByteView(bytes).subspan(unused_begin, unused_end - unused_begin))) {
    return input_error("snp_tcb_reserved",
                       concat("SNP report: TCB ",
                              to_hex(bytes),
                              " has a byte set that ",
                              product_name(product),
                              " does not use (",
                              unused_begin,
                              " to ",
                              unused_end - 1,
                              ")"));
  }
  SnpTcb tcb;
  if (turin) tcb.fmc = bytes[0];
  tcb.bootloader = bytes[turin ? 1 : 0];
  tcb.tee = bytes[turin ? 2 : 1];
  tcb.snp = bytes[turin ? 3 : 6];
  tcb.microcode = bytes[7];
  return tcb;
}

std::string tcb_text(const SnpTcb& tcb) {
  std::string text = tcb.fmc ? concat("fmc ", unsigned{*tcb.fmc}, ", ") : std::string();
  return text + concat("bootloader ",
                       unsigned{tcb.bootloader},
                       ", tee ",
                       unsigned{tcb.tee},
                       ", snp ",
                       unsigned{tcb.snp},
                       ", microcode ",
                       unsigned{tcb.microcode});
}

}  // namespace ginn::attest::verify
