#pragma once

#include <sys/socket.h>

#include <string>

#include "base/result.h"

namespace ginn::protocol {

// What bind and connect take.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  int family() const { return storage.ss_family; }
  const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

enum class Use { kListen, kConnect };

// Names of hosts are looked up for kConnect only. Codes "bad_address", "cannot_connect".
Result<SocketAddress> parse_address(const std::string& address, Use use);

// "unix:PATH", "tcp:HOST:PORT", "vsock:CID:PORT".
std::string address_text(const SocketAddress& address);

}  // namespace ginn::protocol
