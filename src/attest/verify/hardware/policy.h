#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ginn::attest::verify {

// Intel's judgement of a platform, most severe last. kNotSupported is ours: no level matches.
enum class TcbStatus : uint8_t {
  kUpToDate,
  kSwHardeningNeeded,
  kConfigurationNeeded,
  kConfigurationAndSwHardeningNeeded,
  kOutOfDate,
  kOutOfDateConfigurationNeeded,
  kRevoked,
  kNotSupported,
};
std::string_view tcb_status_name(TcbStatus status);  // as Intel writes it: "UpToDate"
std::optional<TcbStatus> parse_tcb_status(std::string_view name);

// Which security advisories may be open on a platform.
struct AdvisoryRule {
  bool any = true;
  std::vector<std::string> allowed;  // "INTEL-SA-00289"; read when `any` is false
};

// What is acceptable of evidence that is authentic. Evidence of a TEE in debug mode is refused
// always, so there is no member for it.
struct Policy {
  std::vector<TcbStatus> accepted_tcb = {TcbStatus::kUpToDate,
                                         TcbStatus::kSwHardeningNeeded,
                                         TcbStatus::kConfigurationNeeded,
                                         TcbStatus::kConfigurationAndSwHardeningNeeded};
  AdvisoryRule advisories;
  uint64_t minimum_tcb_evaluation = 0;  // tcbEvaluationDataNumber of Intel's TCB info, QE identity
};

}  // namespace ginn::attest::verify
