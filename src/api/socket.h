#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string_view>

namespace boost::asio::ssl {
class context;
}

namespace millrace::api {

/// A connection that bytes move on, with or without TLS. What fails, takes longer than `within`
/// said last or is closed by the other side is over: it reads nothing and writes nothing any more.
/// For one coroutine of one thread.
class Socket {
 public:
  Socket() = default;
  virtual ~Socket() = default;
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  /// From now on, whatever is waited for must have happened by then.
  virtual void within(std::chrono::milliseconds time) = 0;
  /// Says hello; nothing else comes before it.
  virtual boost::asio::awaitable<bool> open() = 0;
  /// Waits for bytes; 0 when it is over.
  virtual boost::asio::awaitable<std::size_t> read_some(boost::asio::mutable_buffer into) = 0;
  virtual boost::asio::awaitable<bool> write(std::string_view bytes) = 0;
  /// Says goodbye; what the other side still sends may be read after it, except through TLS.
  virtual boost::asio::awaitable<void> close() = 0;
  virtual boost::asio::ip::tcp::socket& raw() = 0;
};

std::unique_ptr<Socket> plain_socket(boost::asio::ip::tcp::socket socket);
/// `context` must outlive it.
std::unique_ptr<Socket> tls_socket(boost::asio::ip::tcp::socket socket,
                                   boost::asio::ssl::context& context);

}  // namespace millrace::api
