#include "protocol/socket_address.h"

#include <arpa/inet.h>
#include <linux/vm_sockets.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cstring>

#include "base/text.h"
#include "protocol/socket.h"

namespace ginn::protocol {
namespace {

static_assert(kMaxSocketPathBytes + 1 == sizeof(sockaddr_un::sun_path));

Error bad_address(const std::string& address, std::string_view expected) {
  return input_error("bad_address", concat("\"", printable(address), "\": expected ", expected));
}

template <typename T>
SocketAddress stored(const T& address) {
  SocketAddress out;
  static_assert(sizeof(T) <= sizeof(out.storage));
  std::memcpy(&out.storage, &address, sizeof(T));
  out.size = sizeof(T);
  return out;
}

Result<SocketAddress> unix_address(const std::string& address, std::string_view path) {
  sockaddr_un out{};
  out.sun_family = AF_UNIX;
  if (path.empty()) return bad_address(address, "unix:PATH");
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
  return stored(out);
}

Result<SocketAddress> tcp_address(const std::string& address, std::string_view rest, Use use) {
  constexpr std::string_view kForm = "tcp:HOST:PORT, or tcp:[HOST]:PORT for IPv6";
  const size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return bad_address(address, kForm);
  std::string_view host = rest.substr(0, colon);
  uint16_t port = 0;
  if (!parse_number(rest.substr(colon + 1), port)) return bad_address(address, kForm);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  if (use == Use::kListen) hints.ai_flags |= AI_NUMERICHOST | AI_PASSIVE;
  addrinfo* found = nullptr;
  const int failed =
      ::getaddrinfo(std::string(host).c_str(), std::to_string(port).c_str(), &hints, &found);
  if (failed != 0) {
    if (use == Use::kListen) {
      return bad_address(address, "a numeric host to listen on, such as tcp:127.0.0.1:7000");
    }
    return environment_error(
        "cannot_connect", concat(printable(address), ": no such host: ", ::gai_strerror(failed)));
  }
  SocketAddress out;
  std::memcpy(&out.storage, found->ai_addr, found->ai_addrlen);
  out.size = found->ai_addrlen;
  ::freeaddrinfo(found);
  return out;
}

Result<SocketAddress> vsock_address(const std::string& address, std::string_view rest, Use use) {
  sockaddr_vm out{};
  out.svm_family = AF_VSOCK;
  const size_t colon = rest.find(':');
  const std::string_view cid = rest.substr(0, colon);
  const bool any = cid == "any" && use == Use::kListen;
  if (any) out.svm_cid = VMADDR_CID_ANY;
  if (colon == std::string_view::npos || (!any && !parse_number(cid, out.svm_cid)) ||
      !parse_number(rest.substr(colon + 1), out.svm_port)) {
    return bad_address(address, "vsock:CID:PORT with numbers; vsock:any:PORT to listen");
  }
  return stored(out);
}

}  // namespace

Result<SocketAddress> parse_address(const std::string& address, Use use) {
  const std::string_view text(address);
  const size_t colon = text.find(':');
  const std::string_view scheme = text.substr(0, colon);
  const std::string_view rest =
      colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
  if (text.find('\0') != std::string_view::npos) {
    return bad_address(address, "no zero bytes");
  }
  if (scheme == "unix") return unix_address(address, rest);
  if (scheme == "tcp") return tcp_address(address, rest, use);
  if (scheme == "vsock") return vsock_address(address, rest, use);
  return bad_address(address, "unix:PATH, tcp:HOST:PORT or vsock:CID:PORT");
}

std::string address_text(const SocketAddress& address) {
  if (address.family() == AF_UNIX) {
    sockaddr_un name{};
    std::memcpy(&name, &address.storage, sizeof name);
    return concat("unix:", std::string_view(name.sun_path, ::strnlen(name.sun_path, 107)));
  }
  if (address.family() == AF_VSOCK) {
    sockaddr_vm name{};
    std::memcpy(&name, &address.storage, sizeof name);
    return concat("vsock:", name.svm_cid, ":", name.svm_port);
  }
  char host[NI_MAXHOST] = "";
  char port[NI_MAXSERV] = "";
  ::getnameinfo(address.raw(),
                address.size,
                host,
                sizeof host,
                port,
                sizeof port,
                NI_NUMERICHOST | NI_NUMERICSERV);
  const bool v6 = address.family() == AF_INET6;
  return concat("tcp:", v6 ? "[" : "", host, v6 ? "]" : "", ":", port);
}

}  // namespace ginn::protocol
