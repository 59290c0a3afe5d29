#include "api/socket.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/tcp_stream.hpp>

namespace millrace::api {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::beast::tcp_stream;
using boost::system::error_code;

template <class Stream>
class SocketOf : public Socket {
 public:
  template <class... Parts>
  explicit SocketOf(Parts&&... parts) : stream_(std::forward<Parts>(parts)...) {}

  void within(std::chrono::milliseconds time) override { lowest().expires_after(time); }

  asio::awaitable<std::size_t> read_some(asio::mutable_buffer into) override {
    error_code problem;
    const std::size_t got =
        co_await stream_.async_read_some(into, asio::redirect_error(asio::use_awaitable, problem));
    co_return problem ? 0 : got;
  }

  asio::awaitable<bool> write(std::string_view bytes) override {
    error_code problem;
    co_await asio::async_write(stream_, asio::buffer(bytes),
                               asio::redirect_error(asio::use_awaitable, problem));
    co_return !problem;
  }

  tcp::socket& raw() override { return lowest().socket(); }

 protected:
  Stream& stream() { return stream_; }
  tcp_stream& lowest() { return boost::beast::get_lowest_layer(stream_); }

 private:
  Stream stream_;
};

class PlainSocket : public SocketOf<tcp_stream> {
 public:
  using SocketOf::SocketOf;
  asio::awaitable<bool> open() override { co_return true; }
  asio::awaitable<void> close() override {
    error_code ignored;
    raw().shutdown(tcp::socket::shutdown_send, ignored);
    co_return;
  }
};

class TlsSocket : public SocketOf<asio::ssl::stream<tcp_stream>> {
 public:
  using SocketOf::SocketOf;
  asio::awaitable<bool> open() override {
    error_code problem;
    co_await stream().async_handshake(asio::ssl::stream_base::server,
                                      asio::redirect_error(asio::use_awaitable, problem));
    co_return !problem;
  }
  asio::awaitable<void> close() override {
    error_code ignored;
    co_await stream().async_shutdown(asio::redirect_error(asio::use_awaitable, ignored));
  }
};

}  // namespace

std::unique_ptr<Socket> plain_socket(tcp::socket socket) {
  return std::make_unique<PlainSocket>(std::move(socket));
}

std::unique_ptr<Socket> tls_socket(tcp::socket socket, asio::ssl::context& context) {
  return std::make_unique<TlsSocket>(std::move(socket), context);
}

}  // namespace millrace::api
