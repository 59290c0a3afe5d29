#include "pipeline/house.h"

#include <fmt/format.h>

#include <algorithm>

#include "pipeline/stage_day.h"
#include "warehouse/connector.h"

namespace millrace::pipeline {
namespace {

constexpr std::string_view kHowToGoOn =
    "If this home is a copy or was restored from a backup, run `millrace rebuild-catalog`; "
    "if another home owns the store, give this one its own [store] root";

[[noreturn]] void refuse(const std::string& why) {
  throw Error(Fault::Conflict, "not_the_latest_catalog", why, std::string(kHowToGoOn));
}

/// Of a catalog, or of a store.
template <typename Publisher>
bool has_published(Publisher& publisher) {
  return std::ranges::any_of(
      kDatasets, [&](Dataset dataset) { return publisher.highest_publish(dataset) > 0; });
}

void require_same_store(catalog::Catalog& catalog, store::Store& store) {
  const std::string known = catalog.store_id();
  if (known.empty()) {
    if (has_published(store)) {
      refuse("the store already holds days that this catalog does not know");
    }
    return catalog.set_store_id(store.id());
  }
  if (known != store.id()) {
    // A root that was set after `init`: nothing lies anywhere yet.
    if (!has_published(catalog) && !store.generation()) return catalog.set_store_id(store.id());
    refuse(fmt::format("the catalog belongs to store {}, but the store here is {}", known,
                       store.id()));
  }
}

void require_all_published(catalog::Catalog& catalog, store::Store& store) {
  for (const Dataset dataset : kDatasets) {
    const std::int64_t in_store = store.highest_publish(dataset);
    const std::int64_t in_catalog = catalog.highest_publish(dataset);
    if (in_store > in_catalog) {
      refuse(fmt::format("the store's {} were published up to {}, this catalog knows only {}",
                         name_of(dataset), in_store, in_catalog));
    }
  }
}

/// The store's newest generation; the catalog must be the one that wrote it.
std::optional<store::Store::Generation> known_generation(catalog::Catalog& catalog,
                                                         store::Store& store) {
  auto latest = store.generation();
  if (latest && !catalog.knows_generation(latest->number, latest->nonce)) {
    refuse(
        fmt::format("the store's generation {} was written with another catalog", latest->number));
  }
  return latest;
}

}  // namespace

void share(House& house, int among) {
  house.memory_bytes = 0;
  house.threads = 0;
  if (among <= 1) return;
  const Budget part = part_among(among);
  house.memory_bytes = part.memory_bytes;
  house.threads = part.threads;
}

int reads_at_once(const std::string& kind) {
  for (const warehouse::Kind* known : warehouse::kinds()) {
    if (known->name == kind) return known->capabilities.reads_max;
  }
  return 1;
}

void require_claim(House& house) { known_generation(house.catalog, house.store); }

void claim_store(catalog::Catalog& catalog, store::Store& store, Env& env) {
  require_same_store(catalog, store);
  for (;;) {
    const auto latest = known_generation(catalog, store);
    require_all_published(catalog, store);
    // The catalog knows the generation before the store does, so a crash in between is harmless.
    const store::Store::Generation next{latest ? latest->number + 1 : 1, new_id(env)};
    catalog.add_generation(next.number, next.nonce);
    if (store.put_generation(next)) return;
  }
}

WorkOrder order_for(House& house, const Ingestion& ingestion, Verb verb) {
  const auto connection = house.catalog.connection(ingestion.connection);
  if (!connection) {
    throw Error(Fault::Misconfigured, "unknown_connection",
                fmt::format("ingestion {} uses connection {}, which does not exist",
                            ingestion.handle, ingestion.connection),
                "Add it with `millrace connection add`, or name another one in the TOML");
  }
  WorkOrder order;
  order.verb = verb;
  order.kind = connection->kind;
  order.settings = house.resolve(*connection);
  order.roots = house.file_roots;
  order.ingestion = ingestion.id;
  order.definition = ingestion.definition;
  order.unit_types = house.project.unit_types;
  for (const std::string& name : house.catalog.project().unit_types) {
    // A caller of the API may have made one since this process began.
    const bool is_known = std::ranges::find(order.unit_types, name) != order.unit_types.end();
    if (!is_known) order.unit_types.push_back(name);
  }
  order.limits = ingestion.limits;
  order.memory_bytes = house.memory_bytes;
  order.threads = house.threads;
  return order;
}

}  // namespace millrace::pipeline
