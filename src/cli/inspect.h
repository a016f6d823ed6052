#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "cli/verbs.h"
#include "job/job.h"

// The parts of `ginn inspect`, one for each kind of content. `name`: of the file, for messages.
namespace ginn::cli {

// Codes: Training::create's.
Result<int> inspect_job(const InspectOptions& options, const job::Job& job);
// Whether there is a built-in model of this name; what it looks like. Codes: build_model's,
// "usage".
bool is_model(std::string_view name);
Result<int> inspect_model(const InspectOptions& options);
// Codes: parse_safetensors's.
Result<int> inspect_tensors(const std::string& name, ByteView bytes, bool json);
// A DSSE envelope, decoded; its signature is not checked. Codes: parse_envelope's, parse_json's.
Result<int> inspect_envelope(const std::string& name, std::string_view text, bool json);
// A transcript, whose chain is not recomputed. Code "transcript_line".
Result<int> inspect_transcript(const std::string& name, std::string_view text, bool json);

// Text from a file is hostile to a terminal: what is not printable ASCII is escaped, line by line.
void print_escaped(std::string_view text);

}  // namespace ginn::cli
