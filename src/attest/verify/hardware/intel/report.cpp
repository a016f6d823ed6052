#include "attest/verify/hardware/intel/report.h"

#include <algorithm>

#include "base/text.h"

namespace ginn::attest::verify {
namespace {

template <typename T>
T little_endian(ByteView bytes, size_t offset) {
  T value;
  std::memcpy(&value, bytes.subspan(offset, sizeof value).data(), sizeof value);
  return value;
}

struct Range {
  size_t offset, size;
};
constexpr Range kReserved[] = {{20, 12}, {96, 32}, {160, 32}, {262, 42}};

}  // namespace

Result<EnclaveReport> parse_enclave_report(ByteView bytes) {
  GINN_CHECK(bytes.size() == kEnclaveReportBytes);
  for (const Range range : kReserved) {
    const ByteView reserved = bytes.subspan(range.offset, range.size);
    if (std::any_of(reserved.begin(), reserved.end(), [](uint8_t byte) { return byte != 0; })) {
      return input_error("quote_reserved",
                         concat("SGX report: the reserved ",
                                range.size,
                                " bytes at offset ",
                                range.offset,
                                " are not zero"));
    }
  }
  EnclaveReport report{};
  report.cpusvn = bytes.subspan(0, 16);
  report.miscselect = little_endian<uint32_t>(bytes, 16);
  report.isvextprodid = bytes.subspan(32, 16);
  report.attributes = bytes.subspan(48, 16);
  report.mrenclave = bytes.subspan(64, 32);
  report.mrsigner = bytes.subspan(128, 32);
  report.configid = bytes.subspan(192, 64);
  report.isvprodid = little_endian<uint16_t>(bytes, 256);
  report.isvsvn = little_endian<uint16_t>(bytes, 258);
  report.configsvn = little_endian<uint16_t>(bytes, 260);
  report.isvfamilyid = bytes.subspan(304, 16);
  report.report_data = bytes.subspan(320, 64);
  return report;
}

TdReport parse_td_report(ByteView bytes) {
  GINN_CHECK(bytes.size() == kTdReport10Bytes || bytes.size() == kTdReport15Bytes);
  TdReport report{};
  report.tee_tcb_svn = bytes.subspan(0, 16);
  report.mrseam = bytes.subspan(16, 48);
  report.mrsignerseam = bytes.subspan(64, 48);
  report.seam_attributes = bytes.subspan(112, 8);
  report.td_attributes = bytes.subspan(120, 8);
  report.xfam = bytes.subspan(128, 8);
  report.mrtd = bytes.subspan(136, 48);
  report.mrconfigid = bytes.subspan(184, 48);
  report.mrowner = bytes.subspan(232, 48);
  report.mrownerconfig = bytes.subspan(280, 48);
  for (size_t i = 0; i < report.rtmr.size(); ++i) report.rtmr[i] = bytes.subspan(328 + 48 * i, 48);
  report.report_data = bytes.subspan(520, 64);
  if (bytes.size() == kTdReport15Bytes) {
    report.tee_tcb_svn2 = bytes.subspan(584, 16);
    report.mrservicetd = bytes.subspan(600, 48);
  }
  return report;
}

}  // namespace ginn::attest::verify
