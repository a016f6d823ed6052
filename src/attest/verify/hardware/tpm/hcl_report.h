#pragma once

#include <array>
#include <string>

#include "attest/verify/hardware/keys.h"
#include "base/bytes.h"

namespace ginn::attest::verify {

// The report that Azure's paravisor keeps in the vTPM's NV index 0x01400001 ("HCL report"): a
// header, the hardware's report, and JSON of the boot, whose SHA-256 the hardware's report binds.
// Layout: Microsoft's "Azure confidential VM guest attestation", little-endian.
inline constexpr size_t kHclHardwareOffset = 32, kHclHardwareBytes = 1184;
inline constexpr size_t kHclJsonOffset = 1236;
inline constexpr size_t kHclReportBytesMax = 1 << 14;

enum class HclHardware : uint8_t { kSnp = 2, kTdx = 4 };

struct HclReport {
  HclHardware hardware = HclHardware::kSnp;
  Bytes hardware_report;  // SNP: the report of 1184 bytes. TDX: TDREPORT, 1024 bytes and padding
  std::string json;       // exactly the bytes that are hashed
};

// Codes: "hcl_length", "hcl_header" (signature HCLA, version 1 or 2, the length it gives, no error
// status, reserved words zero), "hcl_runtime" (sizes, version, SHA-256), "hcl_report_type",
// "hcl_padding" (bytes after the JSON are not all zero).
Result<HclReport> parse_hcl_report(ByteView bytes);

// HCLAkPub of the JSON: the RSA key (2048 bits or more) that signs the vTPM's quotes. Codes:
// parse_json's, "hcl_json" (no or several HCLAkPub, another key type or use, bad base64url),
// "bad_key".
Result<VerifyKey> hcl_attestation_key(const std::string& json);

// TDREPORT_STRUCT of TDX (Intel TDX Module ABI, section 22.6), as far as a quote of the same TD
// repeats it. It is authenticated by the CPU's own key only: what it says counts once a quote says
// the same.
struct TdReportSummary {
  std::array<uint8_t, 64> report_data{};
  std::array<uint8_t, 48> mrtd{};
};
// Code "tdreport_form": not type 0x81, or reserved bytes set.
Result<TdReportSummary> parse_tdreport_struct(ByteView bytes);

}  // namespace ginn::attest::verify
