#include "attest/verify/hardware/intel/tcb_info.h"

#include <algorithm>

#include "base/text.h"

namespace ginn::attest::verify {
namespace {

constexpr char kTcbForm[] = "tcb_info_form";
constexpr char kQeForm[] = "qe_identity_form";
constexpr size_t kMaxLevels = 256, kMaxModules = 64, kMaxAdvisories = 256;
constexpr size_t kMaxAdvisoryLength = 64;

Result<TcbStatus> status_of(const JsonMembers& level) {
  GINN_ASSIGN(const std::string name, level.text("tcbStatus"));
  const auto status = parse_tcb_status(name);
  if (!status) return level.wrong("tcbStatus", "a status that Intel defines");
  return *status;
}

// Absent means none.
Result<std::vector<std::string>> advisories_of(const crypto::Json& object,
                                               const JsonMembers& level) {
  std::vector<std::string> names;
  if (object.find("advisoryIDs") == nullptr) return names;
  GINN_ASSIGN(const crypto::Json::Array* list, level.array("advisoryIDs", kMaxAdvisories));
  for (const crypto::Json& item : *list) {
    const std::string* name = item.as_string();
    if (name == nullptr || name->empty() || name->size() > kMaxAdvisoryLength) {
      return level.wrong("advisoryIDs", "a list of names");
    }
    names.push_back(printable(*name));
  }
  return names;
}

Result<Components> components(const JsonMembers& tcb, std::string_view key) {
  GINN_ASSIGN(const crypto::Json::Array* list, tcb.array(key, 16));
  Components out{};
  if (list->size() != out.size()) return tcb.wrong(key, "16 components");
  for (size_t i = 0; i < out.size(); ++i) {
    if ((*list)[i].as_object() == nullptr) return tcb.wrong(key, "a list of objects");
    GINN_ASSIGN(const uint64_t svn, JsonMembers((*list)[i], kTcbForm).integer("svn", 255));
    out[i] = static_cast<uint8_t>(svn);
  }
  return out;
}

Result<TcbLevel> tcb_level(const crypto::Json& json, bool tdx) {
  const JsonMembers level(json, kTcbForm);
  GINN_ASSIGN(const crypto::Json* object, level.object("tcb"));
  const JsonMembers tcb(*object, kTcbForm);
  TcbLevel out;
  GINN_ASSIGN(out.sgx, components(tcb, "sgxtcbcomponents"));
  GINN_ASSIGN(const uint64_t pcesvn, tcb.integer("pcesvn", 0xffff));
  out.pcesvn = static_cast<uint16_t>(pcesvn);
  if (tdx) {
    GINN_ASSIGN(out.tdx, components(tcb, "tdxtcbcomponents"));
  }
  GINN_ASSIGN(out.status, status_of(level));
  GINN_ASSIGN(out.advisories, advisories_of(json, level));
  return out;
}

Result<std::vector<SvnLevel>> svn_levels(const JsonMembers& object, const char* form_code) {
  GINN_ASSIGN(const crypto::Json::Array* list, object.array("tcbLevels", kMaxLevels));
  std::vector<SvnLevel> out;
  for (const crypto::Json& json : *list) {
    const JsonMembers level(json, form_code);
    GINN_ASSIGN(const crypto::Json* tcb, level.object("tcb"));
    SvnLevel one;
    GINN_ASSIGN(const uint64_t isvsvn, JsonMembers(*tcb, form_code).integer("isvsvn", 0xffff));
    one.isvsvn = static_cast<uint16_t>(isvsvn);
    GINN_ASSIGN(one.status, status_of(level));
    GINN_ASSIGN(one.advisories, advisories_of(json, level));
    out.push_back(std::move(one));
  }
  return out;
}

Result<TdxModule> tdx_module(const crypto::Json& json) {
  const JsonMembers members(json, kTcbForm);
  TdxModule out;
  GINN_ASSIGN(out.mrsigner, members.hex("mrsigner", 48));
  GINN_ASSIGN(out.attributes, members.hex("attributes", 8));
  GINN_ASSIGN(out.attributes_mask, members.hex("attributesMask", 8));
  return out;
}

Result<std::vector<TdxModule>> tdx_modules(const crypto::Json& json, const JsonMembers& members) {
  std::vector<TdxModule> out;
  GINN_ASSIGN(const crypto::Json* first, members.object("tdxModule"));
  GINN_ASSIGN(TdxModule base, tdx_module(*first));
  out.push_back(std::move(base));
  if (json.find("tdxModuleIdentities") == nullptr) return out;
  GINN_ASSIGN(const crypto::Json::Array* list, members.array("tdxModuleIdentities", kMaxModules));
  for (const crypto::Json& item : *list) {
    const JsonMembers identity(item, kTcbForm);
    GINN_ASSIGN(TdxModule one, tdx_module(item));
    GINN_ASSIGN(one.id, identity.text("id"));
    GINN_ASSIGN(one.levels, svn_levels(identity, kTcbForm));
    const bool twice = std::any_of(
        out.begin(), out.end(), [&](const TdxModule& other) { return other.id == one.id; });
    if (one.id.empty() || twice) return members.wrong("tdxModuleIdentities", "one entry an id");
    out.push_back(std::move(one));
  }
  return out;
}

Result<IntelDocument> document(const JsonMembers& members, const SignedJson& signed_json) {
  IntelDocument out;
  GINN_ASSIGN(out.issued, members.time("issueDate"));
  GINN_ASSIGN(out.next_update, members.time("nextUpdate"));
  GINN_ASSIGN(out.evaluation, members.integer("tcbEvaluationDataNumber", 0xffffffff));
  const ByteView text = as_bytes(signed_json.signed_text);
  out.signed_text.assign(text.begin(), text.end());
  out.signature = signed_json.signature;
  return out;
}

Status require_version(const JsonMembers& members, uint64_t expected) {
  GINN_ASSIGN(const uint64_t version, members.integer("version", 1000));
  if (version != expected) return members.wrong("version", concat(expected));
  return ok_status();
}

}  // namespace

Result<TcbInfo> parse_tcb_info(ByteView json) {
  GINN_ASSIGN(const SignedJson body, parse_signed_json(as_text(json), "tcbInfo", kTcbForm));
  const JsonMembers members(body.value, kTcbForm);
  TcbInfo out;
  GINN_ASSIGN(const std::string id, members.text("id"));
  if (id != "SGX" && id != "TDX") return members.wrong("id", "SGX or TDX");
  out.tdx = id == "TDX";
  GINN_TRY(require_version(members, 3));
  GINN_ASSIGN(const uint64_t tcb_type, members.integer("tcbType", 1000));
  if (tcb_type != 0) return members.wrong("tcbType", "0");
  GINN_ASSIGN(out.document, document(members, body));
  GINN_ASSIGN(out.fmspc, members.hex("fmspc", 6));
  GINN_ASSIGN(out.pce_id, members.hex("pceId", 2));
  if (out.tdx) {
    GINN_ASSIGN(out.modules, tdx_modules(body.value, members));
  }
  GINN_ASSIGN(const crypto::Json::Array* levels, members.array("tcbLevels", kMaxLevels));
  for (const crypto::Json& level : *levels) {
    GINN_ASSIGN(TcbLevel parsed, tcb_level(level, out.tdx));
    out.levels.push_back(std::move(parsed));
  }
  return out;
}

Result<QeIdentity> parse_qe_identity(ByteView json) {
  GINN_ASSIGN(const SignedJson body, parse_signed_json(as_text(json), "enclaveIdentity", kQeForm));
  const JsonMembers members(body.value, kQeForm);
  QeIdentity out;
  GINN_ASSIGN(const std::string id, members.text("id"));
  if (id != "QE" && id != "TD_QE") return members.wrong("id", "QE or TD_QE");
  out.tdx = id == "TD_QE";
  GINN_TRY(require_version(members, 2));
  GINN_ASSIGN(out.document, document(members, body));
  GINN_ASSIGN(const Bytes miscselect, members.hex("miscselect", 4));
  GINN_ASSIGN(const Bytes mask, members.hex("miscselectMask", 4));
  // In the order of the report's bytes, as the attributes are.
  std::memcpy(&out.miscselect, miscselect.data(), 4);
  std::memcpy(&out.miscselect_mask, mask.data(), 4);
  GINN_ASSIGN(out.attributes, members.hex("attributes", 16));
  GINN_ASSIGN(out.attributes_mask, members.hex("attributesMask", 16));
  GINN_ASSIGN(out.mrsigner, members.hex("mrsigner", 32));
  GINN_ASSIGN(const uint64_t isvprodid, members.integer("isvprodid", 0xffff));
  out.isvprodid = static_cast<uint16_t>(isvprodid);
  GINN_ASSIGN(out.levels, svn_levels(members, kQeForm));
  return out;
}

}  // namespace ginn::attest::verify
