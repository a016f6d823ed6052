#include "attest/verify/document.h"

#include "attest/verify/evidence.h"
#include "base/text.h"
#include "crypto/json.h"

namespace ginn::attest::verify {
namespace {

using crypto::Json;

struct Item {
  std::string_view name;
  std::optional<Bytes> Collateral::*member;
};
constexpr Item kItems[] = {
    {"ak_pub.pem", &Collateral::ak_public},
    {"chain.pem", &Collateral::chain},
    {"hcl_report.bin", &Collateral::hcl_report},
    {"pck_crl.der", &Collateral::pck_crl},
    {"pck_crl_issuer_chain.pem", &Collateral::pck_crl_issuer_chain},
    {"pcrs_sha256.bin", &Collateral::tpm_pcrs},
    {"qe_identity.json", &Collateral::qe_identity},
    {"qe_identity_issuer_chain.pem", &Collateral::qe_identity_issuer_chain},
    {"root_ca_crl.der", &Collateral::root_ca_crl},
    {"tcb_info.json", &Collateral::tcb_info},
    {"tcb_info_issuer_chain.pem", &Collateral::tcb_info_issuer_chain},
    {"tpm_quote.msg", &Collateral::tpm_quote},
    {"tpm_quote.sig", &Collateral::tpm_signature},
};

Result<std::string> expect_type(const Json& json, const char* code, std::string_view expected) {
  GINN_ASSIGN(std::string type, crypto::string_field(json, "type"));
  if (type == expected) return type;
  return input_error(code,
                     concat("document of type \"", printable(type), "\"; expected ", expected));
}

Status store_item(std::string_view name, const Json& value, Collateral& out) {
  for (const Item& item : kItems) {
    if (item.name != name) continue;
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
    out.*item.member = std::move(bytes);
    return ok_status();
  }
  return input_error("collateral_item",
                     concat("collateral \"",
                            printable(name, 80),
                            "\" is no part of any kind's collateral; remove it"));
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
  for (const Item& item : kItems) {
    const std::optional<Bytes>& bytes = collateral.*item.member;
    if (bytes) items[std::string(item.name)] = to_base64(*bytes);
  }
  Json::Object json;
  json["items"] = std::move(items);
  json["type"] = kCollateralType;
  return crypto::canonical_json(Json(std::move(json)));
}

}  // namespace ginn::attest::verify
