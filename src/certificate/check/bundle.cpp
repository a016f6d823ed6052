#include "certificate/check/bundle.h"

#include <algorithm>

#include "attest/verify/document.h"
#include "base/file.h"
#include "base/text.h"
#include "base/version.h"
#include "certificate/check/folder_check.h"
#include "certificate/issue/format.h"
#include "crypto/dsse.h"
#include "crypto/json.h"
#include "protocol/transcript.h"

namespace ginn::certificate {
namespace {

namespace fs = std::filesystem;
using crypto::Json;

struct Part {
  std::string_view name;
  uint64_t limit;
};
constexpr Part kParts[] = {
    {kCertificateFile, kMaxStatementBytes},
    {kRejectionFile, kMaxStatementBytes},
    {kJobFile, uint64_t{1} << 20},
    {kTranscriptFile, protocol::kMaxTranscriptBytes},
    {kCollateralFile, attest::verify::kMaxCollateralDocumentBytes},
};

bool is_part(std::string_view name) {
  return std::any_of(
      std::begin(kParts), std::end(kParts), [name](const Part& part) { return part.name == name; });
}

std::string text_of(const Bundle& bundle) {
  Json::Object files;
  for (const auto& [name, text] : bundle.files) files[name] = text;
  Json::Object json;
  json["files"] = std::move(files);
  json["type"] = kBundleType;
  return crypto::canonical_json(Json(std::move(json)));
}

class BundleFiles final : public RunFiles {
 public:
  BundleFiles(const Bundle& bundle, const std::vector<fs::path>& models)
      : bundle_(bundle), models_(models) {
    for (const auto& file : bundle.files) entries_.push_back({file.first, ""});
  }

  std::string description() const override {
    return concat("a bundle of ",
                  bundle_.files.size(),
                  " files, ",
                  models_.size(),
                  models_.size() == 1 ? " file beside it" : " files beside it");
  }
  const std::vector<RunEntry>& entries() const override { return entries_; }

  Result<Bytes> read(std::string_view name, uint64_t limit) const override {
    const auto found = bundle_.files.find(std::string(name));
    if (found != bundle_.files.end()) {
      if (found->second.size() > limit) {
        return input_error("too_large",
                           concat(name, " has ", found->second.size(), " bytes; at most ", limit));
      }
      const ByteView bytes = as_bytes(found->second);
      return Bytes(bytes.begin(), bytes.end());
    }
    if (is_part(name)) {
      return input_error("not_found", concat(name, " is not in the bundle"));
    }
    for (const fs::path& model : models_) {
      const bool stands_for_it = models_.size() == 1 && name == kModelFile;
      if (stands_for_it || model.filename() == name) return read_file(model, limit, false);
    }
    return input_error("not_found",
                       concat(name, " was not given; name the file beside the bundle: --model"));
  }

 private:
  const Bundle& bundle_;
  const std::vector<fs::path>& models_;
  std::vector<RunEntry> entries_;
};

}  // namespace

Result<std::string> make_bundle(const fs::path& dir) {
  GINN_TRY(require_folder(dir));
  GINN_ASSIGN(const std::unique_ptr<RunFiles> files, open_folder(dir));
  if (!files->has(kCertificateFile) && !files->has(kRejectionFile)) {
    return input_error("not_found",
                       concat(printable(dir.native(), 400),
                              ": neither ",
                              kCertificateFile,
                              " nor ",
                              kRejectionFile,
                              " is there; expected the folder of a verified run"));
  }
  Bundle bundle;
  for (const Part& part : kParts) {
    if (!files->has(part.name)) continue;
    GINN_ASSIGN(const Bytes bytes, files->read(part.name, part.limit));
    bundle.files[std::string(part.name)] = std::string(as_text(bytes));
  }
  std::string text = text_of(bundle);
  // Whoever reads it accepts UTF-8 only.
  if (const auto read = parse_bundle(as_bytes(text)); !read.ok()) {
    return input_error("bundle_form",
                       concat(printable(dir.native(), 400),
                              ": a file of the run is no text that a bundle can carry: ",
                              read.error().message));
  }
  return text;
}

Result<Bundle> parse_bundle(ByteView bytes) {
  const std::string_view text = as_text(bytes);
  GINN_ASSIGN(const Json json, crypto::parse_json(text, {.bytes = kMaxBundleBytes, .depth = 3}));
  GINN_ASSIGN(const std::string type, crypto::string_field(json, "type"));
  GINN_TRY(refuse_newer_type("bundle_version", "bundle", type, kBundleType));
  GINN_TRY(crypto::exact_fields(json, {"files", "type"}));
  if (type != kBundleType) {
    return input_error("bundle_type",
                       concat("bundle of type \"", printable(type), "\"; expected ", kBundleType));
  }
  const Json::Object* files = json.find("files")->as_object();
  if (files == nullptr) return input_error("json_field", "key \"files\": expected an object");
  Bundle bundle;
  for (const auto& [name, value] : *files) {
    const std::string* content = value.as_string();
    if (!is_part(name) || content == nullptr) {
      return input_error("bundle_file",
                         concat("bundle: \"",
                                printable(name, 80),
                                "\" is none of a bundle's files, or no text; expected ",
                                kCertificateFile,
                                " or ",
                                kRejectionFile,
                                ", ",
                                kJobFile,
                                ", ",
                                kTranscriptFile,
                                ", ",
                                kCollateralFile));
    }
    bundle.files[name] = *content;
  }
  if (text_of(bundle) != text) {
    return input_error("bundle_form", "the bundle is not canonical JSON (RFC 8785)");
  }
  return bundle;
}

Result<std::string> statement_payload(const Bundle& bundle, std::string_view name) {
  const auto found = bundle.files.find(std::string(name));
  if (found == bundle.files.end()) {
    return input_error("not_found", concat("the run has no ", name, "; name a finished run"));
  }
  GINN_ASSIGN(const crypto::Envelope envelope,
              crypto::parse_envelope(found->second, kMaxStatementBytes));
  return std::string(as_text(envelope.payload));
}

Outcome check_bundle(const Bundle& bundle,
                     const std::vector<fs::path>& models,
                     const RelyingParty& relying_party) {
  return check_files(std::unique_ptr<RunFiles>(std::make_unique<BundleFiles>(bundle, models)),
                     relying_party);
}

}  // namespace ginn::certificate
