#include "model/ingestion.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include <fmt/format.h>
#include <openssl/sha.h>
#include <nlohmann/json.hpp>

#include "model/json.h"

namespace millrace {
namespace {

/// Column names in the order met, each once.
class ColumnList {
 public:
  void add(const std::string& column) {
    if (column.empty()) return;
    if (std::find(columns_.begin(), columns_.end(), column) != columns_.end()) return;
    columns_.push_back(column);
  }
  void add(const Field& field) {
    if (!field.literal) add(field.text);
  }
  void add(const Named& named) {
    for (const auto& [name, column] : named) add(column);
  }
  std::vector<std::string> take() { return std::move(columns_); }

 private:
  std::vector<std::string> columns_;
};

}  // namespace

std::string_view name_of(Dataset dataset) {
  switch (dataset) {
    case Dataset::Events:
      return "events";
    case Dataset::Metrics:
      return "metrics";
    case Dataset::Exposures:
      return "exposures";
    case Dataset::EntityProperties:
      return "entity_properties";
  }
  throw std::logic_error("a dataset without a name");
}

std::optional<Dataset> dataset_named(std::string_view name) {
  for (const Dataset dataset : kDatasets) {
    if (name_of(dataset) == name) return dataset;
  }
  return {};
}

std::string_view name_of(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::Seconds:
      return "s";
    case TimeUnit::Milliseconds:
      return "ms";
    case TimeUnit::Microseconds:
      return "us";
  }
  throw std::logic_error("a time unit without a name");
}

std::string_view name_of(OnDuplicate rule) {
  switch (rule) {
    case OnDuplicate::Reject:
      return "reject";
    case OnDuplicate::Sum:
      return "sum";
    case OnDuplicate::Last:
      return "last";
  }
  throw std::logic_error("a rule for duplicates without a name");
}

bool RejectLimit::allows(std::int64_t rejected, std::int64_t read) const {
  if (rejected == 0) return true;
  if (rows) return rejected <= *rows;
  // The last digits of a percentage such as 2.3 do not survive in binary; the limit itself is
  // allowed.
  const double allowed = percent * static_cast<double>(read) * (1 + 1e-9);
  return 100.0 * static_cast<double>(rejected) <= allowed;
}

std::string RejectLimit::text() const {
  return rows ? fmt::format("{} rows", *rows) : fmt::format("{}%", percent);
}

std::string revision_of(const Definition& definition) {
  const std::string text = json::from(definition).dump();
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  std::string revision = "r-";
  for (std::size_t byte = 0; byte < 8; ++byte) revision += fmt::format("{:02x}", digest[byte]);
  return revision;
}

int hour_of(Dataset dataset, const std::map<Dataset, int>& dataset_hours) {
  const auto found = dataset_hours.find(dataset);
  return found == dataset_hours.end() ? kUsualHour : found->second;
}

std::string_view owner_of_hour(const Ingestion& ingestion) {
  return ingestion.upkeep.schedule.hour ? "ingestion" : "dataset";
}

Upkeep upkeep_of(const Ingestion& ingestion, const std::map<Dataset, int>& dataset_hours) {
  Upkeep upkeep = ingestion.upkeep;
  std::optional<int>& hour = upkeep.schedule.hour;
  if (!hour) hour = hour_of(ingestion.definition.dataset, dataset_hours);
  if (upkeep.schedule.mode == ScheduleMode::Hourly) hour = 0;
  return upkeep;
}

std::vector<std::string> columns_of(const Definition& definition) {
  const Mapping& mapping = definition.mapping;
  if (mapping.metadata_all || mapping.properties_all) return {};
  ColumnList columns;
  columns.add(mapping.event_name);
  columns.add(mapping.experiment);
  columns.add(mapping.group_id);
  columns.add(mapping.timestamp);
  columns.add(mapping.date);
  columns.add(mapping.ids);
  columns.add(mapping.units);
  columns.add(mapping.unit_id);
  columns.add(mapping.id_type);
  columns.add(mapping.metric_name);
  columns.add(mapping.event_value);
  columns.add(mapping.metric_value);
  columns.add(mapping.numerator);
  columns.add(mapping.denominator);
  for (const WideMetric& metric : mapping.metrics) {
    columns.add(metric.value);
    columns.add(metric.numerator);
    columns.add(metric.denominator);
  }
  columns.add(mapping.metadata);
  columns.add(mapping.metadata_object);
  columns.add(mapping.properties);
  for (const std::string& column : mapping.dedupe) columns.add(column);
  columns.add(mapping.order_by);
  return columns.take();
}

}  // namespace millrace
