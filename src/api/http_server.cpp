#include <fmt/format.h>
#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <charconv>
#include <condition_variable>
#include <list>
#include <mutex>
#include <optional>
#include <thread>

#include "api/http.h"
#include "base/error.h"
#include "base/log.h"

namespace millrace::api {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using Message = http::request<http::string_body>;

constexpr unsigned kHttp11 = 11;
constexpr std::chrono::milliseconds kStreamAskedEvery(100);

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

tcp::endpoint endpoint_of(const std::string& listen) {
  const std::size_t colon = listen.rfind(':');
  std::string host = listen.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host == "localhost") host = "127.0.0.1";
  std::uint16_t port = 0;
  bool is_port = colon != std::string::npos && colon + 1 < listen.size();
  if (is_port) {
    const char* end = listen.data() + listen.size();
    const auto read = std::from_chars(listen.data() + colon + 1, end, port);
    is_port = read.ec == std::errc() && read.ptr == end;
  }
  boost::system::error_code bad;
  const auto address = asio::ip::make_address(host, bad);
  if (bad || !is_port) {
    throw Error(Fault::Misconfigured, "bad_address",
                fmt::format("{} is no address to listen at", listen),
                "Write ADDRESS:PORT, for example 127.0.0.1:8080");
  }
  return {address, port};
}

std::string text_of(const tcp::endpoint& endpoint) {
  const std::string host = endpoint.address().to_string();
  return fmt::format("{}:{}", endpoint.address().is_v6() ? "[" + host + "]" : host,
                     endpoint.port());
}

/// TLS 1.2 and newer, with this certificate; nothing where there is none.
std::optional<asio::ssl::context> tls_of(const HttpServer::Options& options) {
  if (options.certificate.empty()) return {};
  asio::ssl::context tls(asio::ssl::context::tls_server);
  tls.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 |
                  asio::ssl::context::no_tlsv1_1);
  std::string reading = options.certificate;
  try {
    tls.use_certificate_chain_file(options.certificate);
    reading = options.key;
    tls.use_private_key_file(options.key, asio::ssl::context::pem);
  } catch (const boost::system::system_error& error) {
    throw Error(
        Fault::Misconfigured, "bad_certificate",
        fmt::format("could not use {} for TLS: {}", reading, error.code().message()),
        "tls_certificate is a PEM file with the certificate and those above it, tls_key one "
        "with its private key, without a password");
  }
  return tls;
}

bool take_apart(const Message& message, Request& request) {
  request.method = std::string(message.method_string());
  for (const auto& field : message) {
    request.headers[lower(field.name_string())] = std::string(field.value());
  }
  request.body = message.body();
  return read_target(std::string(message.target()), request);
}

template <class Response>
void put_head(Response& response, const Answer& answer) {
  response.result(static_cast<unsigned>(answer.status));
  response.set(http::field::content_type, "application/json; charset=utf-8");
  response.set(http::field::cache_control, "no-store");
  for (const auto& [name, value] : answer.headers) {
    if (name == "Set-Cookie") {
      response.insert(name, value);  // There may be several.
    } else {
      response.set(name, value);
    }
  }
}

/// The other side has closed the connection, and said nothing more before.
bool has_left(tcp::socket& socket) {
  char byte = 0;
  return ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/// What a request that could not be read is answered with; nothing for one whose sender is gone, or
/// too slow: then the connection is closed already.
std::optional<Answer> answer_to(const beast::error_code& problem, std::uint64_t body_bytes) {
  if (problem == http::error::body_limit) {
    return refusal(413, fmt::format("The body is larger than {} bytes", body_bytes));
  }
  if (problem == http::error::header_limit) return refusal(431, "The headers are too large");
  // A parser's error is the caller's; whatever else there is says that nobody listens any more.
  const bool is_gone =
      problem == http::error::end_of_stream || problem == http::error::partial_message ||
      problem.category() != http::make_error_code(http::error::bad_method).category();
  if (is_gone) return {};
  return refusal(400, "This is no valid HTTP request: " + problem.message());
}

}  // namespace

struct HttpServer::Running {
  Options options;
  Handler handler;
  std::optional<asio::ssl::context> tls;
  asio::io_context io{1};
  asio::thread_pool workers;
  tcp::acceptor acceptor{io};
  std::string address;
  bool is_local = false;
  bool stopping = false;            ///< Only the network's thread looks at these three.
  std::list<tcp::socket*> waiting;  ///< Connections between two requests: closed on stopping.
  std::size_t open = 0;
  std::jthread network;

  Running(const Options& wanted, Handler answers)
      : options(wanted),
        handler(std::move(answers)),
        tls(tls_of(wanted)),
        workers(static_cast<std::size_t>(wanted.handlers)) {}

  void listen() {
    const tcp::endpoint wanted = endpoint_of(options.listen);
    try {
      acceptor.open(wanted.protocol());
      acceptor.set_option(tcp::acceptor::reuse_address(true));
      acceptor.bind(wanted);
      acceptor.listen();
    } catch (const boost::system::system_error& error) {
      throw Error(Fault::Misconfigured, "address_in_use",
                  fmt::format("could not listen at {}: {}", options.listen, error.code().message()),
                  "Name another with --listen, or end who listens there");
    }
    address = text_of(acceptor.local_endpoint());
    is_local = acceptor.local_endpoint().address().is_loopback();
    asio::co_spawn(io, accept(), asio::detached);
    network = std::jthread([this] { io.run(); });
  }

  asio::awaitable<void> accept() {
    while (!stopping) {
      beast::error_code problem;
      tcp::socket socket =
          co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, problem));
      if (stopping) co_return;
      if (problem) {
        // Out of descriptors, most likely: others will close theirs.
        log::warning("could not accept a connection", {{"error", problem.message()}});
        asio::steady_timer timer(io, std::chrono::milliseconds(100));
        co_await timer.async_wait(asio::use_awaitable);
        continue;
      }
      if (open >= options.connections) continue;  // Closes it at once.
      ++open;
      asio::co_spawn(io, converse(std::move(socket)), [this](const std::exception_ptr&) {
        --open;
        if (stopping && open == 0) io.stop();
      });
    }
  }

  asio::awaitable<void> converse(tcp::socket socket) {
    if (!tls) {
      beast::tcp_stream stream(std::move(socket));
      co_await talk(stream);
      co_return;
    }
    beast::ssl_stream<beast::tcp_stream> stream(std::move(socket), *tls);
    beast::error_code problem;
    beast::get_lowest_layer(stream).expires_after(options.reading);
    co_await stream.async_handshake(asio::ssl::stream_base::server,
                                    asio::redirect_error(asio::use_awaitable, problem));
    if (problem) co_return;
    co_await talk(stream);
  }

  /// One connection: requests one after the other, pipelined or not.
  template <class Stream>
  asio::awaitable<void> talk(Stream& stream) {
    beast::flat_buffer buffer(options.head_bytes + options.body_bytes + 4096);
    for (bool more = true; more && !stopping;) {
      if (!co_await begun(stream, buffer)) break;
      http::request_parser<http::string_body> parser;
      parser.header_limit(options.head_bytes);
      parser.body_limit(options.body_bytes);
      beast::get_lowest_layer(stream).expires_after(options.reading);
      beast::error_code problem;
      co_await http::async_read(stream, buffer, parser,
                                asio::redirect_error(asio::use_awaitable, problem));
      Answer answer;
      if (problem) {
        const auto said = answer_to(problem, options.body_bytes);
        if (!said) break;
        answer = *said;
        more = false;
      } else {
        answer = co_await worked_out(parser.get());
        more = parser.get().keep_alive();
      }
      if (answer.stream) {
        co_await streamed(stream, answer, parser.get());
        break;
      }
      more = more && !stopping;
      if (!co_await written(stream, answer, parser.get(), more)) break;
    }
    co_await leave(stream, buffer);
  }

  /// Waits for the first byte of a request, as long as a connection may be idle.
  template <class Stream>
  asio::awaitable<bool> begun(Stream& stream, beast::flat_buffer& buffer) {
    if (buffer.size() > 0) co_return true;
    beast::get_lowest_layer(stream).expires_after(options.idle);
    waiting.push_back(&beast::get_lowest_layer(stream).socket());
    const auto place = std::prev(waiting.end());
    beast::error_code problem;
    const std::size_t got = co_await stream.async_read_some(
        buffer.prepare(4096), asio::redirect_error(asio::use_awaitable, problem));
    waiting.erase(place);
    buffer.commit(got);
    co_return !problem && got > 0;
  }

  /// By a thread that may wait; here only bytes move.
  asio::awaitable<Answer> worked_out(const Message& message) {
    Request request;
    if (!take_apart(message, request)) co_return refusal(400, "The target is no valid path");
    co_return co_await asio::co_spawn(
        workers,
        [this, &request]() -> asio::awaitable<Answer> {
          try {
            co_return handler(request);
          } catch (const std::exception& error) {
            log::error(
                "a request failed",
                {{"method", request.method}, {"path", request.path}, {"error", error.what()}});
            co_return refusal(500, "Something went wrong on our side; the log says what");
          }
        },
        asio::use_awaitable);
  }

  template <class Stream>
  asio::awaitable<bool> written(Stream& stream, const Answer& answer, const Message& message,
                                bool more) {
    http::response<http::string_body> response;
    put_head(response, answer);
    response.keep_alive(more);
    response.body() = answer.body;
    response.prepare_payload();
    if (message.method() == http::verb::head) response.body().clear();
    beast::get_lowest_layer(stream).expires_after(options.reading);
    beast::error_code problem;
    co_await http::async_write(stream, response,
                               asio::redirect_error(asio::use_awaitable, problem));
    co_return !problem;
  }

  /// An answer without end: until its source is over, the caller gone or too slow, or all of it
  /// told when the server stops.
  template <class Stream>
  asio::awaitable<void> streamed(Stream& stream, const Answer& answer, const Message& message) {
    http::response<http::empty_body> head;
    put_head(head, answer);
    head.keep_alive(false);
    const bool in_chunks = message.version() >= kHttp11;
    head.chunked(in_chunks);
    http::response_serializer<http::empty_body> serializer(head);
    auto& lowest = beast::get_lowest_layer(stream);
    lowest.expires_after(options.reading);
    beast::error_code problem;
    const auto told = [&] { return asio::redirect_error(asio::use_awaitable, problem); };
    co_await http::async_write_header(stream, serializer, told());
    asio::steady_timer timer(io);
    while (!problem && message.method() != http::verb::head && !has_left(lowest.socket())) {
      const std::optional<std::string> piece = answer.stream();
      if (!piece || (piece->empty() && stopping)) break;
      if (piece->empty()) {
        timer.expires_after(kStreamAskedEvery);
        co_await timer.async_wait(told());
        continue;
      }
      lowest.expires_after(options.reading);
      const auto bytes = asio::buffer(*piece);
      if (in_chunks) {
        co_await asio::async_write(stream, http::make_chunk(bytes), told());
      } else {
        co_await asio::async_write(stream, bytes, told());
      }
    }
    if (problem || !in_chunks || message.method() == http::verb::head) co_return;
    lowest.expires_after(options.reading);
    co_await asio::async_write(stream, http::make_chunk_last(), told());
  }

  /// Reads what a refused caller still sends, for a while: closing at once would take the answer
  /// away from it.
  template <class Stream>
  asio::awaitable<void> leave(Stream& stream, beast::flat_buffer& buffer) {
    beast::tcp_stream& lowest = beast::get_lowest_layer(stream);
    lowest.expires_after(std::chrono::seconds(1));
    beast::error_code problem;
    if constexpr (!std::is_same_v<Stream, beast::tcp_stream>) {
      co_await stream.async_shutdown(asio::redirect_error(asio::use_awaitable, problem));
      co_return;
    }
    lowest.socket().shutdown(tcp::socket::shutdown_send, problem);
    while (!problem && !stopping) {
      buffer.clear();
      co_await lowest.async_read_some(buffer.prepare(4096),
                                      asio::redirect_error(asio::use_awaitable, problem));
    }
  }

  void stop() {
    asio::post(io, [this] {
      stopping = true;
      beast::error_code ignored;
      acceptor.close(ignored);
      for (tcp::socket* socket : waiting) socket->close(ignored);
      if (open == 0) io.stop();
    });
    std::mutex mutex;
    std::condition_variable ended;
    bool is_over = false;
    std::jthread watch([&] {
      std::unique_lock lock(mutex);
      if (!ended.wait_for(lock, options.draining, [&] { return is_over; })) io.stop();
    });
    network.join();
    {
      const std::lock_guard lock(mutex);
      is_over = true;
    }
    ended.notify_one();
    watch.join();
    workers.join();
  }
};

HttpServer::HttpServer(const Options& options, Handler handler)
    : running_(std::make_unique<Running>(options, std::move(handler))) {
  running_->listen();
}

HttpServer::~HttpServer() { running_->stop(); }

const std::string& HttpServer::address() const { return running_->address; }
bool HttpServer::is_local() const { return running_->is_local; }
bool HttpServer::is_encrypted() const { return running_->tls.has_value(); }

}  // namespace millrace::api
