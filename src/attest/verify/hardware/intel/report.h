#pragma once

#include <array>
#include <optional>

#include "base/bytes.h"

namespace ginn::attest::verify {

// SGX REPORT body (Intel SDM volume 3D, "REPORT"; sgx_report_body_t): 384 bytes, little-endian.
inline constexpr size_t kEnclaveReportBytes = 384;
struct EnclaveReport {
  ByteView cpusvn;         // 16 @0
  uint32_t miscselect;     // @16
  ByteView isvextprodid;   // 16 @32
  ByteView attributes;     // 16 @48: flags 8, XFRM 8
  ByteView mrenclave;      // 32 @64
  ByteView mrsigner;       // 32 @128
  ByteView configid;       // 64 @192
  uint16_t isvprodid = 0;  // @256
  uint16_t isvsvn = 0;     // @258
  uint16_t configsvn = 0;  // @260
  ByteView isvfamilyid;    // 16 @304
  ByteView report_data;    // 64 @320
};

// TD REPORT body of a quote (Intel TDX DCAP Quoting Library API, "TD Quote Body"): 584 bytes for
// TDX 1.0, 648 for 1.5.
inline constexpr size_t kTdReport10Bytes = 584, kTdReport15Bytes = 648;
struct TdReport {
  ByteView tee_tcb_svn;                  // 16 @0
  ByteView mrseam;                       // 48 @16
  ByteView mrsignerseam;                 // 48 @64
  ByteView seam_attributes;              // 8 @112
  ByteView td_attributes;                // 8 @120
  ByteView xfam;                         // 8 @128
  ByteView mrtd;                         // 48 @136
  ByteView mrconfigid;                   // 48 @184
  ByteView mrowner;                      // 48 @232
  ByteView mrownerconfig;                // 48 @280
  std::array<ByteView, 4> rtmr;          // 48 each @328
  ByteView report_data;                  // 64 @520
  std::optional<ByteView> tee_tcb_svn2;  // 16 @584, TDX 1.5
  std::optional<ByteView> mrservicetd;   // 48 @600, TDX 1.5
};

// `bytes` has kEnclaveReportBytes. Code "quote_reserved", naming the offset, when a reserved range
// (12 @20, 32 @96, 32 @160, 42 @262) is not zero. The views refer to `bytes`.
Result<EnclaveReport> parse_enclave_report(ByteView bytes);
// `bytes` has kTdReport10Bytes or kTdReport15Bytes; it has no reserved ranges.
TdReport parse_td_report(ByteView bytes);

}  // namespace ginn::attest::verify
