#pragma once

#include <string>

#include "protocol/stream.h"

namespace ginn::protocol {

inline constexpr size_t kMaxSocketPathBytes = 107;  // of sockaddr_un, without the final zero

// Addresses: "unix:PATH", "tcp:HOST:PORT" ("tcp:[::1]:7000" for IPv6; a listener needs a numeric
// host), "vsock:CID:PORT" ("vsock:any:PORT" to listen). TCP is neither secret nor protected against
// changes: over a network that is not trusted to carry the run, use a tunnel.

// A stream socket; owns its descriptor.
std::unique_ptr<Stream> socket_stream(int descriptor);

class Listener final : public Acceptor {
 public:
  // Codes "bad_address", "cannot_listen".
  static Result<Listener> create(const std::string& address);
  Listener(Listener&& other) noexcept
      : descriptor_(other.descriptor_), path_(std::move(other.path_)) {
    other.descriptor_ = -1;
  }
  Listener& operator=(Listener&&) = delete;
  ~Listener() override;  // removes a Unix socket's file
  Result<std::unique_ptr<Stream>> accept(const Idle& idle) override;
  // The address with the port that the system chose for port 0.
  std::string address() const;

 private:
  Listener(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  int descriptor_;
  std::string path_;  // of a Unix socket
};

// Codes "bad_address", "cannot_connect".
Result<std::unique_ptr<Stream>> connect(const std::string& address);

}  // namespace ginn::protocol
