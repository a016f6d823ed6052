#include "attest/verify/document.h"

#include "attest/verify/evidence.h"
#include "base/text.h"
#include "base/version.h"
#include "crypto/json.h"

namespace ginn::attest::verify {
namespace {

using crypto::Json;

constexpr std::string_view kChainName = "chain.pem";

// Null: no part has this name.
std::optional<Bytes> Collateral::*part_of(std::string_view name) {
  if (name == kChainName) return &Collateral::chain;
  for (const CollateralPart& part : kCollateralParts) {
    if (part.name == name) return part.part;
  }
  return nullptr;
}

void add_item(std::string_view name, const std::optional<Bytes>& bytes, Json::Object& items) {
  if (bytes) items[std::string(name)] = to_base64(*bytes);
}

Result<std::string> expect_type(const Json& json, const char* code, std::string_view expected) {
  GINN_ASSIGN(std::string type, crypto::string_field(json, "type"));
  GINN_TRY(refuse_newer_type(code, "document", type, expected));
  if (type == expected) return type;
  return input_error(code,
                     concat("document of type \"", printable(type), "\"; expected ", expected));
}

Status store_item(std::string_view name, const Json& value, Collateral& out) {
  const auto part = part_of(name);
  if (part == nullptr) {
    return input_error("collateral_item",
                       concat("collateral \"",
                              printable(name, 80),
                              "\" is no part of any kind's collateral; remove it"));
  }
  const std::string* text = value.as_string();
  if (text == nullptr) {
    return input_error("json_field", concat("collateral \"", name, "\": expected a text"));
  }
  GINN_ASSIGN(Bytes bytes, from_base64(*text));
  if (bytes.size() > kMaxCollateralBytes) {
    return input_error("collateral_too_large",
                       concat("collateral \"",
                              name,
                              "\" has ",
                              bytes.size(),
                              " bytes; at most ",
                              kMaxCollateralBytes));
  }
  out.*part = std::move(bytes);
  return ok_status();
}

}  // namespace

bool is_evidence_document(std::string_view text) {
  const auto json = crypto::parse_json(text, {.bytes = kMaxEvidenceBytes, .depth = 4});
  return json.ok() && json->find("type") != nullptr;
}

Result<EvidenceDocument> parse_evidence_document(std::string_view text) {
  GINN_ASSIGN(const Json json, crypto::parse_json(text, {.bytes = kMaxEvidenceBytes, .depth = 2}));
  GINN_TRY(crypto::exact_fields(json, {"evidence", "kind", "type"}));
  GINN_TRY(expect_type(json, "evidence_type", kEvidenceType));
  GINN_ASSIGN(const std::string name, crypto::string_field(json, "kind"));
  const std::optional<EvidenceKind> kind = parse_kind(name);
  if (!kind) {
    return input_error("evidence_kind",
                       concat("evidence of the kind \"", printable(name, 40), "\" is not known"));
  }
  EvidenceDocument document;
  document.kind = *kind;
  GINN_ASSIGN(const std::string bytes, crypto::string_field(json, "evidence"));
  GINN_ASSIGN(document.evidence, from_base64(bytes));
  if (document.evidence.size() > kMaxQuoteBytes) {
    return input_error(
        "evidence_too_large",
        concat("evidence has ", document.evidence.size(), " bytes; at most ", kMaxQuoteBytes));
  }
  if (crypto::canonical_json(json) != text) {
    return input_error("evidence_form", "the evidence document is not canonical JSON (RFC 8785)");
  }
  return document;
}

std::string evidence_document(const EvidenceDocument& document) {
  Json::Object json;
  json["evidence"] = to_base64(document.evidence);
  json["kind"] = kind_name(document.kind);
  json["type"] = kEvidenceType;
  return crypto::canonical_json(Json(std::move(json)));
}

Result<Collateral> parse_collateral_document(std::string_view text) {
  GINN_ASSIGN(const Json json,
              crypto::parse_json(text, {.bytes = kMaxCollateralDocumentBytes, .depth = 3}));
  GINN_TRY(crypto::exact_fields(json, {"items", "type"}));
  GINN_TRY(expect_type(json, "collateral_type", kCollateralType));
  const Json::Object* items = json.find("items")->as_object();
  if (items == nullptr) {
    return input_error("json_field", "key \"items\": expected an object");
  }
  Collateral collateral;
  for (const auto& [name, value] : *items) GINN_TRY(store_item(name, value, collateral));
  if (crypto::canonical_json(json) != text) {
    return input_error("collateral_form", "the collateral is not canonical JSON (RFC 8785)");
  }
  return collateral;
}

std::string collateral_document(const Collateral& collateral) {
  Json::Object items;
  add_item(kChainName, collateral.chain, items);
  for (const auto& [name, part] : kCollateralParts) add_item(name, collateral.*part, items);
  Json::Object json;
  json["items"] = std::move(items);
  json["type"] = kCollateralType;
  return crypto::canonical_json(Json(std::move(json)));
}

}  // namespace ginn::attest::verify
