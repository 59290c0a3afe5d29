#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/routes.h"
#include "base/letters.h"

namespace millrace::api {
namespace {

json::Value content(json::Value schema, std::string_view media = "application/json") {
  return {{media, {{"schema", std::move(schema)}}}};
}

json::Value envelope(std::string_view gives) {
  json::Value properties{{"message", {{"type", "string"}}}};
  json::Value needed = json::Value::array({"message"});
  const bool is_list = gives.starts_with("list ");
  if (gives != "done") {
    json::Value data = schema_of(shape_in(gives));
    if (is_list) data = {{"type", "array"}, {"items", std::move(data)}};
    properties["data"] = std::move(data);
    needed.push_back("data");
  }
  if (is_list) {
    properties["pagination"] = {{"$ref", "#/components/schemas/Pagination"}};
    needed.push_back("pagination");
  }
  return {{"type", "object"}, {"properties", properties}, {"required", needed}};
}

json::Value answer_schema(std::string_view gives) {
  const bool has_envelope =
      gives == "done" || gives.starts_with("one ") || gives.starts_with("list ");
  return has_envelope ? envelope(gives) : schema_of(shape_in(gives));
}

constexpr struct {
  int status;
  std::string_view about;
} kRefusals[] = {
    {302, "Go on at Location."},
    {400, "The request is wrong, and the message says where."},
    {401, "The key is missing, unknown, deactivated, or of another type."},
    {403, "The key lacks a scope."},
    {404, "There is no such thing."},
    {409, "A file owns it, the name is taken, or it is in use."},
    {422, "The Idempotency-Key was used with another request."},
    {429, "Too many requests with this key, or too soon again: see Retry-After."},
    {502, "The warehouse could not be asked."},
    {503, "Busy, or about to stop: see Retry-After."},
};

std::string about_status(int status) {
  for (const auto& known : kRefusals) {
    if (known.status == status) return std::string(known.about);
  }
  return "Done.";
}

json::Value parameter(std::string_view in, const std::string& name, bool needed,
                      json::Value schema) {
  return {{"name", name}, {"in", in}, {"required", needed}, {"schema", std::move(schema)}};
}

json::Value parameters_of(const Route& route) {
  json::Value all = json::Value::array();
  if (route.path.find("{id}") != std::string_view::npos) {
    all.push_back(parameter("path", "id", true, {{"type", "string"}, {"minLength", 1}}));
  }
  if (!route.query.empty()) {
    for (const Shape::Member& member : shape_in(route.query).members) {
      all.push_back(parameter("query", member.name, member.needed, schema_of(member.shape)));
    }
  }
  if (route.access == Access::Ready) {
    all.push_back(
        parameter("header", "Idempotency-Key", false, {{"type", "string"}, {"maxLength", 255}}));
  }
  return all;
}

std::string operation_id(const Route& route) {
  std::string id = lower_case(route.method);
  for (const char c : route.path) {
    if (std::isalnum(static_cast<unsigned char>(c))) {
      id += c;
    } else if (!id.ends_with('_')) {
      id += '_';
    }
  }
  while (id.ends_with('_')) id.pop_back();
  return id;
}

json::Value operation(const Route& route) {
  json::Value value{{"operationId", operation_id(route)}, {"summary", route.about}};
  if (json::Value parameters = parameters_of(route); !parameters.empty()) {
    value["parameters"] = std::move(parameters);
  }
  if (!route.body.empty()) {
    const Shape& shape = shape_in(route.body);
    const bool is_needed = std::ranges::any_of(shape.members, &Shape::Member::needed);
    value["requestBody"] = {{"required", is_needed}, {"content", content(schema_of(shape))}};
  }
  for (const int status : statuses_of(route)) {
    json::Value answer = content({{"$ref", "#/components/schemas/Refusal"}});
    if (status == route.status) {
      answer = route.gives.starts_with("text/") ? content({{"type", "string"}}, route.gives)
                                                : content(answer_schema(route.gives));
    }
    value["responses"][fmt::format("{}", status)] = {{"description", about_status(status)},
                                                     {"content", std::move(answer)}};
  }
  if (route.access == Access::Open) {
    value["security"] = json::Value::array();
  }
  return value;
}

std::string written() {
  json::Value all{{"openapi", "3.1.0"},
                  {"info",
                   {{"title", "Millrace"},
                    {"version", "1"},
                    {"description",
                     "The Console API that callers of data warehouse ingestion know, and our "
                     "own beside it. See docs/reference/api.md."}}}};
  for (const Route& route : routes()) {
    all["paths"][std::string(route.path)][lower_case(route.method)] = operation(route);
  }
  for (const NamedShape& shape : named_shapes()) {
    all["components"]["schemas"][std::string(shape.name)] = schema_of(read_shape(shape.text));
  }
  all["components"]["securitySchemes"]["key"] = {
      {"type", "apiKey"}, {"in", "header"}, {"name", "STATSIG-API-KEY"}};
  all["security"] = json::Value::array({{{"key", json::Value::array()}}});
  return all.dump(1);
}

}  // namespace

const std::string& openapi() {
  static const std::string text = written();
  return text;
}

}  // namespace millrace::api
