#include "publish/statements.h"

#include <algorithm>

#include "base/text.h"
#include "certificate/check/statement.h"
#include "certificate/issue/format.h"
#include "crypto/dsse.h"
#include "crypto/json.h"
#include "job/job.h"

namespace ginn::publish {
namespace {

using certificate::Subject;
using crypto::Json;

struct Signed {
  certificate::CertificateStatement statement;
  crypto::Digest certificate{};  // of the file
};

Result<Signed> read_certificate(const certificate::Bundle& bundle) {
  const std::string name(certificate::kCertificateFile);
  GINN_ASSIGN(const std::string payload, certificate::statement_payload(bundle, name));
  Signed out;
  out.certificate = crypto::sha256(as_bytes(bundle.files.at(name)));
  GINN_ASSIGN(out.statement, certificate::parse_certificate_statement(payload));
  return out;
}

Json digest_json(const crypto::Digest& digest) {
  Json::Object out;
  out["sha256"] = crypto::hex(digest);
  return out;
}

Json file_json(std::string_view name, const crypto::Digest& digest) {
  Json::Object out;
  out["name"] = name;
  out["digest"] = digest_json(digest);
  return out;
}

Json envelope_json(const EcdsaKey& key, std::string_view key_id, Json statement) {
  const std::string payload = crypto::canonical_json(statement);
  const std::string signed_text = concat("DSSEv1 ",
                                         certificate::kStatementPayloadType.size(),
                                         " ",
                                         certificate::kStatementPayloadType,
                                         " ",
                                         payload.size(),
                                         " ",
                                         payload);
  Json::Object signature;
  signature["keyid"] = key_id;
  signature["sig"] = to_base64(key.sign(as_bytes(signed_text)));
  Json::Object out;
  out["payload"] = to_base64(as_bytes(payload));
  out["payloadType"] = certificate::kStatementPayloadType;
  out["signatures"] = Json::Array{Json(std::move(signature))};
  return out;
}

Json statement_json(Json::Array subjects, std::string_view predicate_type, Json::Object predicate) {
  Json::Object out;
  out["_type"] = certificate::kStatementType;
  out["subject"] = std::move(subjects);
  out["predicateType"] = predicate_type;
  out["predicate"] = std::move(predicate);
  return out;
}

// What model-signing calls the hint of a key: SHA-256 of its PEM text.
std::string key_hint(const EcdsaKey& key) {
  return crypto::hex(crypto::sha256(as_bytes(key.public_pem())));
}

}  // namespace

Result<std::string> model_signature(const certificate::Bundle& bundle, const EcdsaKey& key) {
  GINN_ASSIGN(const Signed run, read_certificate(bundle));
  std::vector<Subject> files = run.statement.head.subjects;
  files.push_back({std::string(certificate::kCertificateFile), run.certificate});
  std::sort(
      files.begin(), files.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  Json::Array resources;
  crypto::Sha256 root;
  for (const Subject& file : files) {
    root.update(file.sha256);
    Json::Object resource;
    resource["name"] = file.name;
    resource["algorithm"] = "sha256";
    resource["digest"] = crypto::hex(file.sha256);
    resources.emplace_back(std::move(resource));
  }
  Json::Object serialization;
  serialization["method"] = "files";
  serialization["hash_type"] = "sha256";
  serialization["allow_symlinks"] = false;
  serialization["ignore_paths"] = Json::Array{Json(kModelSignatureFile)};
  Json::Object predicate;
  predicate["serialization"] = std::move(serialization);
  predicate["resources"] = std::move(resources);
  Json statement = statement_json({file_json("model", root.finish())},
                                  "https://model_signing/signature/v1.0",
                                  std::move(predicate));
  Json::Object public_key;
  public_key["hint"] = key_hint(key);
  Json::Object material;
  material["publicKey"] = std::move(public_key);
  material["tlogEntries"] = Json::Array{};
  Json::Object out;
  out["mediaType"] = "application/vnd.dev.sigstore.bundle.v0.3+json";
  out["verificationMaterial"] = std::move(material);
  out["dsseEnvelope"] = envelope_json(key, "", std::move(statement));
  return crypto::canonical_json(Json(std::move(out)));
}

Result<std::string> slsa_provenance(const certificate::Bundle& bundle, const EcdsaKey& key) {
  GINN_ASSIGN(const Signed run, read_certificate(bundle));
  GINN_ASSIGN(const job::Job job, job::parse(run.statement.head.job));
  Json::Object parameters;
  GINN_ASSIGN(parameters["job"], crypto::parse_json(run.statement.head.job));
  Json::Object root;
  root["ginnDatasetRoot"] = crypto::hex(job.data.root());
  Json::Object data;
  data["name"] = "training data";
  data["digest"] = std::move(root);
  Json::Object definition;
  definition["buildType"] = "urn:ginn:build-type:verified-training:v1";
  definition["externalParameters"] = std::move(parameters);
  Json::Array dependencies{Json(std::move(data))};
  if (job.weights) dependencies.push_back(file_json("start weights", job.weights->sha256));
  definition["resolvedDependencies"] = std::move(dependencies);
  Json::Object version;
  version["ginn-verifier"] = run.statement.head.version;
  Json::Object builder;
  builder["id"] = "urn:ginn:builder:ginn-verifier";
  builder["version"] = std::move(version);
  Json::Object metadata;
  metadata["invocationId"] = certificate::key_text(run.statement.head.key);
  Json::Object details;
  details["builder"] = std::move(builder);
  details["metadata"] = std::move(metadata);
  details["byproducts"] = Json::Array{file_json(certificate::kCertificateFile, run.certificate)};
  Json::Object predicate;
  predicate["buildDefinition"] = std::move(definition);
  predicate["runDetails"] = std::move(details);
  Json::Array subjects;
  for (const Subject& subject : run.statement.head.subjects) {
    subjects.push_back(file_json(subject.name, subject.sha256));
  }
  Json statement =
      statement_json(std::move(subjects), "https://slsa.dev/provenance/v1", std::move(predicate));
  return crypto::canonical_json(envelope_json(key, key_hint(key), std::move(statement)));
}

}  // namespace ginn::publish
