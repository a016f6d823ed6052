#include "protocol/connection.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/text.h"

namespace ginn::protocol {
namespace {

constexpr int kIdleMs = 200;
constexpr std::string_view kScheme = "unix:";
static_assert(kMaxSocketPathBytes + 1 == sizeof(sockaddr_un::sun_path));

Result<sockaddr_un> unix_address(const std::string& address) {
  sockaddr_un out{};
  out.sun_family = AF_UNIX;
  if (!address.starts_with(kScheme) || address.size() == kScheme.size()) {
    return input_error("bad_address", concat("\"", printable(address), "\": expected unix:PATH"));
  }
  const std::string path = address.substr(kScheme.size());
  if (path.size() > kMaxSocketPathBytes) {
    return input_error("bad_address",
                       concat("the socket's path has ",
                              path.size(),
                              " bytes; at most ",
                              kMaxSocketPathBytes,
                              " are possible: ",
                              printable(path)));
  }
  std::memcpy(out.sun_path, path.data(), path.size());
  return out;
}

Error system_error(const char* code, const std::string& what) {
  return environment_error(code, concat(what, ": ", std::strerror(errno)));
}

// Waits until `descriptor` can be read, calling `idle` between waits.
Status wait_readable(int descriptor, const Connection::Idle& idle) {
  for (;;) {
    pollfd item{descriptor, POLLIN, 0};
    const int ready = ::poll(&item, 1, kIdleMs);
    if (ready > 0) return ok_status();
    if (ready < 0 && errno != EINTR) return system_error("peer_gone", "waiting for the peer");
    if (idle) GINN_TRY(idle());
  }
}

}  // namespace

Connection& Connection::operator=(Connection&& other) noexcept {
  if (this != &other) {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = other.descriptor_;
    other.descriptor_ = -1;
  }
  return *this;
}

Connection::~Connection() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Status Connection::send(FrameType type, ByteView payload) { return send(type, payload, {}); }

Status Connection::send(FrameType type, ByteView first, ByteView second) {
  const auto header = frame_header(type, static_cast<uint32_t>(first.size() + second.size()));
  iovec parts[3] = {{const_cast<uint8_t*>(header.data()), header.size()},
                    {const_cast<uint8_t*>(first.data()), first.size()},
                    {const_cast<uint8_t*>(second.data()), second.size()}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 3;
  while (message.msg_iovlen > 0) {
    const ssize_t sent = ::sendmsg(descriptor_, &message, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      return system_error("peer_gone", concat("sending a ", frame_name(type), " frame"));
    }
    size_t left = static_cast<size_t>(sent);
    while (message.msg_iovlen > 0 && left >= message.msg_iov[0].iov_len) {
      left -= message.msg_iov[0].iov_len;
      ++message.msg_iov;
      --message.msg_iovlen;
    }
    if (message.msg_iovlen > 0) {
      message.msg_iov[0].iov_base = static_cast<uint8_t*>(message.msg_iov[0].iov_base) + left;
      message.msg_iov[0].iov_len -= left;
    }
  }
  return ok_status();
}

bool Connection::try_send(FrameType type, ByteView payload) {
  pollfd item{descriptor_, POLLOUT, 0};
  if (::poll(&item, 1, 0) <= 0 || (item.revents & POLLOUT) == 0) return false;
  return send(type, payload).ok();
}

Status Connection::receive(std::span<uint8_t> out, const Idle& idle) {
  size_t have = 0;
  while (have < out.size()) {
    GINN_TRY(wait_readable(descriptor_, idle));
    ssize_t got = ::recv(descriptor_, out.data() + have, out.size() - have, 0);
    // A reset is the end of the stream too: the peer closed before it had read all of ours.
    if (got < 0 && errno == ECONNRESET) got = 0;
    if (got < 0) {
      if (errno == EINTR) continue;
      return system_error("peer_gone", "receiving");
    }
    if (got == 0) {
      if (have == 0) return refused("peer_closed", "the peer closed the connection");
      return refused("frame_truncated",
                     concat("the stream ended after ", have, " of ", out.size(), " bytes"));
    }
    have += static_cast<size_t>(got);
  }
  return ok_status();
}

Result<FrameType> Connection::receive_frame(size_t contribution_bytes,
                                            Bytes& payload,
                                            const Idle& idle) {
  std::array<uint8_t, kHeaderBytes> bytes;
  GINN_TRY(receive(bytes, idle));
  GINN_ASSIGN(const FrameHeader header, parse_header(bytes, contribution_bytes));
  payload.resize(header.length);
  if (header.length > 0) {
    Status status = receive(payload, idle);
    if (!status.ok()) {
      if (std::string_view(status.error().code) != "peer_closed") return status.error();
      return refused("frame_truncated",
                     concat("the stream ended inside a ", frame_name(header.type), " frame"));
    }
  }
  return header.type;
}

bool Connection::readable() const {
  pollfd item{descriptor_, POLLIN, 0};
  return ::poll(&item, 1, 0) > 0;
}

void Connection::finish_sending() { ::shutdown(descriptor_, SHUT_WR); }

namespace {

Error listen_error(std::string_view path) {
  const bool in_use = errno == EADDRINUSE;
  Error error = system_error("cannot_listen", concat("listening on ", printable(path)));
  if (in_use) {
    error.message +=
        "; another verifier listens there, or one that was killed left the file: if none runs, "
        "remove the file";
  }
  return error;
}

}  // namespace

Result<Listener> Listener::create(const std::string& address) {
  GINN_ASSIGN(const sockaddr_un name, unix_address(address));
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return system_error("cannot_listen", "opening a socket");
  if (::bind(descriptor, reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0 ||
      ::listen(descriptor, 1) != 0) {
    const Error error = listen_error(name.sun_path);
    ::close(descriptor);
    return error;
  }
  return Listener(descriptor, name.sun_path);
}

Listener::~Listener() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(path_.c_str());
}

Result<Connection> Listener::accept(const Connection::Idle& idle) {
  GINN_TRY(wait_readable(descriptor_, idle));
  const int descriptor = ::accept4(descriptor_, nullptr, nullptr, SOCK_CLOEXEC);
  if (descriptor < 0) return system_error("cannot_listen", "accepting a connection");
  return Connection(descriptor);
}

Result<Connection> connect(const std::string& address) {
  GINN_ASSIGN(const sockaddr_un name, unix_address(address));
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return system_error("cannot_connect", "opening a socket");
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) {
    Error error = system_error("cannot_connect",
                               concat("connecting to a verifier at ", printable(name.sun_path)));
    error.message += "; start ginn-verifier there first";
    ::close(descriptor);
    return error;
  }
  return Connection(descriptor);
}

}  // namespace ginn::protocol
