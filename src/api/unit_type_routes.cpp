#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "api/routes.h"
#include "base/error.h"
#include "base/letters.h"
#include "definition/files.h"

namespace millrace::api {
namespace {

json::Value unit_json(const catalog::UnitType& type) {
  return {{"name", type.name}, {"description", type.about}};
}

catalog::UnitType named(Call& call) {
  for (catalog::UnitType& type : call.catalog.unit_types()) {
    if (type.name == call.id) return std::move(type);
  }
  not_found(fmt::format("Unit ID Type {} not found", call.id));
}

/// Not one that the file names.
catalog::UnitType changeable(Call& call) {
  catalog::UnitType type = named(call);
  if (type.file) {
    throw Error(Fault::Conflict, "managed_elsewhere",
                fmt::format("the unit type {} is managed by the file millrace.toml", type.name),
                "Change it there, under [project]");
  }
  return type;
}

Answer list_types(Call& call) {
  const Page page = page_of(call.request);
  std::vector<json::Value> rows;
  for (const catalog::UnitType& type : call.catalog.unit_types()) rows.push_back(unit_json(type));
  return list("Unit ID Types listed successfully.", call.request, page, page.of(std::move(rows)));
}

Answer read(Call& call) { return one("Unit ID Type read successfully.", unit_json(named(call))); }

Answer create(Call& call) {
  const std::string name = text_or_empty(call.body, "name");
  if (!definition::is_unit_type_name(name)) {
    bad_request("name must consist of letters, digits and _, and no digit first");
  }
  for (const catalog::UnitType& known : call.catalog.unit_types()) {
    if (lower_case(known.name) == lower_case(name)) bad_request("Name is already in use");
  }
  call.catalog.add_unit_type(name, text_or_empty(call.body, "description"));
  Answer answer = one("Unit ID Type created successfully.",
                      {{"name", name}, {"description", text_or_empty(call.body, "description")}});
  answer.status = 201;
  return answer;
}

Answer update(Call& call) {
  catalog::UnitType type = changeable(call);
  type.about = text_or_empty(call.body, "description");
  call.catalog.describe_unit_type(type.name, type.about);
  return one("Unit ID Type updated successfully.", unit_json(type));
}

Answer remove(Call& call) {
  call.catalog.retire_unit_type(changeable(call).name);
  return done("Unit ID Type deleted successfully.");
}

constexpr Route kRoutes[] = {
    {.method = "GET",
     .path = "/console/v1/unit_id_types",
     .access = Access::Read,
     .about = "The project's types of units.",
     .query = "{page: page, limit: limit}",
     .gives = "list UnitType",
     .answer = list_types},
    {.method = "POST",
     .path = "/console/v1/unit_id_types",
     .access = Access::Write,
     .about = "A new one, beside those of millrace.toml. A name is never used again for something "
              "else.",
     .body = "{name*: name, description: text}",
     .status = 201,
     .gives = "one UnitType",
     .refuses = "409",
     .answer = create},
    {.method = "GET",
     .path = "/console/v1/unit_id_types/{id}",
     .access = Access::Read,
     .about = "One of them, by its name.",
     .gives = "one UnitType",
     .answer = read},
    {.method = "PATCH",
     .path = "/console/v1/unit_id_types/{id}",
     .access = Access::Write,
     .about = "Another description.",
     .body = "{description*: text}",
     .gives = "one UnitType",
     .refuses = "409",
     .answer = update},
    {.method = "DELETE",
     .path = "/console/v1/unit_id_types/{id}",
     .access = Access::Write,
     .about = "Retires one that the API made and no mapping names.",
     .gives = "done",
     .refuses = "409",
     .answer = remove},
};

}  // namespace

std::span<const Route> unit_type_routes() { return kRoutes; }

}  // namespace millrace::api
