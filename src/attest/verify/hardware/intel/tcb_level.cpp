#include "attest/verify/hardware/intel/tcb_level.h"

#include <algorithm>

namespace ginn::attest::verify {
namespace {

// Components of TEE_TCB_SVN that a module identity judges.
constexpr size_t kModuleComponents = 2;

bool covers(ByteView platform, const Components& level, size_t first) {
  for (size_t i = first; i < level.size(); ++i) {
    if (platform[i] < level[i]) return false;
  }
  return true;
}

bool is_out_of_date(TcbStatus status) {
  return status == TcbStatus::kOutOfDate || status == TcbStatus::kOutOfDateConfigurationNeeded;
}

}  // namespace

TcbJudgement judge_platform(const TcbInfo& info, const SgxExtension& pck, const TdReport* td) {
  for (const TcbLevel& level : info.levels) {
    if (!covers(pck.components, level.sgx, 0) || pck.pcesvn < level.pcesvn) continue;
    if (td != nullptr) {
      const size_t first = td->tee_tcb_svn[1] > 0 ? kModuleComponents : 0;
      if (!covers(td->tee_tcb_svn, level.tdx, first)) continue;
    }
    return {level.status, level.advisories};
  }
  return {};
}

std::string module_id(const TdReport& td) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  const uint8_t version = td.tee_tcb_svn[1];
  if (version == 0) return "";
  return {'T', 'D', 'X', '_', kDigits[version >> 4], kDigits[version & 15]};
}

const TdxModule* find_module(const TcbInfo& info, const TdReport& td) {
  const std::string id = module_id(td);
  for (const TdxModule& module : info.modules) {
    if (module.id == id) return &module;
  }
  return nullptr;
}

TcbJudgement judge_svn(const std::vector<SvnLevel>& levels, uint16_t isvsvn) {
  for (const SvnLevel& level : levels) {
    if (level.isvsvn <= isvsvn) return {level.status, level.advisories};
  }
  return {};
}

TcbStatus converge(TcbStatus platform, TcbStatus part) {
  if (platform == TcbStatus::kNotSupported || part == TcbStatus::kNotSupported) {
    return TcbStatus::kNotSupported;
  }
  if (platform == TcbStatus::kRevoked || part == TcbStatus::kRevoked) return TcbStatus::kRevoked;
  if (!is_out_of_date(part)) return platform;
  const bool configuration = platform == TcbStatus::kConfigurationNeeded ||
                             platform == TcbStatus::kConfigurationAndSwHardeningNeeded ||
                             platform == TcbStatus::kOutOfDateConfigurationNeeded ||
                             part == TcbStatus::kOutOfDateConfigurationNeeded;
  return configuration ? TcbStatus::kOutOfDateConfigurationNeeded : TcbStatus::kOutOfDate;
}

}  // namespace ginn::attest::verify
