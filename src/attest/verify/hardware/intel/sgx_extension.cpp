#include "attest/verify/hardware/intel/sgx_extension.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "attest/verify/hardware/der.h"
#include "base/text.h"

namespace ginn::attest::verify {
namespace {

constexpr char kExtension[] = "1.2.840.113741.1.13.1";
constexpr uint32_t kPceSvn = 17, kCpuSvn = 18;  // after the sixteen components

Error bad_extension(std::string message) {
  return input_error("sgx_extension", concat("SGX extension of the PCK: ", message));
}

// One { OBJECT IDENTIFIER, value } of a sequence; `arc` is what follows `prefix` in it.
struct Member {
  uint32_t arc = 0;
  DerReader value;
};

Result<Member> next_member(DerReader& sequence, std::string_view prefix) {
  GINN_ASSIGN(const ByteView pair, sequence.next(kDerSequence));
  DerReader reader(pair);
  GINN_ASSIGN(const ByteView identifier, reader.next(kDerOid));
  GINN_ASSIGN(const std::string oid, oid_text(identifier));
  if (!oid.starts_with(prefix) || oid.size() == prefix.size()) {
    return bad_extension(concat("member ", oid, "; expected one below ", prefix));
  }
  Member member{0, reader};
  const char* end = oid.data() + oid.size();
  const auto parsed = std::from_chars(oid.data() + prefix.size(), end, member.arc);
  if (parsed.ec != std::errc() || parsed.ptr != end) {
    return bad_extension(concat("member ", oid, "; expected one right below ", prefix));
  }
  return member;
}

template <size_t kCount>
Status take_octets(Member& member, std::array<uint8_t, kCount>& out) {
  GINN_ASSIGN(const ByteView octets, member.value.next(kDerOctetString));
  if (octets.size() != kCount) {
    return bad_extension(concat(octets.size(), " octets; expected ", kCount));
  }
  std::copy(octets.begin(), octets.end(), out.begin());
  return member.value.finish();
}

Status take_tcb_member(Member& member, SgxExtension& out) {
  if (member.arc == kCpuSvn) {
    std::array<uint8_t, 16> cpusvn{};
    return take_octets(member, cpusvn);
  }
  GINN_ASSIGN(const uint64_t value, member.value.next_integer());
  const bool is_pcesvn = member.arc == kPceSvn;
  if (member.arc < 1 || member.arc > kPceSvn || value > (is_pcesvn ? 0xffff : 0xff)) {
    return bad_extension(concat("TCB member ", member.arc, " is ", value));
  }
  if (is_pcesvn) {
    out.pcesvn = static_cast<uint16_t>(value);
  } else {
    out.components[member.arc - 1] = static_cast<uint8_t>(value);
  }
  return member.value.finish();
}

Status take_tcb(Member& outer, SgxExtension& out) {
  GINN_ASSIGN(const ByteView contents, outer.value.next(kDerSequence));
  GINN_TRY(outer.value.finish());
  DerReader sequence(contents);
  std::set<uint32_t> seen;
  while (!sequence.done()) {
    GINN_ASSIGN(Member member, next_member(sequence, concat(kExtension, ".2.")));
    GINN_TRY(take_tcb_member(member, out));
    if (!seen.insert(member.arc).second) {
      return bad_extension(concat("TCB member ", member.arc, " is there twice"));
    }
  }
  if (seen.size() != kCpuSvn) {
    return bad_extension(concat(seen.size(), " TCB members; expected ", kCpuSvn));
  }
  return ok_status();
}

}  // namespace

Result<SgxExtension> parse_sgx_extension(const Certificate& pck) {
  GINN_ASSIGN(const std::optional<Bytes> value, pck.extension(kExtension));
  if (!value) return bad_extension("absent");
  DerReader whole(*value);
  GINN_ASSIGN(const ByteView contents, whole.next(kDerSequence));
  GINN_TRY(whole.finish());
  SgxExtension out;
  DerReader sequence(contents);
  std::set<uint32_t> seen;
  while (!sequence.done()) {
    GINN_ASSIGN(Member member, next_member(sequence, concat(kExtension, '.')));
    if (!seen.insert(member.arc).second) {
      return bad_extension(concat("member ", member.arc, " is there twice"));
    }
    if (member.arc == 2) GINN_TRY(take_tcb(member, out));
    if (member.arc == 3) GINN_TRY(take_octets(member, out.pce_id));
    if (member.arc == 4) GINN_TRY(take_octets(member, out.fmspc));
  }
  for (const uint32_t needed : {2U, 3U, 4U}) {
    if (seen.count(needed) == 0) return bad_extension(concat("member ", needed, " is missing"));
  }
  return out;
}

}  // namespace ginn::attest::verify
