#include "cli/remote.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "api/patience.h"
#include "base/env.h"
#include "base/http.h"
#include "base/url.h"
#include "cli/command_line.h"
#include "cli/trigger.h"
#include "model/json.h"

namespace millrace::cli {
namespace {

constexpr std::chrono::seconds kAnswerMost(90);  ///< The service may have to ask a warehouse.
constexpr std::size_t kAnswerBytesMost = 16'000'000;
constexpr std::size_t kReplyMost = 64 << 20;  ///< Of that answer, as JSON.
/// Half of the requests that a key may make in 15 minutes.
constexpr std::chrono::milliseconds kLookEvery(2'000);

/// What goes over the wire.
struct Sent {
  json::Value arguments = json::Value::object();
  json::Value files;  ///< Of PATH, where that names files; else null.
  Secret typed;       ///< Where the command asks for one.
};

/// The service at an address, and the key that it knows us by.
class Server {
 public:
  explicit Server(std::string url)
      : url_(std::move(url)), key_(environment_variable("MILLRACE_KEY")) {
    while (url_.ends_with('/')) url_.pop_back();
    if (!is_private(url_)) {
      wrong_usage(fmt::format("with {} the key would travel in clear text", url_),
                  "Write --server https://…; http:// is for this machine");
    }
    if (key_.empty()) {
      wrong_usage("--server needs a key, and $MILLRACE_KEY is not set",
                  "Make one at the service, `millrace key create --type console`, and export it");
    }
  }

  api::RemoteAnswer run(const Command& command, const Sent& sent, bool as_json,
                        bool as_lines) const {
    json::Value body{{"command", command.path},
                     {"arguments", sent.arguments},
                     {"json", as_json},
                     {"progress", as_lines}};
    if (!sent.files.is_null()) body["files"] = sent.files;
    if (!sent.typed.empty()) body["typed"] = sent.typed.reveal();
    const HttpReply reply =
        http({.url = url_ + "/api/v1/commands",
              .headers = {{"STATSIG-API-KEY", key_}, {"Content-Type", "application/json"}},
              .body = body.dump(-1, ' ', false, json::Value::error_handler_t::replace),
              .ca_file = environment_variable("MILLRACE_CA_FILE"),
              .most = kAnswerMost,
              .reply_most = kReplyMost});
    if (reply.status == 0) {
      throw Error(Fault::Unavailable, "server_unreachable",
                  fmt::format("could not ask {}: {}", url_, reply.problem),
                  "See whether `millrace serve` runs there, and what its log says");
    }
    const json::Value said = json::Value::parse(reply.body, nullptr, false);
    if (reply.status == 200 && said.is_object() && said.contains("data")) {
      const json::Value& data = said["data"];
      return {data.at("exit_code").get<int>(), data.at("answer").get<std::string>(),
              data.at("notes").get<std::string>()};
    }
    refuse(reply, said.is_object() ? said.value("message", std::string()) : std::string());
  }

 private:
  [[noreturn]] void refuse(const HttpReply& reply, const std::string& message) const {
    constexpr long kTooLarge = 413, kBusy = 429, kServers = 500;
    Error error(reply.status == kBusy      ? Fault::Throttled
                : reply.status >= kServers ? Fault::Unavailable
                                           : Fault::Misconfigured,
                reply.status == 400 ? "wrong_usage" : "server_refused",
                fmt::format("{} answered {}: {}", url_, reply.status,
                            message.empty() ? "nothing that a Millrace service says" : message),
                reply.status == kTooLarge
                    ? "Send less at once: folders that are applied one by one are sets of their own"
                    : "");
    error.retry_after = reply.retry_after;
    throw error;
  }

  std::string url_, key_;
};

/// The files that PATH names here become a set there: a folder bears its name, whoever has it and
/// wherever; a file belongs to the set of its folder.
void send_files(const Arguments& arguments, Sent& sent) {
  const std::filesystem::path path = arguments.get("PATH");
  std::string set = arguments.get("as");
  if (set.empty()) {
    const auto whole = std::filesystem::absolute(path / "").lexically_normal().parent_path();
    set = (std::filesystem::is_directory(whole) ? whole : whole.parent_path()).filename().string();
  }
  if (set.empty()) wrong_usage("a root folder has no name", "Name the set of files: --as NAME");
  const definition::FileTexts texts = definition::gather(path, {}, set);
  sent.arguments["PATH"] = json::Value::array({texts.origin.substr(definition::kSetRoot.size())});
  sent.files = json::Value::array();
  for (const definition::FileText& file : texts.files) {
    sent.files.push_back({{"name", file.name.substr(definition::kSetRoot.size())},
                          {"text", file.text},
                          {"queries", file.queries}});
  }
}

/// What is for this machine stays.
Sent sent_of(const Command& command, const Arguments& arguments, Terminal& terminal) {
  Sent sent;
  for (const auto& [name, values] : arguments.values) {
    if (name == "wait" || name == "timeout" || name == "as") continue;
    if (api::is_local_option(name)) {
      wrong_usage(fmt::format("{} takes no --{} with --server", command.path, name),
                  "Run it on the machine of the home");
    }
    sent.arguments[name] = values;
  }
  const api::RemoteForm& form = *api::remote_form(command.path);
  if (form.has(api::kSendsFiles)) send_files(arguments, sent);
  if (form.has(api::kAsks)) {
    const std::string email = arguments.get("EMAIL");
    sent.typed =
        terminal.ask_secret(email.empty() ? arguments.get("NAME") : "Password of " + email);
  }
  return sent;
}

/// The day of a run, as `run show --json` tells it, once it has ended. A service that restarts, or
/// is busy, is asked again later.
std::optional<json::Value> ended_day(const Server& server, const json::Value& asked) {
  json::Value days;
  try {
    const json::Value run{{"RUN", json::Value::array({asked.at("run")})}};
    const api::RemoteAnswer shown = server.run(*command_at("run show"), {run, {}, {}}, true, false);
    days = json::Value::parse(shown.answer, nullptr, false);
  } catch (const Error& error) {
    if (error.fault != Fault::Unavailable && error.fault != Fault::Throttled) throw;
  }
  if (!days.is_array()) return {};
  for (const json::Value& day : days) {
    const bool is_it =
        day.at("ingestion") == asked.at("ingestion") && day.at("day") == asked.at("day");
    if (is_it && day.contains("ended_at")) return day;
  }
  return {};
}

json::Value wait_until_ended(const Server& server, const json::Value& asked, Instant until,
                             const std::stop_token& stop) {
  do {
    if (const auto day = ended_day(server, asked)) return triggered_elsewhere(asked, *day);
    if (!real_env().wait(kLookEvery, stop)) {
      throw Error(Fault::Cancelled, "cancelled", "stopped waiting; the day stays asked for");
    }
  } while (real_env().now() < until);
  throw Error(
      Fault::Unavailable, "not_done_yet",
      fmt::format("{} {} was not loaded in time; it stays asked for",
                  asked.at("ingestion").get<std::string>(), asked.at("day").get<std::string>()),
      "See what the service's log says");
}

/// `trigger --wait`: asked for once, then looked at until it has ended.
ExitCode trigger_and_wait(const Server& server, const Command& command, const Arguments& arguments,
                          Terminal& terminal, const std::stop_token& stop) {
  const Instant until = real_env().now() + patience_in(arguments);
  const api::RemoteAnswer first =
      server.run(command, sent_of(command, arguments, terminal), true, false);
  terminal.pass_on("", first.notes);
  const json::Value said = json::parse(first.answer, "what the service asked for");
  if (said.is_object() && said.contains("error")) {
    if (terminal.json()) terminal.answer_error(said["error"]);
    return static_cast<ExitCode>(first.exit_code);
  }
  json::Value answers = json::Value::array();
  for (const json::Value& asked : said.is_array() ? said : json::Value::array({said})) {
    answers.push_back(wait_until_ended(server, asked, until, stop));
    say_triggered(terminal, answers.back());
  }
  return answer_triggered(terminal, arguments, answers);
}

}  // namespace

ExitCode run_at(const std::string& url, const Command& command, const Arguments& arguments,
                Terminal& terminal, std::stop_token stop) {
  if (!api::remote_form(command.path)) {
    wrong_usage(fmt::format("{} has no form with --server", command.path),
                "Run it on the machine of the home");
  }
  const Server server(url);
  if (arguments.has("wait")) return trigger_and_wait(server, command, arguments, terminal, stop);
  const api::RemoteAnswer done =
      server.run(command, sent_of(command, arguments, terminal), terminal.json(), terminal.lines());
  terminal.pass_on(done.answer, done.notes);
  return static_cast<ExitCode>(done.exit_code);
}

api::CommandRunner runner_in(const std::filesystem::path& home) {
  return [home](const api::RemoteCommand& asked) {
    std::ostringstream answer, notes;
    Terminal terminal(answer, notes, asked.as_json, asked.as_lines, kAnswerBytesMost, asked.typed);
    if (!asked.sees_rows) terminal.hide_rows();
    const api::Patience patience(real_env());
    const ExitCode code = guarded(terminal, [&] {
      const Command* command = command_at(asked.path);
      check(command != nullptr, "a command for callers is one of the table");
      Arguments arguments{asked.arguments};
      check_arguments(*command, arguments);
      Home opened(home);
      opened.act_as(asked.actor);
      Context context{opened, terminal, patience.token(), &asked};
      try {
        return command->run(context, arguments);
      } catch (const Error& error) {
        if (error.fault != Fault::Cancelled) throw;
        throw Error(
            Fault::Unavailable, "took_too_long",
            fmt::format("{} was ended: it took longer than a caller may let it work", asked.path),
            "Ask for less; or run it on the machine of the home");
      }
    });
    return api::RemoteAnswer{code, answer.str(), notes.str()};
  };
}

}  // namespace millrace::cli
