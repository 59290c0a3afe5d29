#include "api/service.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/key.h"
#include "api/people.h"
#include "api/routes.h"
#include "base/log.h"

namespace millrace::api {
namespace {

/// Codes that say more about the status than their fault does.
struct HttpStatus {
  std::string_view code;
  int status;
};
constexpr HttpStatus kStatuses[] = {
    {"not_found", 404},    {"unknown_ingestion", 404}, {"unknown_connection", 404},
    {"unknown_run", 404},  {"unknown_day", 404},       {"unknown_version", 404},
    {"catalog_busy", 503}, {"no_active_key", 401},     {"forbidden", 403},
    {"key_reused", 422},   {"ready_too_often", 429},   {"wrong_sign_in", 401},
    {"locked_out", 429},   {"catalog_read_only", 500}, {"catalog_damaged", 500},
    {"newer_schema", 500}};

int status_of(const Error& error) {
  for (const HttpStatus& known : kStatuses) {
    if (known.code == error.code) return known.status;
  }
  switch (error.fault) {
    case Fault::Misconfigured:
    case Fault::BadData:
      return 400;
    case Fault::Throttled:
      return 429;
    case Fault::Unavailable:
    case Fault::Cancelled:
      return 503;
    case Fault::Conflict:
      return 409;
  }
  return 500;
}

/// What a caller cannot wait for longer is the only thing that is stopped here.
Error in_callers_words(const Error& error) {
  if (error.fault != Fault::Cancelled) return error;
  return {Fault::Unavailable, "took_too_long",
          "The warehouse took longer to answer than a caller may let it work",
          "Ask for less, or when it has less to do"};
}

Answer answer_to(const Error& thrown, bool sees_rows) {
  const Error error = in_callers_words(thrown);
  std::string message = error.text(sees_rows);
  if (!error.advice.empty()) message += ". " + error.advice;
  const int status = status_of(error);
  Answer answer = refusal(status, message);
  if (error.retry_after) {
    answer.headers.emplace_back("Retry-After", fmt::format("{}", error.retry_after->count()));
  } else if (status == 503) {
    answer.headers.emplace_back("Retry-After", "5");
  }
  if (status >= 500) {
    log::error("could not answer a request", {{"code", error.code}, {"error", error.what()}});
  }
  return answer;
}

enum KeyTypes : unsigned { kConsole = 1, kSecret = 2, kClient = 4 };

unsigned type_bit(const std::string& type) {
  return type == "console" ? kConsole : type == "secret" ? kSecret : kClient;
}

unsigned types_for(Access access) {
  return access == Access::Ready ? kSecret | kConsole : kConsole;
}

bool has_scope(const catalog::ApiKey& key, std::string_view scope) {
  return std::ranges::find(key.scopes, scope) != key.scopes.end();
}

[[noreturn]] void forbid(const std::string& why) {
  throw Error(Fault::Misconfigured, "forbidden", "Forbidden resource: " + why);
}

/// True when the path is the route's; `id` is then what stands for {id}.
bool matches(std::string_view route, std::string_view path, std::string& id) {
  const std::size_t brace = route.find('{');
  if (brace == std::string_view::npos) return route == path;
  const std::string_view before = route.substr(0, brace);
  const std::string_view after = route.substr(route.find('}') + 1);
  if (!path.starts_with(before) || !path.ends_with(after)) return false;
  if (path.size() <= before.size() + after.size()) return false;
  const std::string_view middle =
      path.substr(before.size(), path.size() - before.size() - after.size());
  if (middle.find('/') != std::string_view::npos) return false;
  id = middle;
  return true;
}

struct Found {
  const Route* route = nullptr;
  std::string id;
  std::string allowed;  ///< Methods, where only the method was wrong.
};

Found find_route(const Request& request) {
  Found found;
  const std::string method = request.method == "HEAD" ? "GET" : request.method;
  for (const Route& route : routes()) {
    std::string id;
    if (!matches(route.path, request.path, id)) continue;
    if (route.method == method) return {&route, id, {}};
    found.allowed += (found.allowed.empty() ? "" : ", ") + std::string(route.method);
  }
  return found;
}

/// Some routes have `startDate` and others `start_date`; each takes both. None where the request
/// has the route's names already.
std::optional<Request> with_names_of(const Route& route, const Request& sent) {
  constexpr std::pair<const char*, const char*> kSame[] = {{"startDate", "start_date"},
                                                           {"endDate", "end_date"}};
  std::optional<Request> renamed;
  const auto rename = [&](const char* given, const char* known) {
    const bool is_known = route.query.find(known) != std::string_view::npos;
    if (!is_known || sent.query.contains(known) || !sent.query.contains(given)) return;
    if (!renamed) renamed = sent;
    while (auto node = renamed->query.extract(given)) {
      node.key() = known;
      renamed->query.insert(std::move(node));
    }
  };
  for (const auto& [one, other] : kSame) {
    rename(one, other);
    rename(other, one);
  }
  return renamed;
}

json::Value body_of(const Request& request) {
  if (request.body.empty()) return json::Value::object();
  json::Value body = json::Value::parse(request.body, nullptr, false);
  if (body.is_discarded()) bad_request("The body is not valid JSON");
  if (!body.is_object()) bad_request("The body must be a JSON object");
  return body;
}

// Together less than HttpServer::Options::handlers, also with those who sign in through an issuer.
constexpr int kAskMost = 3, kReadMost = 3, kSignInMost = 2;
/// From one address: a password takes half a second of a core to try.
constexpr std::int64_t kSignInsIn10s = 20, kSignInsIn15min = 200;

Error throttled(const char* code, const std::string& message, std::chrono::seconds again) {
  Error error(Fault::Throttled, code, message);
  error.retry_after = again;
  return error;
}

}  // namespace

void require_scope(const catalog::ApiKey& key, Access access) {
  const bool changes =
      access == Access::Write || access == Access::Ready || access == Access::Sample;
  if (key.type == "console" && changes && !has_scope(key, "omni_read_write")) {
    forbid("the key lacks the scope omni_read_write");
  }
  if (access == Access::Keys && !has_scope(key, "can_access_keys")) {
    forbid("the key lacks the scope can_access_keys");
  }
}

/// Gives its catalog back when it goes; transactions that an error left open are rolled back then.
struct Service::Lent {
  Service& service;
  std::unique_ptr<catalog::Catalog> catalog;
  Lent(Service& owner, std::unique_ptr<catalog::Catalog> lent)
      : service(owner), catalog(std::move(lent)) {}
  Lent(const Lent&) = delete;
  Lent& operator=(const Lent&) = delete;
  ~Lent() {
    const std::lock_guard lock(service.mutex_);
    service.idle_.push_back(std::move(catalog));
  }
};

Turns::Turn Service::turn_for(Access access) {
  if (access == Access::Use || access == Access::Sample) return asking_.take();
  if (access == Access::Rows) return reading_.take();
  return {};
}

Turns::Turn Service::turn_to_sign_in(const std::string& address) {
  catalog::ApiKey limit;
  limit.id = address;
  limit.per_10s = kSignInsIn10s;
  limit.per_15min = kSignInsIn15min;
  RateLimit::Verdict verdict;
  {
    const std::lock_guard lock(mutex_);
    verdict = sign_ins_from_.take(limit, env_.now());
  }
  if (verdict.allowed) return signing_in_.take();
  throw throttled("too_many_sign_ins", "Too many people sign in from " + address,
                  verdict.retry_after);
}

Service::Service(definition::Configuration configuration, Env& env)
    : configuration_(std::move(configuration)),
      env_(env),
      asking_(kAskMost,
              throttled("warehouses_busy", "Warehouses are being asked for others; try again soon",
                        std::chrono::seconds(5))),
      reading_(kReadMost, throttled("rows_busy", "Rows are being read for somebody else",
                                    std::chrono::seconds(5))),
      signing_in_(kSignInMost, throttled("sign_ins_busy", "Others sign in just now; try again",
                                         std::chrono::seconds(1))),
      issuer_(configuration_.oidc ? std::make_unique<Issuer>(*configuration_.oidc, env) : nullptr) {
  // A proxy may do it for us.
  encrypted_ = configuration_.oidc && configuration_.oidc->redirect_url.starts_with("https://");
}

Service::~Service() {
  try {
    refused_.flush(*lend().catalog);
  } catch (const Error& error) {
    log::warning("could not note refused calls", {{"error", error.what()}});
  }
}

Service::Lent Service::lend() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto catalog = std::move(idle_.back());
      idle_.pop_back();
      return {*this, std::move(catalog)};
    }
  }
  return {*this, std::make_unique<catalog::Catalog>(
                     catalog::Catalog::Options{.path = configuration_.catalog_url}, env_)};
}

Answer Service::answer(const Request& request) {
  const auto began = std::chrono::steady_clock::now();
  std::string route = "none";
  Answer answer = answered(request, route);
  requests_.add(request.method, route, answer.status, std::chrono::steady_clock::now() - began);
  return answer;
}

Answer Service::answered(const Request& request, std::string& path) {
  const Found found = find_route(request);
  if (!found.route) {
    if (found.allowed.empty()) return refusal(404, "There is no " + request.path);
    Answer answer = refusal(
        405, fmt::format("{} takes {}, not {}", request.path, found.allowed, request.method));
    answer.headers.emplace_back("Allow", found.allowed);
    return answer;
  }
  const Route& route = *found.route;
  path = route.path;
  try {
    const Lent lent = lend();
    catalog::Actor actor{.kind = "key", .id = {}, .name = "no known key"};
    Answer answer;
    try {
      answer = answered(request, route, found.id, *lent.catalog, actor);
    } catch (const Error& error) {
      // Only who may read rows got so far that a warehouse said something.
      const bool sees_rows = route.access == Access::Sample || route.access == Access::Rows;
      answer = answer_to(error, sees_rows);
    }
    if (answer.status == 401 || answer.status == 403 || answer.status == 429) {
      refused_.note(*lent.catalog, actor, fmt::format("{} {}", route.method, route.path),
                    answer.status, env_.now());
    }
    return answer;
  } catch (const Error& error) {
    return answer_to(error, false);
  }
}

Answer Service::answered(const Request& sent, const Route& route, const std::string& id,
                         catalog::Catalog& catalog, catalog::Actor& actor) {
  const std::optional<Request> renamed = with_names_of(route, sent);
  const Request& request = renamed ? *renamed : sent;
  catalog::ApiKey key;
  std::optional<catalog::User> user;
  if (route.access != Access::Open) {
    if (request.header("statsig-api-key").empty()) user = signed_in(request, catalog);
    if (user) {
      key = as_key(*user);
      actor = {.kind = "user", .id = user->id, .name = user->email};
    } else {
      key = proven(request, catalog, types_for(route.access), actor);
    }
    if (auto refused = limited(key)) return *std::move(refused);
    require_scope(key, route.access);
  }
  catalog.act_as(actor);
  const json::Value body = body_of(request);
  if (!route.query.empty()) require_parameters(request.query, shape_in(route.query));
  if (!route.body.empty()) require_shape(body, shape_in(route.body));
  const Turns::Turn turn = turn_for(route.access);
  Call call{*this, request, catalog, key, user ? &*user : nullptr, id, body};
  return route.answer(call);
}

definition::Configuration Service::configuration(catalog::Catalog& catalog) const {
  definition::Configuration configuration = configuration_;
  configuration.project = catalog.project();
  return configuration;
}

store::Store Service::store() const {
  return {store::local_folder(configuration_.store_root), configuration_.project.id, env_};
}

pipeline::House Service::house(catalog::Catalog& catalog, store::Store& store) const {
  const std::filesystem::path home = configuration_.home;
  return {.env = env_,
          .catalog = catalog,
          .store = store,
          .project = configuration_.project,
          .file_roots = configuration_.file_roots,
          .resolve = [this, home, &catalog](const Connection& connection) {
            definition::Vault keys = vault(catalog);
            return definition::resolve(connection, home, keys);
          }};
}

definition::Vault Service::vault(catalog::Catalog& catalog) const {
  return {configuration_.home, catalog, env_};
}

std::string Service::client_secret(catalog::Catalog& catalog) const {
  if (!configuration_.oidc) return {};
  definition::Vault keys = vault(catalog);
  return definition::client_secret(*configuration_.oidc, configuration_.home, keys);
}

catalog::ApiKey Service::proven(const Request& request, catalog::Catalog& catalog, unsigned types,
                                catalog::Actor& actor) {
  const std::string sent = request.header("statsig-api-key");
  const auto key = sent.empty() ? std::nullopt : catalog.key_with_digest(digest_of(sent));
  if (key) {
    actor = {.kind = "key",
             .id = key->id,
             .name = key->description.empty() ? key->hint : key->description};
  }
  if (key && key->active && (type_bit(key->type) & types) != 0) {
    constexpr std::chrono::minutes kNoted(1);
    if (!key->last_used_at || env_.now() - *key->last_used_at > kNoted) {
      try {
        catalog.note_key_used(key->id);
      } catch (const Error& error) {
        // Somebody writes at length: a time that is a minute old is no reason to refuse anybody.
        log::debug("could not note that a key was used", {{"error", error.what()}});
      }
    }
    return *key;
  }
  constexpr std::size_t kLongest = 100;
  throw Error(Fault::Misconfigured, "no_active_key",
              fmt::format("This endpoint only accepts an active {} key. Key: {}",
                          (types & kSecret) != 0 ? "SERVER or CONSOLE" : "CONSOLE",
                          sent.substr(0, kLongest)));
}

std::optional<Answer> Service::limited(const catalog::ApiKey& key) {
  RateLimit::Verdict verdict;
  {
    const std::lock_guard lock(mutex_);
    verdict = limits_.take(key, env_.now());
  }
  if (verdict.allowed) return {};
  const auto seconds = verdict.retry_after.count();
  Answer answer = refusal(429, fmt::format("Too many requests with this key: at most {} in 10 "
                                           "seconds and {} in 15 minutes. Try again in {} s",
                                           key.per_10s, key.per_15min, seconds));
  answer.headers = {{"Retry-After", fmt::format("{}", seconds)},
                    {"RateLimit-Limit", fmt::format("{}", verdict.limit)},
                    {"RateLimit-Remaining", fmt::format("{}", verdict.left)}};
  return answer;
}

}  // namespace millrace::api
