#pragma once

#include <filesystem>

#include "audit/audit.h"
#include "cli/verbs.h"

namespace ginn::cli {

// Steps of the kept states in `folder`, ascending; none where there is no such folder. Other files
// in it are passed over.
std::vector<uint64_t> kept_steps(const std::filesystem::path& folder);

// What `options` asks for, in order: one stretch (--steps A..B), some of those between the kept
// states chosen at random by fresh coins (--stretches N), or the whole run. Codes "usage",
// "audit_steps", "audit_no_state" (naming the states that there are).
Result<std::vector<audit::Stretch>> choose_stretches(const AuditOptions& options,
                                                     const audit::RunAudit& run,
                                                     const std::vector<uint64_t>& kept);

}  // namespace ginn::cli
