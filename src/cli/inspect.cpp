#include "cli/inspect.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "base/file.h"
#include "base/text.h"
#include "cli/job_source.h"
#include "cli/suggest.h"
#include "cli/verbs.h"
#include "crypto/dsse.h"
#include "crypto/json.h"
#include "model_file/safetensors.h"
#include "nn/models.h"

namespace ginn::cli {
namespace {

constexpr uint64_t kMaxFileBytes = uint64_t{1} << 32;
constexpr size_t kMaxTextBytes = size_t{1} << 26;
constexpr crypto::JsonLimits kLimits{kMaxTextBytes, 16};
constexpr size_t kEntriesShown = 20;  // of a transcript, at each end

// The payload of an envelope that is a string in a document (a grant), or null.
crypto::Json nested_payload(const std::string& text) {
  if (!text.starts_with('{')) return nullptr;
  const auto envelope = crypto::parse_envelope(text, kMaxTextBytes);
  if (!envelope.ok()) return nullptr;
  auto payload = crypto::parse_json(as_text(envelope->payload), kLimits);
  return payload.ok() ? std::move(*payload) : crypto::Json(nullptr);
}

// Depth is that of a parsed document, which is limited; payloads are not opened twice.
crypto::Json decoded(const crypto::Json& value) {
  if (const std::string* text = value.as_string()) {
    crypto::Json payload = nested_payload(*text);
    if (payload.is_null()) return value;
    return crypto::Json::Object{{"envelopePayload", std::move(payload)}};
  }
  crypto::Json copy = value;
  if (crypto::Json::Array* array = copy.as_array()) {
    for (crypto::Json& item : *array) item = decoded(item);
  }
  if (crypto::Json::Object* object = copy.as_object()) {
    for (auto& [key, item] : *object) item = decoded(item);
  }
  return copy;
}

struct Entry {
  uint64_t step = 0;
  std::string state, head;
};

Result<Entry> parse_entry(std::string_view line, size_t number) {
  const auto wrong = [&](std::string_view what) {
    return input_error("transcript_line", concat("line ", number, ": ", what));
  };
  const auto json = crypto::parse_json(line, {size_t{1} << 12, 4});
  if (!json.ok()) return wrong(json.error().message);
  if (json->find("life") != nullptr) {  // a later life took over here
    const auto life = crypto::string_field(*json, "life");
    const auto own = crypto::string_field(*json, "head");
    if (!life.ok() || !own.ok()) return wrong("expected a life and its head");
    return Entry{0, concat("life ", *life), *own};
  }
  const auto step = crypto::integer_field(*json, "step");
  const auto state = crypto::string_field(*json, "state");
  const auto head = crypto::string_field(*json, "head");
  if (!step.ok()) return wrong(step.error().message);
  if (!state.ok()) return wrong(state.error().message);
  if (!head.ok()) return wrong(head.error().message);
  return Entry{*step, *state, *head};
}

Result<std::vector<Entry>> parse_entries(std::string_view text) {
  std::vector<Entry> entries;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    GINN_ASSIGN(Entry entry, parse_entry(text.substr(0, end), entries.size() + 1));
    entries.push_back(std::move(entry));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return entries;
}

bool is_transcript(std::string_view text) {
  return parse_entry(text.substr(0, std::min(text.find('\n'), text.size())), 1).ok();
}

bool is_safetensors(ByteView bytes) {
  uint64_t header = 0;
  if (bytes.size() < sizeof header + 2) return false;
  std::memcpy(&header, bytes.data(), sizeof header);
  return header <= model_file::kMaxHeaderBytes && bytes[8] == '{';
}

// Parsers of bytes do not know the file's name.
Result<int> named(const std::string& name, Result<int> result) {
  if (result.ok()) return result;
  Error error = result.error();
  error.message = concat(printable(name, 4096), ": ", error.message);
  return error;
}

Result<int> inspect_json(const InspectOptions& options, std::string_view text) {
  const std::string& name = options.file;
  const bool json = options.json;
  if (is_transcript(text)) return inspect_transcript(name, text, json);
  GINN_ASSIGN(const crypto::Json document, crypto::parse_json(text, kLimits));
  if (document.find("payloadType") != nullptr) return inspect_envelope(name, text, json);
  if (const auto job = job::parse(text); job.ok()) return inspect_job(options, *job);
  if (json) {
    fmt::print("{}\n", crypto::pretty_json(document));
  } else {
    print_escaped(crypto::pretty_json(document));
  }
  return 0;
}

}  // namespace

void print_escaped(std::string_view text) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    fmt::print("{}\n", printable(text.substr(0, end), 4000));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

Result<int> inspect_envelope(const std::string& name, std::string_view text, bool json) {
  GINN_ASSIGN(const crypto::Envelope envelope, crypto::parse_envelope(text, kMaxTextBytes));
  GINN_ASSIGN(const crypto::Json payload, crypto::parse_json(as_text(envelope.payload), kLimits));
  if (json) {
    const crypto::Json::Object document{{"payloadType", envelope.payload_type},
                                        {"keyid", envelope.key_id},
                                        {"payload", decoded(payload)},
                                        {"signatureChecked", false}};
    fmt::print("{}\n", crypto::pretty_json(document));
    return 0;
  }
  fmt::print(
      "{}: a signed envelope (DSSE). Nothing is checked here, not even the signature:\n"
      "ginn verify does that.\n\npayload type  {}\nkey id        {}\n\n",
      printable(name),
      printable(envelope.payload_type),
      printable(envelope.key_id));
  print_escaped(crypto::pretty_json(decoded(payload)));
  return 0;
}

Result<int> inspect_transcript(const std::string& name, std::string_view text, bool json) {
  GINN_ASSIGN(const std::vector<Entry> entries, parse_entries(text));
  const Entry& last = entries.back();  // is_transcript() has seen one
  if (json) {
    const crypto::Json::Object document{{"entries", static_cast<double>(entries.size())},
                                        {"last_step", crypto::Json::integer(last.step)},
                                        {"head", last.head},
                                        {"chainChecked", false}};
    fmt::print("{}\n", crypto::pretty_json(document));
    return 0;
  }
  fmt::print("{}: a transcript of {} entries up to step {}\nhead          {}\n",
             printable(name),
             entries.size(),
             last.step,
             printable(last.head));
  fmt::print("The chain is not recomputed here: ginn verify does that.\n\n{:>12}  state\n", "step");
  for (size_t i = 0; i < entries.size(); ++i) {
    const bool hidden = i >= kEntriesShown && i + kEntriesShown < entries.size();
    if (!hidden) fmt::print("{:>12}  {}\n", entries[i].step, printable(entries[i].state));
    if (hidden && i == kEntriesShown) {
      fmt::print("{:>12}  {} more\n", "...", entries.size() - 2 * kEntriesShown);
    }
  }
  return 0;
}

Result<int> inspect_verb(const InspectOptions& options) {
  std::error_code ignored;
  if (!std::filesystem::exists(options.file, ignored)) {
    if (is_model(options.file)) return inspect_model(options);
    const std::vector<std::string_view> names = nn::model_names();
    const std::vector<std::string> models(names.begin(), names.end());
    return input_error("not_found",
                       concat(printable(options.file, 4096),
                              ": there is no such file, and no model of this name",
                              did_you_mean(options.file, models)));
  }
  GINN_ASSIGN(const Bytes bytes, read_file(options.file, kMaxFileBytes));
  if (is_safetensors(bytes)) {
    return named(options.file, inspect_tensors(options.file, bytes, options.json));
  }
  const std::string_view text = as_text(bytes);
  if (text.size() <= kMaxTextBytes) {
    if (text.starts_with('{')) {
      return named(options.file, inspect_json(options, text));
    }
    if (std::string_view(options.file).ends_with(".toml")) {
      GINN_ASSIGN(const LoadedJob loaded, load_job(options.file));
      return inspect_job(options, loaded.resolved.job);
    }
  }
  return input_error("unknown_file",
                     concat(printable(options.file, 4096),
                            ": not a job (.toml, job.json), a certificate, a rejection, a "
                            "transcript, safetensors or JSON"));
}

}  // namespace ginn::cli
