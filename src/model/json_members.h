#pragma once

#include <concepts>
#include <type_traits>

#include "model/work.h"

/// Which members of each struct JSON shows, and under which keys. `go` is a writer or a reader:
/// both walk through the same list, so that the two directions cannot drift apart.
///   go(key, member)              absent on reading: keeps its default
///   go.required(key, member)     absent on reading: an error
///   go.unless_default(...)       not written when it says nothing; for definitions, so that a
///   member
///                                added later does not change the hash of old ones
///   go.named(...)                pairs with unique first halves, as an object; not written when
///   empty
namespace millrace::json::leaf {

/// A struct being written or read: `const S` or `S`.
template <class T, class S>
concept Is = std::same_as<std::remove_const_t<T>, S>;

void describe(auto& go, Is<WideMetric> auto& metric) {
  go.required("name", metric.name);
  go.unless_default("value", metric.value);
  go.unless_default("numerator", metric.numerator);
  go.unless_default("denominator", metric.denominator);
}

void describe(auto& go, Is<Mapping> auto& mapping) {
  go.unless_default("event_name", mapping.event_name);
  go.unless_default("experiment", mapping.experiment);
  go.unless_default("group_id", mapping.group_id);
  go.unless_default("timestamp", mapping.timestamp);
  go.unless_default("timestamp_zone", mapping.timestamp_zone);
  go("timestamp_unit", mapping.timestamp_unit);
  go.named("ids", mapping.ids);
  go.unless_default("event_value", mapping.event_value);
  go.named("metadata", mapping.metadata);
  go.unless_default("metadata_all", mapping.metadata_all);
  go.unless_default("metadata_object", mapping.metadata_object);
  go.unless_default("dedupe", mapping.dedupe);
  go.unless_default("date", mapping.date);
  go.named("units", mapping.units);
  go.unless_default("metrics", mapping.metrics);
  go.unless_default("unit_id", mapping.unit_id);
  go.unless_default("id_type", mapping.id_type);
  go.unless_default("metric_name", mapping.metric_name);
  go.unless_default("metric_value", mapping.metric_value);
  go.unless_default("numerator", mapping.numerator);
  go.unless_default("denominator", mapping.denominator);
  go.unless_default("on_duplicate", mapping.on_duplicate);
  go.unless_default("order_by", mapping.order_by);
  go.named("properties", mapping.properties);
  go.unless_default("properties_all", mapping.properties_all);
}

void describe(auto& go, Is<Partition> auto& partition) {
  go.required("column", partition.column);
  go("type", partition.type);
  go("lag_days", partition.lag_days);
}

void describe(auto& go, Is<Definition> auto& definition) {
  go.required("dataset", definition.dataset);
  go.unless_default("query", definition.query);
  go.unless_default("folder", definition.folder);
  go("mapping", definition.mapping);
  go("partition", definition.partition);
  go.required("zone", definition.zone);
}

void describe(auto& go, Is<Schedule> auto& schedule) {
  go("mode", schedule.mode);
  go("hour", schedule.hour);
  go("every_hours", schedule.every_hours);
  go("deadline_minutes", schedule.deadline_minutes);
  go("ready", schedule.ready);
  go("fresh_by_minutes", schedule.fresh_by_minutes);
}

void describe(auto& go, Is<FollowUpRule> auto& rule) {
  go("threshold_percent", rule.threshold_percent);
  go("from_label", rule.from_label);
  go("max_scan_bytes", rule.max_scan_bytes);
}

void describe(auto& go, Is<Upkeep> auto& upkeep) {
  go("enabled", upkeep.enabled);
  go("schedule", upkeep.schedule);
  go("follow_up", upkeep.follow_up);
  go("follow_up_rule", upkeep.follow_up_rule);
}

void describe(auto& go, Is<Audience> auto& audience) {
  go.unless_default("owner", audience.owner);
  go.unless_default("subscribers", audience.subscribers);
  go.unless_default("slack", audience.slack);
  go.unless_default("include_rows", audience.include_rows);
}

void describe(auto& go, Is<RejectLimit> auto& limit) {
  go("percent", limit.percent);
  go("rows", limit.rows);
}

void describe(auto& go, Is<Limits> auto& limits) {
  go("max_rejected", limits.max_rejected);
  go("shrink_max_percent", limits.shrink_max_percent);
  go("allow_empty", limits.allow_empty);
  go("rows_per_month", limits.rows_per_month);
}

void describe(auto& go, Is<Fingerprint> auto& fingerprint) {
  go.required("key", fingerprint.key);
  go.required("rows", fingerprint.rows);
  go.required("sum", fingerprint.sum);
  go.named("by_column", fingerprint.by_column);
}

void describe(auto& go, Is<Certificate> auto& certificate) {
  go.required("read", certificate.read);
  go.required("loaded", certificate.loaded);
  go("partly_loaded", certificate.partly_loaded);
  go("rejected", certificate.rejected);
  go("excluded", certificate.excluded);
  go("output_rows", certificate.output_rows);
  go("rejected_by_reason", certificate.rejected_by_reason);
  go("partly_by_reason", certificate.partly_by_reason);
  go("excluded_by_rule", certificate.excluded_by_rule);
  go("source_count", certificate.source_count);
  go("counted_by", certificate.counted_by);
  go("before", certificate.before);
  go("after", certificate.after);
  go("snapshot", certificate.snapshot);
  go.named("sums", certificate.sums);
  go.named("upstream", certificate.upstream);
}

void describe(auto& go, Is<FileEntry> auto& file) {
  go.required("path", file.path);
  go("bytes", file.bytes);
  go("rows", file.rows);
  go("revision", file.revision);
  go("stats", file.stats);
}

void describe(auto& go, Is<Version> auto& version) {
  go.required("id", version.id);
  go.required("ingestion", version.ingestion);
  go.required("day", version.day);
  go("parent", version.parent);
  go("kind", version.kind);
  go("revision", version.revision);
  go.required("files", version.files);
  go("quarantine", version.quarantine);
  go.required("certificate", version.certificate);
  go("fingerprint", version.fingerprint);
  go("token", version.token);
  go("delivers", version.delivers);
  go.required("published_at", version.published_at);
}

void describe(auto& go, Is<DayState> auto& state) {
  go.required("ingestion", state.ingestion);
  go.required("day", state.day);
  go("current", state.current);
  go("attempt", state.attempt);
  go("load", state.load);
  go("flags", state.flags);
  go("held_load", state.held_load);
  go("hold_reason", state.hold_reason);
  go("error_code", state.error_code);
  go("error_text", state.error_text);
  go("error_advice", state.error_advice);
  go("error_fault", state.error_fault);
  go("changed_at", state.changed_at);
}

void describe(auto& go, Is<Known> auto& known) {
  go.required("rows", known.rows);
  go("fingerprint", known.fingerprint);
  go("token", known.token);
  go("content_checks", known.content_checks);
  go("threshold_percent", known.threshold_percent);
}

void describe(auto& go, Is<Replayed> auto& replayed) {
  go.required("quarantine", replayed.quarantine);
  go("files", replayed.files);
  go.required("certificate", replayed.certificate);
}

void describe(auto& go, Is<DayOrder> auto& order) {
  go("load", order.load);
  go.required("day", order.day);
  go("staging", order.staging);
  go("ready", order.ready);
  go.named("upstream", order.upstream);
  go("waits_for_data", order.waits_for_data);
  go("is_doubted", order.is_doubted);
  go("known", order.known);
  go("replayed", order.replayed);
}

void describe(auto& go, Is<WorkOrder> auto& order) {
  go.required("verb", order.verb);
  go.required("kind", order.kind);
  go("settings", order.settings);
  go("roots", order.roots);
  go("ingestion", order.ingestion);
  go("definition", order.definition);
  go("unit_types", order.unit_types);
  go("limits", order.limits);
  go("days", order.days);
  go("text", order.text);
  go("rows", order.rows);
  go("memory_bytes", order.memory_bytes);
  go("threads", order.threads);
  go("fingerprint", order.fingerprint);
  go("max_scan_bytes", order.max_scan_bytes);
}

void describe(auto& go, Is<Manifest> auto& manifest) {
  go.required("load", manifest.load);
  go.required("day", manifest.day);
  go("revision", manifest.revision);
  go.required("files", manifest.files);
  go("quarantine", manifest.quarantine);
  go.required("certificate", manifest.certificate);
  go("fingerprint", manifest.fingerprint);
  go("token", manifest.token);
  go("delivers", manifest.delivers);
  go("moved_during_read", manifest.moved_during_read);
  go("not_repeatable", manifest.not_repeatable);
  go("provisional", manifest.provisional);
  go("took_ms", manifest.took_ms);
  go("note", manifest.note);
}

void describe(auto& go, Is<Progress> auto& progress) {
  go("load", progress.load);
  go.required("day", progress.day);
  go("stage", progress.stage);
  go("rows", progress.rows);
  go("bytes", progress.bytes);
  go("rows_total", progress.rows_total);
}

void describe(auto& go, Is<CheckResult> auto& result) {
  go.required("day", result.day);
  go.required("changed", result.changed);
  go("by", result.by);
  go("rows_then", result.rows_then);
  go("rows_now", result.rows_now);
  go("note", result.note);
  go("repeatable", result.repeatable);
  go("took_ms", result.took_ms);
  go("bytes", result.bytes);
}

void describe(auto& go, Is<ProbeReport::Step> auto& step) {
  go.required("name", step.name);
  go.required("ok", step.ok);
  go("detail", step.detail);
  go("advice", step.advice);
}

void describe(auto& go, Is<ProbeReport> auto& report) {
  go("steps", report.steps);
  go("server", report.server);
}

void describe(auto& go, Is<Column> auto& column) {
  go.required("name", column.name);
  go.required("type", column.type);
  go("vendor_type", column.vendor_type);
}

void describe(auto& go, Is<Table> auto& table) {
  go("schema", table.schema);
  go.required("name", table.name);
  go("kind", table.kind);
}

}  // namespace millrace::json::leaf
