#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "certificate/check/run_check.h"

namespace ginn::certificate {

// The texts of a run's folder that a check needs, in one file: canonical JSON
// {"files": {name: text}, "type": kBundleType}. Models are not in it, they lie beside it.
struct Bundle {
  std::map<std::string, std::string> files;
};

inline constexpr std::string_view kBundleType = "application/vnd.ginn.bundle.v1+json";
// A transcript of 64 MiB, its quotes escaped, and the rest.
inline constexpr uint64_t kMaxBundleBytes = uint64_t{3} << 26;

// Gathers certificate or rejection, job, transcript and, where there is one, collateral. It checks
// nothing. Codes: "not_a_folder", read_file's, "bundle_form" when a file is no text that JSON can
// carry.
Result<std::string> make_bundle(const std::filesystem::path& dir);

// Codes: parse_json's, "json_field", "bundle_type", "bundle_file" (an unknown name), "bundle_form"
// (not canonical).
Result<Bundle> parse_bundle(ByteView text);

// The payload of the bundle's signed statement of this name; whose signature it is, is not checked.
// Codes: "not_found", parse_envelope's.
Result<std::string> statement_payload(const Bundle& bundle, std::string_view name);

// The check of check_run, with `models` for the files that the statement names as subjects: by
// their own names, except that one file alone may have any name and stands for the first subject.
Outcome check_bundle(const Bundle& bundle,
                     const std::vector<std::filesystem::path>& models,
                     const RelyingParty& relying_party);

}  // namespace ginn::certificate
