#include "attest/verify/hardware/amd/snp_key.h"

#include "attest/verify/hardware/der.h"
#include "base/text.h"

namespace ginn::attest::verify {
namespace {

// 1.3.6.1.4.1.3704.1 is AMD's arc of extensions.
constexpr const char* kProductOid = "1.3.6.1.4.1.3704.1.2";
constexpr const char* kBootloaderOid = "1.3.6.1.4.1.3704.1.3.1";
constexpr const char* kTeeOid = "1.3.6.1.4.1.3704.1.3.2";
constexpr const char* kSnpOid = "1.3.6.1.4.1.3704.1.3.3";
constexpr const char* kMicrocodeOid = "1.3.6.1.4.1.3704.1.3.8";
constexpr const char* kFmcOid = "1.3.6.1.4.1.3704.1.3.9";
constexpr const char* kHwidOid = "1.3.6.1.4.1.3704.1.4";
constexpr const char* kCspIdOid = "1.3.6.1.4.1.3704.1.5";

Error extension_error(const char* oid, std::string_view what) {
  return refused("vek_extension",
                 concat("the signing key's certificate: extension ", oid, ' ', what));
}

Result<Bytes> required(const Certificate& certificate, const char* oid) {
  GINN_ASSIGN(std::optional<Bytes> value, certificate.extension(oid));
  if (!value) return extension_error(oid, "is missing");
  return std::move(*value);
}

Result<uint8_t> svn(const Certificate& certificate, const char* oid) {
  GINN_ASSIGN(const Bytes value, required(certificate, oid));
  DerReader reader(value);
  GINN_ASSIGN(const uint64_t number, reader.next_integer());
  GINN_TRY(reader.finish());
  if (number > 0xff) return extension_error(oid, concat("is ", number, "; at most 255"));
  return static_cast<uint8_t>(number);
}

Result<std::string> ia5_text(ByteView value) {
  DerReader reader(value);
  GINN_ASSIGN(const ByteView text, reader.next(kDerIa5String));
  GINN_TRY(reader.finish());
  return std::string(as_text(text));
}

// "Milan", "Milan-B0", "Genoa", ...: the product line, then perhaps a stepping.
Result<SnpProduct> parse_product(const Certificate& certificate) {
  GINN_ASSIGN(const Bytes value, required(certificate, kProductOid));
  GINN_ASSIGN(const std::string name, ia5_text(value));
  const std::string line = name.substr(0, name.find('-'));
  for (const auto product : {SnpProduct::kMilan, SnpProduct::kGenoa, SnpProduct::kTurin}) {
    if (line == product_name(product)) return product;
  }
  return refused("vek_product",
                 concat("the signing key's certificate is for product \"",
                        printable(name, 40),
                        "\"; known here: Milan, Genoa, Turin"));
}

// The bytes themselves, or a DER OCTET STRING of them: AMD has issued both.
Result<Bytes> parse_hwid(ByteView value, SnpProduct product) {
  const size_t size = product == SnpProduct::kTurin ? 8 : 64;
  if (value.size() == size + 2) {
    DerReader reader(value);
    GINN_ASSIGN(value, reader.next(kDerOctetString));
  }
  if (value.size() != size) {
    return extension_error(
        kHwidOid, concat("has ", value.size(), " bytes; ", product_name(product), " has ", size));
  }
  return Bytes(value.begin(), value.end());
}

Result<SnpTcb> parse_tcb(const Certificate& certificate, SnpProduct product) {
  SnpTcb tcb;
  GINN_ASSIGN(tcb.bootloader, svn(certificate, kBootloaderOid));
  GINN_ASSIGN(tcb.tee, svn(certificate, kTeeOid));
  GINN_ASSIGN(tcb.snp, svn(certificate, kSnpOid));
  GINN_ASSIGN(tcb.microcode, svn(certificate, kMicrocodeOid));
  if (product == SnpProduct::kTurin) {
    GINN_ASSIGN(tcb.fmc, svn(certificate, kFmcOid));
  }
  return tcb;
}

}  // namespace

Result<SnpKey> parse_snp_key(const Certificate& certificate) {
  SnpKey key;
  const std::string name = certificate.subject_attribute("CN");
  if (name != "SEV-VCEK" && name != "SEV-VLEK") {
    return refused("vek_name",
                   concat("the first certificate is of \"",
                          printable(name, 40),
                          "\"; expected SEV-VCEK or SEV-VLEK"));
  }
  key.kind = name == "SEV-VCEK" ? SnpSigningKey::kVcek : SnpSigningKey::kVlek;
  GINN_ASSIGN(key.product, parse_product(certificate));
  GINN_ASSIGN(key.tcb, parse_tcb(certificate, key.product));
  if (key.kind == SnpSigningKey::kVcek) {
    GINN_ASSIGN(const Bytes value, required(certificate, kHwidOid));
    GINN_ASSIGN(key.hwid, parse_hwid(value, key.product));
  } else {
    GINN_ASSIGN(const Bytes value, required(certificate, kCspIdOid));
    GINN_ASSIGN(const std::string id, ia5_text(value));
    key.csp_id = printable(id);
  }
  return key;
}

}  // namespace ginn::attest::verify
