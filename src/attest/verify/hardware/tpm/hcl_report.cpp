#include "attest/verify/hardware/tpm/hcl_report.h"

#include <algorithm>

#include "base/text.h"
#include "crypto/json.h"

namespace ginn::attest::verify {
namespace {

constexpr uint32_t kMagic = 0x414c4348;               // "HCLA"
constexpr size_t kRuntimeHeaderBytes = 20;            // five words before the JSON
constexpr uint32_t kRuntimeVersion = 1, kSha256 = 1;  // hash type
constexpr size_t kJsonBytesMax = 8192;

Error hcl_error(const char* code, std::string_view what) {
  return input_error(code, concat("Azure's HCL report: ", what));
}

bool all_zero(ByteView bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; });
}

// Signature, version, report size, request type, status, three reserved words.
Status check_header(ByteView header, size_t report_size) {
  ByteReader reader(header);
  GINN_ASSIGN(const uint32_t magic, reader.u32());
  GINN_ASSIGN(const uint32_t version, reader.u32());
  GINN_ASSIGN(const uint32_t size, reader.u32());
  GINN_ASSIGN(const uint32_t request, reader.u32());
  GINN_ASSIGN(const uint32_t status, reader.u32());
  if (magic != kMagic) return hcl_error("hcl_header", "it does not start with HCLA");
  if (version != 1 && version != 2) {
    return hcl_error("hcl_header", concat("version ", version, "; expected 1 or 2"));
  }
  if (size != report_size) {
    return hcl_error("hcl_header",
                     concat("it gives its size as ", size, " bytes; its parts have ", report_size));
  }
  if (request != 2 || status != 0) {
    return hcl_error("hcl_header",
                     concat("request type ", request, ", status ", status, "; expected 2 and 0"));
  }
  if (!all_zero(header.subspan(reader.offset()))) {
    return hcl_error("hcl_header", "reserved words are not zero");
  }
  return ok_status();
}

struct Runtime {
  uint32_t report_type = 0;
  uint32_t json_size = 0;
};

// Data size (these words included), version, report type, hash type, size of the JSON.
Result<Runtime> parse_runtime(ByteView words) {
  ByteReader reader(words);
  Runtime runtime;
  GINN_ASSIGN(const uint32_t data_size, reader.u32());
  GINN_ASSIGN(const uint32_t version, reader.u32());
  GINN_ASSIGN(runtime.report_type, reader.u32());
  GINN_ASSIGN(const uint32_t hash, reader.u32());
  GINN_ASSIGN(runtime.json_size, reader.u32());
  if (version != kRuntimeVersion || hash != kSha256) {
    return hcl_error("hcl_runtime",
                     concat("runtime data of version ",
                            version,
                            ", hash type ",
                            hash,
                            "; expected 1 and 1 (SHA-256)"));
  }
  if (runtime.json_size == 0 || runtime.json_size > kJsonBytesMax ||
      data_size != runtime.json_size + kRuntimeHeaderBytes) {
    return hcl_error("hcl_runtime",
                     concat("runtime data of ",
                            data_size,
                            " bytes around JSON of ",
                            runtime.json_size,
                            "; expected 20 bytes more than the JSON, which has 1 to 8192"));
  }
  return runtime;
}

// RFC 7515, section 2: base64 with - and _, without padding.
Result<Bytes> from_base64url(std::string text) {
  if (text.find_first_of("+/=") != std::string::npos) {
    return hcl_error("hcl_json", "base64url with a character of plain base64");
  }
  std::replace(text.begin(), text.end(), '-', '+');
  std::replace(text.begin(), text.end(), '_', '/');
  text.append((4 - text.size() % 4) % 4, '=');
  auto bytes = from_base64(text);
  if (!bytes.ok()) return hcl_error("hcl_json", bytes.error().message);
  return bytes;
}

Result<const crypto::Json*> find_key(const crypto::Json& document) {
  const crypto::Json* keys = document.find("keys");
  if (keys == nullptr || keys->as_array() == nullptr) {
    return hcl_error("hcl_json", "the JSON has no list \"keys\"");
  }
  const crypto::Json* found = nullptr;
  for (const crypto::Json& key : *keys->as_array()) {
    const crypto::Json* id = key.find("kid");
    if (id == nullptr || id->as_string() == nullptr || *id->as_string() != "HCLAkPub") continue;
    if (found != nullptr) return hcl_error("hcl_json", "two keys named HCLAkPub");
    found = &key;
  }
  if (found == nullptr) return hcl_error("hcl_json", "no key named HCLAkPub");
  return found;
}

// Whether the key's operations are exactly ["sign"].
bool only_signs(const crypto::Json& key) {
  const crypto::Json* operations = key.find("key_ops");
  return operations != nullptr &&
         *operations == crypto::Json(crypto::Json::Array{crypto::Json("sign")});
}

// SHA-384 of TEE_TCB_INFO and TDINFO is not recomputed: without the CPU's key it proves nothing.
constexpr size_t kTdReportBytes = 1024;
constexpr size_t kTdReportData = 128, kTdReportMrtd = 528;
struct Range {
  size_t begin, end;
};
constexpr Range kTdReserved[] = {
    {4, 16}, {192, 224}, {495, 512}, {kTdReportBytes, kHclHardwareBytes}};

}  // namespace

Result<HclReport> parse_hcl_report(ByteView bytes) {
  if (bytes.size() <= kHclJsonOffset || bytes.size() > kHclReportBytesMax) {
    return hcl_error("hcl_length",
                     concat(bytes.size(), " bytes; expected ", kHclJsonOffset + 1, " to 16384"));
  }
  const size_t runtime_offset = kHclHardwareOffset + kHclHardwareBytes;
  GINN_ASSIGN(const Runtime runtime,
              parse_runtime(bytes.subspan(runtime_offset, kRuntimeHeaderBytes)));
  if (runtime.json_size > bytes.size() - kHclJsonOffset) {
    return hcl_error("hcl_length",
                     concat("JSON of ",
                            runtime.json_size,
                            " bytes, of which ",
                            bytes.size() - kHclJsonOffset,
                            " are there"));
  }
  const size_t end = kHclJsonOffset + runtime.json_size;
  GINN_TRY(check_header(bytes.first(kHclHardwareOffset), end));
  if (runtime.report_type != 2 && runtime.report_type != 4) {
    return hcl_error(
        "hcl_report_type",
        concat("report type ", runtime.report_type, "; expected 2 (SEV-SNP) or 4 (TDX)"));
  }
  if (!all_zero(bytes.subspan(end))) {
    return hcl_error("hcl_padding", "bytes after the JSON are not all zero");
  }
  HclReport report;
  report.hardware = runtime.report_type == 2 ? HclHardware::kSnp : HclHardware::kTdx;
  const ByteView hardware = bytes.subspan(kHclHardwareOffset, kHclHardwareBytes);
  report.hardware_report.assign(hardware.begin(), hardware.end());
  report.json = as_text(bytes.subspan(kHclJsonOffset, runtime.json_size));
  return report;
}

Result<VerifyKey> hcl_attestation_key(const std::string& json) {
  GINN_ASSIGN(const crypto::Json document,
              crypto::parse_json(json, {.bytes = kJsonBytesMax, .depth = 6}));
  GINN_ASSIGN(const crypto::Json* key, find_key(document));
  GINN_ASSIGN(const std::string type, crypto::string_field(*key, "kty"));
  if (type != "RSA" || !only_signs(*key)) {
    return hcl_error("hcl_json", "HCLAkPub is not an RSA key for signatures alone");
  }
  GINN_ASSIGN(const std::string modulus_text, crypto::string_field(*key, "n"));
  GINN_ASSIGN(const std::string exponent_text, crypto::string_field(*key, "e"));
  GINN_ASSIGN(const Bytes modulus, from_base64url(modulus_text));
  GINN_ASSIGN(const Bytes exponent, from_base64url(exponent_text));
  GINN_ASSIGN(VerifyKey parsed, VerifyKey::from_rsa(modulus, exponent));
  if (parsed.type() == KeyType::kOther || exponent != Bytes{1, 0, 1}) {
    return hcl_error("hcl_json",
                     "HCLAkPub is no RSA key of 2048, 3072 or 4096 bits with exponent 65537");
  }
  return parsed;
}

Result<TdReportSummary> parse_tdreport_struct(ByteView bytes) {
  if (bytes.size() != kHclHardwareBytes || bytes[0] != 0x81) {
    return input_error("tdreport_form", "the TDREPORT in Azure's HCL report is not of type 0x81");
  }
  for (const Range& range : kTdReserved) {
    if (!all_zero(bytes.subspan(range.begin, range.end - range.begin))) {
      return input_error(
          "tdreport_form",
          concat("TDREPORT: reserved bytes ", range.begin, " to ", range.end - 1, " are not zero"));
    }
  }
  TdReportSummary summary;
  std::copy_n(
      bytes.begin() + kTdReportData, summary.report_data.size(), summary.report_data.begin());
  std::copy_n(bytes.begin() + kTdReportMrtd, summary.mrtd.size(), summary.mrtd.begin());
  return summary;
}

}  // namespace ginn::attest::verify
