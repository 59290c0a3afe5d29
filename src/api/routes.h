#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>

#include "api/http.h"
#include "catalog/catalog.h"
#include "model/json.h"

namespace millrace::api {

class Service;

/// What a caller must prove before a route answers it.
enum class Access {
  Open,   ///< Nothing.
  Read,   ///< A console key.
  Write,  ///< A console key that may change things.
  Keys,   ///< A console key that may see keys: scope `can_access_keys`.
  Ready,  ///< A secret or console key.
};

/// One request on its way through a handler.
struct Call {
  Service& service;
  const Request& request;
  catalog::Catalog& catalog;
  const catalog::ApiKey& key;
  std::string id;           ///< What stands where the route has {id}.
  const json::Value& body;  ///< An object; empty where the request has none.
};

/// A row of the table that drives dispatch, permissions and docs/reference/api.md.
struct Route {
  std::string_view method, path;
  Access access;
  std::string_view about;
  std::string_view takes;  ///< Parameters or members; a star: required.
  Answer (*answer)(Call& call);
};

std::span<const Route> routes();
/// docs/reference/api.md, whole.
std::string reference_page();

// One table per file; routes() joins them in the order of the page.
std::span<const Route> state_routes();
std::span<const Route> ready_routes();
std::span<const Route> ingestion_routes();
std::span<const Route> run_routes();
std::span<const Route> data_routes();
std::span<const Route> key_routes();

// -- what handlers share

/// {"message", "data"}
Answer one(std::string_view message, json::Value data);
/// {"message"}
Answer done(std::string_view message);
/// The page of a list that `page` and `limit` ask for; `limit` at most 1,000.
struct Page {
  std::int64_t number = 1, limit = 100;
  std::int64_t skip() const { return (number - 1) * limit; }
};
Page page_of(const Request& request, std::int64_t limit);
/// {"message", "data", "pagination"}: `data` holds the page's items, and one more where there is a
/// next page.
Answer list(std::string_view message, const Request& request, const Page& page,
            std::vector<json::Value> data);

/// Each throws an Error that becomes a 400 naming the member or parameter.
[[noreturn]] void bad_request(const std::string& message);
[[noreturn]] void not_found(const std::string& message);
std::string needed_text(const json::Value& body, const char* name);
std::string text_or_empty(const json::Value& body, const char* name);
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
