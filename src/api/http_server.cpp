#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/string_body.hpp>
#include <charconv>
#include <condition_variable>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "api/http.h"
#include "api/socket.h"
#include "base/error.h"
#include "base/letters.h"
#include "base/log.h"

namespace millrace::api {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using Message = http::request<http::string_body>;

constexpr unsigned kHttp11 = 11;
constexpr std::chrono::milliseconds kStreamAskedEvery(100);
constexpr std::size_t kReceived = 8192;  ///< At most, by one look.

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
    request.headers[lower_case(field.name_string())] = std::string(field.value());
  }
  request.body = message.body();
  return read_target(std::string(message.target()), request);
}

/// Status line and headers; `framing` says how the body is told from what comes after it.
std::string head_of(const Answer& answer, bool keep_alive, const std::string& framing) {
  std::map<std::string, std::string> once{{"Content-Type", "application/json; charset=utf-8"},
                                          {"Cache-Control", "no-store"}};
  std::string cookies;  // There may be several.
  for (const auto& [name, value] : answer.headers) {
    if (name == "Set-Cookie") {
      cookies += fmt::format("{}: {}\r\n", name, value);
    } else {
      once[name] = value;
    }
  }
  const auto reason = http::obsolete_reason(static_cast<http::status>(answer.status));
  std::string head = fmt::format("HTTP/1.1 {} {}\r\n", answer.status, std::string_view(reason));
  for (const auto& [name, value] : once) head += fmt::format("{}: {}\r\n", name, value);
  return head + cookies + framing + (keep_alive ? "\r\n" : "Connection: close\r\n\r\n");
}

/// The other side has closed the connection, and said nothing more before.
bool has_left(tcp::socket& socket) {
  char byte = 0;
  return ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/// What a request that could not be read is answered with.
Answer answer_to(const boost::system::error_code& problem, std::uint64_t body_bytes) {
  if (problem == http::error::body_limit) {
    return refusal(413, fmt::format("The body is larger than {} bytes", body_bytes));
  }
  if (problem == http::error::header_limit) return refusal(431, "The headers are too large");
  return refusal(400, "This is no valid HTTP request: " + problem.message());
}

}  // namespace

struct HttpServer::Running {
  Options options;
  Handler handler;
  std::optional<asio::ssl::context> tls;
  asio::io_context io{1};
  asio::thread_pool workers, apart{1};
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
      boost::system::error_code problem;
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

  /// One connection: requests one after the other, pipelined or not.
  asio::awaitable<void> converse(tcp::socket socket) {
    const auto connection =
        tls ? tls_socket(std::move(socket), *tls) : plain_socket(std::move(socket));
    connection->within(options.reading);
    if (!co_await connection->open()) co_return;
    std::string unread;
    for (bool more = true; more && !stopping;) {
      if (!co_await begun(*connection, unread)) break;
      http::request_parser<http::string_body> parser;
      parser.header_limit(options.head_bytes);
      parser.body_limit(options.body_bytes);
      parser.eager(true);
      const auto problem = co_await read(*connection, unread, parser);
      if (!problem) break;
      Answer answer;
      if (*problem) {
        answer = answer_to(*problem, options.body_bytes);
        more = false;
      } else {
        answer = co_await worked_out(parser.get(), connection->raw());
        more = parser.get().keep_alive() && !stopping;
      }
      if (answer.stream) {
        co_await streamed(*connection, answer, parser.get());
        break;
      }
      if (!co_await written(*connection, answer, parser.get(), more)) break;
    }
    co_await leave(*connection);
  }

  /// Waits for the first byte of a request, as long as a connection may be idle.
  asio::awaitable<bool> begun(Socket& connection, std::string& unread) {
    if (!unread.empty()) co_return true;
    connection.within(options.idle);
    waiting.push_back(&connection.raw());
    const auto place = std::prev(waiting.end());
    const bool is_there = co_await receive(connection, unread);
    waiting.erase(place);
    co_return is_there;
  }

  static asio::awaitable<bool> receive(Socket& connection, std::string& unread) {
    std::array<char, kReceived> piece;
    const std::size_t got = co_await connection.read_some(asio::buffer(piece));
    unread.append(piece.data(), got);
    co_return got > 0;
  }

  /// One request from what is unread and what comes: what is wrong with it, if anything; nothing
  /// when its sender is gone or too slow.
  asio::awaitable<std::optional<boost::system::error_code>> read(
      Socket& connection, std::string& unread, http::request_parser<http::string_body>& parser) {
    connection.within(options.reading);
    for (;;) {
      boost::system::error_code problem;
      unread.erase(0, parser.put(asio::buffer(unread), problem));
      if (problem == http::error::need_more) problem = {};
      if (problem || parser.is_done()) co_return problem;
      if (!co_await receive(connection, unread)) co_return std::nullopt;
    }
  }

  /// By a thread that may wait; here only bytes move.
  asio::awaitable<Answer> worked_out(const Message& message, const tcp::socket& socket) {
    Request request;
    if (!take_apart(message, request)) co_return refusal(400, "The target is no valid path");
    boost::system::error_code gone;
    request.address = socket.remote_endpoint(gone).address().to_string();
    co_return co_await asio::co_spawn(
        options.apart.contains(request.path) ? apart : workers,
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

  asio::awaitable<bool> written(Socket& connection, const Answer& answer, const Message& message,
                                bool more) {
    std::string text =
        head_of(answer, more, fmt::format("Content-Length: {}\r\n", answer.body.size()));
    if (message.method() != http::verb::head) text += answer.body;
    connection.within(options.reading);
    co_return co_await connection.write(text);
  }

  /// An answer without end: until its source is over, the caller gone or too slow, or all of it
  /// told when the server stops.
  asio::awaitable<void> streamed(Socket& connection, const Answer& answer, const Message& message) {
    const bool in_chunks = message.version() >= kHttp11;
    connection.within(options.reading);
    // Texts that are waited for have a name: g++ 12 ends temporary ones too early.
    const std::string head =
        head_of(answer, false, in_chunks ? "Transfer-Encoding: chunked\r\n" : "");
    bool is_there = co_await connection.write(head);
    if (message.method() == http::verb::head) co_return;
    asio::steady_timer timer(io);
    while (is_there && !has_left(connection.raw())) {
      const std::optional<std::string> piece = answer.stream();
      if (!piece || (piece->empty() && stopping)) break;
      if (piece->empty()) {
        timer.expires_after(kStreamAskedEvery);
        co_await timer.async_wait(asio::use_awaitable);
        continue;
      }
      connection.within(options.reading);
      const std::string text =
          in_chunks ? fmt::format("{:x}\r\n{}\r\n", piece->size(), *piece) : *piece;
      is_there = co_await connection.write(text);
    }
    if (!is_there || !in_chunks) co_return;
    connection.within(options.reading);
    co_await connection.write("0\r\n\r\n");
  }

  /// Reads what a refused caller still sends, for a while: closing at once would take the answer
  /// away from it.
  asio::awaitable<void> leave(Socket& connection) {
    connection.within(std::chrono::seconds(1));
    co_await connection.close();
    for (std::string unread; !tls && !stopping && co_await receive(connection, unread);)
      unread.clear();
  }

  void stop() {
    asio::post(io, [this] {
      stopping = true;
      boost::system::error_code ignored;
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
    apart.join();
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
