#pragma once

#include "verifier/replay.h"

namespace ginn::verifier {

// rejection-evidence.safetensors: for every parameter NAME the weights of the step ("weights/NAME",
// F32), the contribution received and the right one ("received/NAME", "expected/NAME", I16) with
// their exponents ("received.exponents", "expected.exponents", I8, in parameter order); and, so
// that nothing else is needed to compute it again, the microbatch's raw records in their order
// ("records", bytes as I8) with their Merkle paths one after the other ("record_paths", [n, 32]).
// The last two are left out where the records are larger than kMaxEvidenceRecords or cannot be read
// any more: a host that withholds them must not prevent the rejection.
Result<Bytes> evidence_file(const training::Training& training,
                            const data::RecordSource& records,
                            const Deviation& deviation);
inline constexpr size_t kMaxEvidenceRecords = size_t{1} << 26;

}  // namespace ginn::verifier
