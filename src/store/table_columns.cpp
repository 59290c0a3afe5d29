#include "store/delta.h"

namespace millrace::store {

std::vector<TableColumn> table_columns(Dataset dataset,
                                       const std::vector<std::string>& unit_types) {
  std::vector<TableColumn> columns{{"ingestion", "string"}, {"day", "date"}};
  const auto add = [&](std::initializer_list<TableColumn> more) {
    columns.insert(columns.end(), more);
  };
  const auto add_units = [&] {
    for (const std::string& unit : unit_types) columns.push_back({"unit_" + unit, "string"});
  };
  switch (dataset) {
    case Dataset::Events:
      add({{"event_name", "string"}, {"ts", "timestamp"}});
      add_units();
      add({{"value", "double"}, {"value_text", "string"}, {"metadata", "string"}});
      break;
    case Dataset::Metrics:
      add({{"metric_name", "string"},
           {"unit_type", "string"},
           {"unit_id", "string"},
           {"value", "double"},
           {"numerator", "double"},
           {"denominator", "double"}});
      break;
    case Dataset::Exposures:
      add({{"experiment", "string"}, {"group_id", "string"}, {"ts", "timestamp"}});
      add_units();
      add({{"metadata", "string"}});
      break;
    case Dataset::EntityProperties:
      add({{"unit_type", "string"},
           {"unit_id", "string"},
           {"ts", "timestamp"},
           {"properties", "string"}});
      break;
  }
  add({{"_load", "string"}});
  return columns;
}

}  // namespace millrace::store
