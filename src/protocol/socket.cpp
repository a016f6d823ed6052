#include "protocol/socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "base/text.h"
#include "protocol/socket_address.h"

namespace ginn::protocol {
namespace {

constexpr int kIdleMs = 200;

Error system_error(const char* code, const std::string& what) {
  return environment_error(code, concat(what, ": ", std::strerror(errno)));
}

// Waits until `descriptor` can be read, calling `idle` between waits.
Status wait_readable(int descriptor, const Idle& idle) {
  for (;;) {
    pollfd item{descriptor, POLLIN, 0};
    const int ready = ::poll(&item, 1, kIdleMs);
    if (ready > 0) return ok_status();
    if (ready < 0 && errno != EINTR) return system_error("peer_gone", "waiting for the peer");
    if (idle) GINN_TRY(idle());
  }
}

class SocketStream final : public Stream {
 public:
  explicit SocketStream(int descriptor) : descriptor_(descriptor) {
    const timeval wait{0, kIdleMs * 1000};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  }
  ~SocketStream() override { ::close(descriptor_); }
  SocketStream(const SocketStream&) = delete;
  SocketStream& operator=(const SocketStream&) = delete;

  Status write(std::span<const ByteView> parts) override {
    std::vector<iovec> left;
    for (ByteView part : parts) left.push_back({const_cast<uint8_t*>(part.data()), part.size()});
    msghdr message{};
    message.msg_iov = left.data();
    message.msg_iovlen = left.size();
    while (message.msg_iovlen > 0) {
      const ssize_t sent = ::sendmsg(descriptor_, &message, MSG_NOSIGNAL);
      if (sent < 0) {
        if (errno == EINTR) continue;
        return system_error("peer_gone", "the peer does not take it");
      }
      advance(message, static_cast<size_t>(sent));
    }
    return ok_status();
  }

  bool writable() const override {
    pollfd item{descriptor_, POLLOUT, 0};
    return ::poll(&item, 1, 0) > 0 && (item.revents & POLLOUT) != 0;
  }

  Result<size_t> read(std::span<uint8_t> out, const Idle& idle) override {
    for (;;) {
      // All of it in one call, where it comes within the time: a frame comes in many pieces.
      const ssize_t got = ::recv(descriptor_, out.data(), out.size(), MSG_WAITALL);
      if (got >= 0) return static_cast<size_t>(got);
      // A reset is the end of the stream too: the peer closed before it had read all of ours.
      if (errno == ECONNRESET) return size_t{0};
      if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
        return system_error("peer_gone", "receiving");
      }
      if (idle) GINN_TRY(idle());
    }
  }

  bool readable() const override {
    pollfd item{descriptor_, POLLIN, 0};
    return ::poll(&item, 1, 0) > 0;
  }

  void finish_writing() override { ::shutdown(descriptor_, SHUT_WR); }

 private:
  static void advance(msghdr& message, size_t sent) {
    while (message.msg_iovlen > 0 && sent >= message.msg_iov[0].iov_len) {
      sent -= message.msg_iov[0].iov_len;
      ++message.msg_iov;
      --message.msg_iovlen;
    }
    if (message.msg_iovlen == 0) return;
    message.msg_iov[0].iov_base = static_cast<uint8_t*>(message.msg_iov[0].iov_base) + sent;
    message.msg_iov[0].iov_len -= sent;
  }

  const int descriptor_;
};

// A peer whose machine vanished is noticed within a minute or so, and frames leave at once.
void tune_tcp(int descriptor, int family) {
  if (family != AF_INET && family != AF_INET6) return;
  const auto set = [&](int level, int option, int value) {
    ::setsockopt(descriptor, level, option, &value, sizeof value);
  };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 20);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 10);
  set(IPPROTO_TCP, TCP_KEEPCNT, 4);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, 60'000);
  set(IPPROTO_TCP, TCP_NODELAY, 1);
}

Error listen_error(const std::string& address, int family) {
  const bool left_over = errno == EADDRINUSE && family == AF_UNIX;
  Error error = system_error("cannot_listen", concat("listening on ", printable(address)));
  if (left_over) {
    error.message +=
        "; another verifier listens there, or one that was killed left the file: if none runs, "
        "remove the file";
  }
  return error;
}

}  // namespace

std::unique_ptr<Stream> socket_stream(int descriptor) {
  return std::make_unique<SocketStream>(descriptor);
}

Result<Listener> Listener::create(const std::string& address) {
  GINN_ASSIGN(const SocketAddress name, parse_address(address, Use::kListen));
  const int descriptor = ::socket(name.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return system_error("cannot_listen", "opening a socket");
  const int on = 1;
  if (name.family() != AF_UNIX) {
    ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  }
  if (::bind(descriptor, name.raw(), name.size) != 0 || ::listen(descriptor, 4) != 0) {
    const Error error = listen_error(address, name.family());
    ::close(descriptor);
    return error;
  }
  const bool has_file = name.family() == AF_UNIX;
  return Listener(descriptor, has_file ? address.substr(address.find(':') + 1) : "");
}

Listener::~Listener() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  if (!path_.empty()) ::unlink(path_.c_str());
}

std::string Listener::address() const {
  SocketAddress bound;
  bound.size = sizeof bound.storage;
  ::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&bound.storage), &bound.size);
  return address_text(bound);
}

Result<std::unique_ptr<Stream>> Listener::accept(const Idle& idle) {
  for (;;) {
    GINN_TRY(wait_readable(descriptor_, idle));
    SocketAddress peer;
    peer.size = sizeof peer.storage;
    const int descriptor = ::accept4(
        descriptor_, reinterpret_cast<sockaddr*>(&peer.storage), &peer.size, SOCK_CLOEXEC);
    if (descriptor >= 0) {
      tune_tcp(descriptor, peer.family());
      // A peer that does not read must not hold up whoever accepted it for ever.
      const timeval patience{60, 0};
      ::setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
      return socket_stream(descriptor);
    }
    if (errno != EINTR && errno != ECONNABORTED) {
      return system_error("cannot_listen", "accepting a connection");
    }
  }
}

Result<std::unique_ptr<Stream>> connect(const std::string& address) {
  GINN_ASSIGN(const SocketAddress name, parse_address(address, Use::kConnect));
  const int descriptor = ::socket(name.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return system_error("cannot_connect", "opening a socket");
  if (::connect(descriptor, name.raw(), name.size) != 0) {
    Error error =
        system_error("cannot_connect", concat("connecting to a verifier at ", printable(address)));
    error.message += "; start ginn-verifier there first";
    ::close(descriptor);
    return error;
  }
  tune_tcp(descriptor, name.family());
  return socket_stream(descriptor);
}

}  // namespace ginn::protocol
