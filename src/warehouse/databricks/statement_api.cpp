#include "warehouse/databricks/statement_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/env.h"
#include "base/error.h"
#include "base/url.h"
#include "warehouse/statement_error.h"

namespace millrace::warehouse::databricks {
namespace {

using json::text_in;
using std::chrono::milliseconds;

constexpr std::string_view kStatements = "/api/2.0/sql/statements";
/// Between two looks at a statement under way: soon at first, then calmly.
constexpr milliseconds kFirstLook(50), kLookMost(1000);
/// So many looks in a row may fail: they say nothing of the statement.
constexpr int kMissedMost = 10;
/// A cancelled session has little time left.
constexpr std::chrono::seconds kCancelMost(2);
/// Answers hold 25 MiB of rows at most, which JSON may quote.
constexpr std::size_t kAnswerMost = 64 << 20;
/// For one chunk to arrive.
constexpr std::chrono::seconds kDownloadMost(600);

json::Value parsed_body(const std::string& body) {
  return json::Value::parse(body, nullptr, false);
}

int number_after(std::string_view text, std::string_view word) {
  const auto at = text.find(word);
  int number = 0;
  if (at != std::string_view::npos) {
    const char* start = text.data() + at + word.size();
    std::from_chars(start, text.data() + text.size(), number);
  }
  return number;
}

/// "… (line 2, pos 14)" counts lines from 1 and places in them from 0; 0 where it says nothing.
int position_in(const std::string& sql, std::string_view words) {
  const int line = number_after(words, "line ");
  if (line <= 0 || words.find("pos ") == std::string_view::npos) return 0;
  std::size_t start = 0;
  for (int i = 1; i < line; ++i) {
    const auto end = sql.find('\n', start);
    if (end == std::string::npos) return 0;
    start = end + 1;
  }
  return characters(std::string_view(sql).substr(0, start)) + number_after(words, "pos ") + 1;
}

/// What the server says of a statement that failed, in the form that all SQL servers share here.
ServerMessage message_of(const std::string& words, const std::string& sqlstate,
                         const std::string& sql) {
  constexpr const char* kSyntaxOrAccess = "42000";
  ServerMessage message;
  message.text = words.substr(0, words.find(" SQLSTATE:"));
  message.sqlstate = sqlstate.empty() ? kSyntaxOrAccess : sqlstate;
  message.position = position_in(sql, words);
  return message;
}

[[noreturn]] void stopped() {
  throw Error(Fault::Cancelled, "stopped", "asking Databricks was stopped");
}

}  // namespace

HttpCall StatementApi::call_of(const std::string& path, std::stop_token stop) const {
  return {.url = login_.address + path,
          .headers = {{"Authorization", "Bearer " + login_.token.reveal()},
                      {"Accept", "application/json"},
                      {"Content-Type", "application/json"}},
          .ca_file = login_.ca_file,
          .most = std::max(login_.timeout, kHttpMost),
          .reply_most = kAnswerMost,
          .stop = std::move(stop)};
}

HttpParty StatementApi::party() const {
  return {
      .address = login_.address,
      .unauthorized = "Make a new personal access token there, or one of a service principal",
      .forbidden = "Give the token's owner CAN USE on the SQL warehouse, and SELECT on the tables",
      .missing = "Check http_path: it ends with the id of a SQL warehouse of that workspace",
      .tls =
          "Set sslrootcert to the file of the authority that signed the server's certificate, "
          "if that is one of your own; use_ssl = \"false\" for one without on this machine",
      .unreachable = "Check host",
  };
}

void StatementApi::refuse(const HttpReply& reply, const Statement& statement) const {
  const json::Value body = parsed_body(reply.body);
  const std::string said = text_in(body, "message");
  require_heard(reply, said, party());
  if (!statement.sql.empty()) {
    throw statement_error(message_of(said, text_in(body, "sql_state"), statement.sql), statement);
  }
  throw Error(Fault::Misconfigured, "request_refused", answered(reply, said, login_.address),
              "Check host, http_path and token");
}

json::Value StatementApi::answer_of(const HttpReply& reply, const Statement& statement) const {
  if (reply.status < 200 || reply.status >= 300) refuse(reply, statement);
  json::Value answer = parsed_body(reply.body);
  if (answer.is_discarded()) {
    throw Error(Fault::Unavailable, "bad_answer",
                fmt::format("{} answered something that is not JSON", login_.address),
                "Check that host is a Databricks workspace");
  }
  return answer;
}

json::Value StatementApi::get(const std::string& path, std::stop_token stop) {
  const HttpReply reply = http(call_of(path, stop));
  if (stop.stop_requested()) stopped();
  return answer_of(reply, {});
}

json::Value StatementApi::run(const Statement& statement, RowFormat format, std::stop_token stop) {
  const bool is_arrow = format == RowFormat::Arrow;
  json::Value body{{"warehouse_id", login_.warehouse_id},
                   {"statement", statement.sql},
                   {"wait_timeout", "0s"},
                   {"disposition", is_arrow ? "EXTERNAL_LINKS" : "INLINE"},
                   {"format", is_arrow ? "ARROW_STREAM" : "JSON_ARRAY"}};
  if (!login_.catalog.empty()) body["catalog"] = login_.catalog;
  if (!login_.schema.empty()) body["schema"] = login_.schema;
  // Without `stop`: the id must be known to end the statement.
  HttpCall call = call_of(std::string(kStatements), {});
  call.body = body.dump(-1, ' ', false, json::Value::error_handler_t::replace);
  if (stop.stop_requested()) stopped();
  return finished(answer_of(http(call), statement), statement, stop);
}

json::Value StatementApi::finished(json::Value answer, const Statement& statement,
                                   std::stop_token stop) {
  const std::string id = text_in(answer, "statement_id");
  int missed = 0;
  for (milliseconds pause = kFirstLook;; pause = std::min(2 * pause, kLookMost)) {
    const json::Value status = answer.value("status", json::Value::object());
    const std::string state = text_in(status, "state");
    if (state == "SUCCEEDED") return answer;
    if (state == "FAILED") {
      const json::Value error = status.value("error", json::Value::object());
      throw statement_error(
          message_of(text_in(error, "message"), text_in(status, "sql_state"), statement.sql),
          statement);
    }
    if (state != "PENDING" && state != "RUNNING") {
      throw Error(Fault::Unavailable, "statement_cancelled",
                  fmt::format("the warehouse ended the statement: {}", state),
                  "Somebody at the server, or its limit, ended it");
    }
    if (!real_env().wait(pause, stop)) {
      cancel(id);
      stopped();
    }
    const HttpReply look = http(call_of(fmt::format("{}/{}", kStatements, id), {}));
    const bool is_heard = look.status != 0 && look.status != 429 && look.status < 500;
    missed = is_heard ? 0 : missed + 1;
    if (!is_heard && missed < kMissedMost) continue;
    if (!is_heard) cancel(id);
    answer = answer_of(look, statement);
  }
}

json::Value StatementApi::chunk(const std::string& statement_id, std::int64_t index,
                                std::stop_token stop) {
  return get(fmt::format("{}/{}/result/chunks/{}", kStatements, statement_id, index), stop);
}

std::string StatementApi::download(const std::string& link, std::size_t bytes_most,
                                   std::stop_token stop) {
  HttpReply reply = http({.url = link,
                          .headers = {},
                          .ca_file = login_.ca_file,
                          .most = kDownloadMost,
                          .reply_most = bytes_most,
                          .stop = stop});
  if (stop.stop_requested()) stopped();
  if (reply.status == 200) return std::move(reply.body);
  // Without the rest of the link, which lets whoever has it read the rows.
  throw Error(
      Fault::Unavailable, "source_failed",
      fmt::format("fetching rows from {} failed: {}", host_of(link),
                  reply.status == 0 ? reply.problem : fmt::format("it answered {}", reply.status)),
      "Load the day again; a firewall may keep this machine from the workspace's storage");
}

void StatementApi::cancel(const std::string& statement_id) {
  HttpCall call = call_of(fmt::format("{}/{}/cancel", kStatements, statement_id), {});
  call.body = "{}";
  call.most = kCancelMost;
  http(call);
}

}  // namespace millrace::warehouse::databricks
