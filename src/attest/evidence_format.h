#pragma once

#include <string_view>

namespace ginn::attest {

// Simulated evidence is a DSSE envelope of this payload type around
// {"kind": .., "measurement": 64 hex digits, "note": .., "report_data": 128 hex digits}.
inline constexpr std::string_view kSimulatedPayloadType =
    "application/vnd.ginn.simulated-evidence.v1+json";
inline constexpr std::string_view kSimulatedKind = "simulated";
inline constexpr std::string_view kSimulatedNote = "SIMULATED: proves nothing";

}  // namespace ginn::attest
