#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>

#include "api/http.h"
#include "api/shape.h"
#include "catalog/catalog.h"
#include "model/json.h"

namespace millrace::api {

class Service;

/// What a caller must prove before a route answers it.
enum class Access {
  Open,    ///< Nothing.
  Read,    ///< A console key.
  Write,   ///< A console key that may change things.
  Keys,    ///< A console key that may see keys: scope `can_access_keys`.
  Ready,   ///< A secret or console key.
  Use,     ///< A console key; the warehouse is asked with a connection's credentials.
  Sample,  ///< A console key that may change things: it gets rows of a query that it wrote.
  Rows,    ///< A console key; the answer holds rows of customers.
};

/// One request on its way through a handler.
struct Call {
  Service& service;
  const Request& request;
  catalog::Catalog& catalog;
  const catalog::ApiKey& key;           ///< Of a user: what the role comes to.
  const catalog::User* user = nullptr;  ///< Who is signed in, where no key was sent.
  std::string id;                       ///< What stands where the route has {id}.
  const json::Value& body;              ///< An object; empty where the request has none.
};

/// A row of the table that drives dispatch, validation, permissions, /openapi.json and
/// docs/reference/api.md. What is sent and given is written as a Shape.
struct Route {
  std::string_view method, path;
  Access access = Access::Open;
  std::string_view about;
  std::string_view query;  ///< Its parameters, an object; empty: it has none.
  std::string_view body;   ///< Empty: it has none.
  int status = 200;        ///< When it is done.
  /// "one Source" in an envelope, "list Run" with pagination, "done", a shape without envelope, or
  /// what is no JSON: "text/html".
  std::string_view gives;
  /// What it may answer beside that and `statuses_of` its access: "404 409".
  std::string_view refuses;
  Answer (*answer)(Call& call) = nullptr;
};

std::span<const Route> routes();
/// Every status that the route may answer, in order.
std::vector<int> statuses_of(const Route& route);
/// The shape as it is read once, of a route's `query`, `body` or `gives`.
const Shape& shape_in(std::string_view text);
/// GET /openapi.json
const std::string& openapi();
/// docs/reference/api.md, its routes and shapes written anew.
std::string reference_page(const std::string& page);

// One table per file; routes() joins them in the order of the page.
std::span<const Route> state_routes();
std::span<const Route> ready_routes();
std::span<const Route> ingestion_routes();
std::span<const Route> run_routes();
std::span<const Route> data_routes();
std::span<const Route> event_routes();
std::span<const Route> unit_type_routes();
std::span<const Route> key_routes();
std::span<const Route> audit_routes();
std::span<const Route> connection_routes();
std::span<const Route> day_routes();
std::span<const Route> command_routes();
std::span<const Route> settings_routes();
std::span<const Route> user_routes();
std::span<const Route> session_routes();
std::span<const Route> oidc_routes();
std::span<const Route> progress_routes();

// -- what handlers share

/// {"message", "data"}
Answer one(std::string_view message, json::Value data);
/// {"message"}
Answer done(std::string_view message);
/// The page of a list that `page` and `limit` ask for; `limit` at most 1,000.
struct Page {
  std::int64_t number = 1, limit = 100;
  std::int64_t skip() const { return (number - 1) * limit; }
  /// Of all items those that `list` wants: the page's, and one more.
  std::vector<json::Value> of(std::vector<json::Value> all) const;
};
Page page_of(const Request& request);
/// Of a parameter that the route's table says is a number.
std::int64_t number_in(const Request& request, const char* name, std::int64_t fallback);
/// {"message", "data", "pagination"}: `data` holds the page's items, and one more where there is a
/// next page.
Answer list(std::string_view message, const Request& request, const Page& page,
            std::vector<json::Value> data);

/// Scripts of a page do not see it, and no other site sends it.
std::string session_cookie(const Call& call, const std::string& value, std::chrono::seconds lasts);
/// What becomes a 403 when the key lacks a scope that such a route needs.
void require_scope(const catalog::ApiKey& key, Access access);
/// What becomes a 403 when a user lacks "connection.use" or "rows.read" for the connection. Keys
/// have both.
void require_grant(const Call& call, const std::string& grant, const std::string& connection);
/// What becomes a 400, and a 404.
[[noreturn]] void bad_request(const std::string& message);
[[noreturn]] void not_found(const std::string& message);
// Members of a body, which the table has checked already; absent and null are alike.
bool is_given(const json::Value& body, const char* name);
std::string text_or_empty(const json::Value& body, const char* name);
std::optional<bool> flag_in(const json::Value& body, const char* name);
/// A text or a list of texts; empty where it is absent or null.
std::vector<std::string> texts(const json::Value& body, const char* name);
Day day_in(const std::string& text, const char* name);
/// "Events", "events"; every spelling of the contract, in any case.
Dataset dataset_in(const std::string& text);
std::string shown(Dataset dataset);  ///< "Events", "Metrics", "export_exposures" …
/// The contract's word for a kind of warehouse, and back.
std::string type_of(std::string_view kind);
std::string kind_of(std::string_view type);
/// Milliseconds, as the contract's examples have it: "2023-09-07T00:50:07.941Z".
std::string shown(Instant instant);

}  // namespace millrace::api
