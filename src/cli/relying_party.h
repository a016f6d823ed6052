#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "certificate/check/run_check.h"
#include "cli/verbs.h"

namespace ginn::cli {

// What the relying party brings, and nothing else, decides what a run is compared with. `fault`
// gets an error of their own files that shows only during the check; it outlives the result.
Result<certificate::RelyingParty> relying_party(const VerifyOptions& options,
                                                std::optional<Error>& fault);

// A folder's entries, for check_bundle: subjects have plain names, so that all of them may stand
// for one. At most 10,000, and none of a folder that cannot be listed: what is missing fails its
// check.
std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder);

}  // namespace ginn::cli
