#include "attest/verify/hardware/policy.h"

namespace ginn::attest::verify {
namespace {

struct NamedStatus {
  TcbStatus status;
  std::string_view name;
};
// "NotSupported" is never parsed: Intel does not write it.
constexpr NamedStatus kStatuses[] = {
    {TcbStatus::kUpToDate, "UpToDate"},
    {TcbStatus::kSwHardeningNeeded, "SWHardeningNeeded"},
    {TcbStatus::kConfigurationNeeded, "ConfigurationNeeded"},
    {TcbStatus::kConfigurationAndSwHardeningNeeded, "ConfigurationAndSWHardeningNeeded"},
    {TcbStatus::kOutOfDate, "OutOfDate"},
    {TcbStatus::kOutOfDateConfigurationNeeded, "OutOfDateConfigurationNeeded"},
    {TcbStatus::kRevoked, "Revoked"},
};

}  // namespace

std::string_view tcb_status_name(TcbStatus status) {
  for (const NamedStatus& known : kStatuses) {
    if (known.status == status) return known.name;
  }
  return "NotSupported";
}

std::optional<TcbStatus> parse_tcb_status(std::string_view name) {
  for (const NamedStatus& known : kStatuses) {
    if (known.name == name) return known.status;
  }
  return std::nullopt;
}

}  // namespace ginn::attest::verify
