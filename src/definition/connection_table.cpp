#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "base/error.h"
#include "definition/keys.h"
#include "definition/tables.h"
#include "warehouse/connector.h"

namespace millrace::definition {
namespace {

using Type = Node::Type;

std::string in_capitals(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) {
    return std::isalnum(c) ? static_cast<char>(std::toupper(c)) : '_';
  });
  return text;
}

std::string text_of(const Node::Member& setting) {
  const Node& value = setting.value;
  if (value.is(Type::Text)) return value.text;
  if (value.is(Type::Integer)) return fmt::format("{}", value.integer);
  if (value.is(Type::Boolean)) return value.boolean ? "true" : "false";
  refuse(value.place,
         fmt::format("\"{}\" must be a text, a whole number, true or false, not {}", setting.key,
                     value.type_name()),
         fmt::format("For example: {} = \"…\"", setting.key));
}

void check_secret(const Node::Member& setting, const std::string& value, const Source& source,
                  const Connection& connection, const warehouse::Setting& known) {
  const Place& place = setting.value.place;
  if (known.secret && !value.empty() && !is_reference(value)) {
    refuse(place,
           fmt::format("\"{}\" of connection {} stands here in clear text", setting.key,
                       connection.name),
           fmt::format("Write {0} = \"env:{1}_{2}\" or {0} = \"file:secrets/{3}\", or let "
                       "`millrace connection add {4} {3}` ask for it",
                       setting.key, in_capitals(connection.name), in_capitals(setting.key),
                       connection.name, connection.kind));
  }
  if (!is_reference(value)) return;
  if (!source.file.under_home && !kept_secret(value)) {
    refuse(
        place,
        fmt::format("\"{}\" refers to a secret of this machine, but this file does not lie under "
                    "the home {}, and could send it anywhere",
                    setting.key, source.configuration.home.string()),
        fmt::format("Write {0} = \"secret:{1}.{0}\", apply, and set it with `millrace secret set "
                    "{1}.{0}`; or move the file under the home",
                    setting.key, connection.name));
  }
  located(place, [&] { check_reference(value); });
}

void read_settings(const Node::Member& table, const Source& source, const warehouse::Kind& kind,
                   Connection& connection) {
  std::vector<std::string_view> valid = {"kind"};
  for (const warehouse::Setting& setting : kind.settings) valid.push_back(setting.name);
  for (const Node::Member& member : table.value.members) {
    if (member.key == "kind") continue;
    const auto known =
        std::find_if(kind.settings.begin(), kind.settings.end(),
                     [&](const warehouse::Setting& setting) { return setting.name == member.key; });
    if (known == kind.settings.end()) {
      refuse_unknown_key(member, "connection." + connection.name, valid);
    }
    const std::string value = text_of(member);
    check_secret(member, value, source, connection, *known);
    if (!is_reference(value)) {
      located(member.value.place,
              [&] { warehouse::check_value(*known, value, source.configuration.file_roots); });
    }
    connection.settings[member.key] = value;
  }
}

}  // namespace

Connection read_connection(const Node::Member& table, const Source& source) {
  check_name(table, "connection");
  Connection connection{
      .name = table.key, .kind = {}, .settings = {}, .managed_by = "file:" + source.file.name};
  const Node::Member* kind = table.value.find("kind");
  if (!kind) {
    refuse(table.value.place, fmt::format("[connection.{}] lacks \"kind\"", table.key),
           "The kinds: `millrace connection kinds`");
  }
  if (!kind->value.is(Type::Text)) {
    refuse(kind->value.place,
           fmt::format("\"kind\" must be a text, not {}", kind->value.type_name()),
           "The kinds: `millrace connection kinds`");
  }
  const warehouse::Kind& known = located(kind->value.place, [&]() -> const warehouse::Kind& {
    return warehouse::kind_named(kind->value.text);
  });
  connection.kind = known.name;
  read_settings(table, source, known, connection);
  located(table.value.place, [&] {
    warehouse::validate(known, connection.settings, source.configuration.file_roots);
  });
  return connection;
}

}  // namespace millrace::definition
