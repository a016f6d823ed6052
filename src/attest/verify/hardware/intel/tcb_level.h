#pragma once

#include "attest/verify/hardware/intel/report.h"
#include "attest/verify/hardware/intel/sgx_extension.h"
#include "attest/verify/hardware/intel/tcb_info.h"

namespace ginn::attest::verify {

// Intel's judgement of one thing, and the advisories that go with it.
struct TcbJudgement {
  TcbStatus status = TcbStatus::kNotSupported;
  std::vector<std::string> advisories;
};

// The first level whose components are all at or below the platform's: 16 SGX components and PCESVN
// of the PCK, and for TDX those of TEE_TCB_SVN, without 0 and 1 when a module identity judges those
// (Intel TDX DCAP, "TCB status determination"). kNotSupported when none is.
TcbJudgement judge_platform(const TcbInfo& info,
                            const SgxExtension& pck,
                            const TdReport* td);  // null for SGX

// The identity for the TDX module in `td`: tdxModule when TEE_TCB_SVN[1] is 0, else the one named
// "TDX_%02X" of it; null when there is none.
const TdxModule* find_module(const TcbInfo& info, const TdReport& td);
std::string module_id(const TdReport& td);  // empty when TEE_TCB_SVN[1] is 0

// The first level at or below `isvsvn`; kNotSupported when none is.
TcbJudgement judge_svn(const std::vector<SvnLevel>& levels, uint16_t isvsvn);

// The worse of a platform and of something that it relies on (module, quoting enclave).
TcbStatus converge(TcbStatus platform, TcbStatus part);

}  // namespace ginn::attest::verify
