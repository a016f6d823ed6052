#include "attest/verify/hardware/intel/quote.h"

#include <algorithm>

#include "base/text.h"

namespace ginn::attest::verify {
namespace {

constexpr uint16_t kKeyEcdsaP256 = 2;
constexpr uint32_t kTeeSgx = 0, kTeeTdx = 0x81;
constexpr uint16_t kBodySgx = 1, kBodyTd10 = 2, kBodyTd15 = 3;  // version 5
constexpr uint16_t kCertificationPemChain = 5, kCertificationQeReport = 6;

struct Header {
  uint16_t version = 0;
  bool tdx = false;
  ByteView user_data;
};

Result<Header> parse_header(ByteReader& reader) {
  Header header;
  GINN_ASSIGN(header.version, reader.u16());
  if (header.version < 3 || header.version > 5) {
    return input_error("quote_version",
                       concat("quote of version ", header.version, "; known here: 3, 4 and 5"));
  }
  GINN_ASSIGN(const uint16_t key_type, reader.u16());
  if (key_type != kKeyEcdsaP256) {
    return input_error("quote_key_type",
                       concat("attestation key of type ", key_type, "; expected 2 (ECDSA P-256)"));
  }
  GINN_ASSIGN(const uint32_t tee, reader.u32());
  if (tee != kTeeSgx && (tee != kTeeTdx || header.version == 3)) {
    return input_error("quote_tee_type",
                       concat("TEE type ", tee, " in a quote of version ", header.version));
  }
  header.tdx = tee == kTeeTdx;
  // Version 3 has the security versions of QE and PCE here.
  GINN_ASSIGN(const uint32_t reserved, reader.u32());
  if (header.version > 3 && reserved != 0) {
    return input_error("quote_reserved", "quote header: the 4 bytes at offset 8 are not zero");
  }
  GINN_ASSIGN(const ByteView vendor, reader.take(kIntelQeVendor.size()));
  if (!std::equal(vendor.begin(), vendor.end(), kIntelQeVendor.begin())) {
    return input_error("quote_qe_vendor",
                       concat("quoting enclave of vendor ", to_hex(vendor), ", not Intel's"));
  }
  GINN_ASSIGN(header.user_data, reader.take(20));
  return header;
}

// Bytes of the body; reads version 5's description of it.
Result<size_t> body_size(ByteReader& reader, const Header& header) {
  if (header.version < 5) return header.tdx ? kTdReport10Bytes : kEnclaveReportBytes;
  GINN_ASSIGN(const uint16_t type, reader.u16());
  const bool known = header.tdx ? type == kBodyTd10 || type == kBodyTd15 : type == kBodySgx;
  if (!known) {
    return input_error(
        "quote_body_type",
        concat("body of type ", type, " in a quote of TEE type ", header.tdx ? "TDX" : "SGX"));
  }
  const size_t expected = type == kBodySgx    ? kEnclaveReportBytes
                          : type == kBodyTd10 ? kTdReport10Bytes
                                              : kTdReport15Bytes;
  GINN_ASSIGN(const uint32_t size, reader.u32());
  if (size != expected) {
    return input_error("quote_body_size",
                       concat("body of ", size, " bytes; type ", type, " has ", expected));
  }
  return expected;
}

// A type and a length that covers the rest of `reader`, which is returned.
Result<ByteView> certification(ByteReader& reader, uint16_t expected_type) {
  GINN_ASSIGN(const uint16_t type, reader.u16());
  if (type != expected_type) {
    return input_error("quote_certification_type",
                       concat("certification data of type ", type, "; expected ", expected_type));
  }
  GINN_ASSIGN(const uint32_t size, reader.u32());
  if (size != reader.remaining()) {
    return input_error("quote_certification_size",
                       concat("certification data of ",
                              size,
                              " bytes where ",
                              reader.remaining(),
                              " are left of the signature data"));
  }
  return reader.take(size);
}

Status parse_qe(ByteReader reader, Quote& quote) {
  GINN_ASSIGN(quote.qe_report_bytes, reader.take(kEnclaveReportBytes));
  GINN_ASSIGN(quote.qe_report, parse_enclave_report(quote.qe_report_bytes));
  GINN_ASSIGN(quote.qe_report_signature, reader.take(64));
  GINN_ASSIGN(const uint16_t auth_size, reader.u16());
  GINN_ASSIGN(quote.qe_auth_data, reader.take(auth_size));
  GINN_ASSIGN(quote.pck_chain, certification(reader, kCertificationPemChain));
  return ok_status();
}

Status parse_signature_data(ByteReader reader, Quote& quote) {
  GINN_ASSIGN(quote.signature, reader.take(64));
  GINN_ASSIGN(quote.attestation_key, reader.take(64));
  if (quote.version == 3) return parse_qe(reader, quote);
  GINN_ASSIGN(const ByteView inner, certification(reader, kCertificationQeReport));
  return parse_qe(ByteReader(inner), quote);
}

}  // namespace

Result<Quote> parse_quote(ByteView bytes) {
  ByteReader reader(bytes);
  GINN_ASSIGN(const Header header, parse_header(reader));
  Quote quote;
  quote.version = header.version;
  quote.qe_user_data = header.user_data;
  GINN_ASSIGN(const size_t size, body_size(reader, header));
  GINN_ASSIGN(const ByteView body, reader.take(size));
  if (header.tdx) {
    quote.report = parse_td_report(body);
  } else {
    GINN_ASSIGN(quote.report, parse_enclave_report(body));
  }
  quote.signed_bytes = bytes.first(reader.offset());
  GINN_ASSIGN(const uint32_t signature_size, reader.u32());
  GINN_ASSIGN(const ByteView signature_data, reader.take(signature_size));
  quote.trailing_bytes = reader.remaining();
  GINN_TRY(parse_signature_data(ByteReader(signature_data), quote));
  return quote;
}

}  // namespace ginn::attest::verify
