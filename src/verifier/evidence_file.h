#pragma once

#include "verifier/replay.h"

namespace ginn::verifier {

// rejection-evidence.safetensors: for every parameter NAME the weights of the step ("weights/NAME",
// F32), the contribution received and the right one ("received/NAME", "expected/NAME", I16) with
// their exponents ("received.exponents", "expected.exponents", I8, in parameter order).
Result<Bytes> evidence_file(const training::Training& training, const Deviation& deviation);

}  // namespace ginn::verifier
