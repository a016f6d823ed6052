#pragma once

#include <array>
#include <string>
#include <vector>

#include "attest/verify/hardware/intel/signed_json.h"
#include "attest/verify/hardware/policy.h"

namespace ginn::attest::verify {

// Validity and version that Intel's signed documents share.
struct IntelDocument {
  UnixSeconds issued = 0, next_update = 0;
  uint64_t evaluation = 0;  // tcbEvaluationDataNumber
  Bytes signed_text;
  Bytes signature;  // r || s, 64
};

using Components = std::array<uint8_t, 16>;

struct TcbLevel {
  Components sgx{};
  uint16_t pcesvn = 0;
  Components tdx{};  // zero in documents for SGX
  TcbStatus status = TcbStatus::kRevoked;
  std::vector<std::string> advisories;
};

// A level judged by one security version: of a TDX module or of a quoting enclave.
struct SvnLevel {
  uint16_t isvsvn = 0;
  TcbStatus status = TcbStatus::kRevoked;
  std::vector<std::string> advisories;
};

struct TdxModule {
  std::string id;                     // "TDX_01"; empty for the member tdxModule
  Bytes mrsigner;                     // 48
  Bytes attributes, attributes_mask;  // 8 each
  std::vector<SvnLevel> levels;
};

// TCB info, version 3 (Intel PCS API version 4, "Get TCB Info").
struct TcbInfo {
  IntelDocument document;
  bool tdx = false;
  Bytes fmspc;                     // 6
  Bytes pce_id;                    // 2
  std::vector<TdxModule> modules;  // TDX: tdxModule first, then tdxModuleIdentities
  std::vector<TcbLevel> levels;    // best first
};

// Codes: parse_signed_json's, "tcb_info_form". Members that this does not know are passed over:
// they are signed, and Intel adds some.
Result<TcbInfo> parse_tcb_info(ByteView json);

// Identity of a quoting enclave, version 2 (Intel PCS API version 4, "Get Quoting Enclave
// Identity").
struct QeIdentity {
  IntelDocument document;
  bool tdx = false;  // "TD_QE"
  uint32_t miscselect = 0, miscselect_mask = 0;
  Bytes attributes, attributes_mask;  // 16 each
  Bytes mrsigner;                     // 32
  uint16_t isvprodid = 0;
  std::vector<SvnLevel> levels;  // best first
};

// Codes: parse_signed_json's, "qe_identity_form".
Result<QeIdentity> parse_qe_identity(ByteView json);

}  // namespace ginn::attest::verify
