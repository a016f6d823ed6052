#pragma once

#include <string_view>

namespace ginn::attest {

// The seed of the simulated TEE's signing key. Public on purpose: anybody can make simulated
// evidence.
inline constexpr std::string_view kSimulatedRootSeed = "simulated TEE: it proves nothing";
static_assert(kSimulatedRootSeed.size() == 32);

}  // namespace ginn::attest
