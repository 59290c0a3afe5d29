#include "definition/plan.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/nearest.h"
#include "definition/entries.h"
#include "definition/tables.h"

namespace millrace::definition {
namespace {

using What = Change::What;

constexpr std::string_view kFileOwner = "file:";

std::string owner_text(const std::string& managed_by) {
  return managed_by.starts_with(kFileOwner) ? managed_by.substr(kFileOwner.size()) : "the API";
}

std::string in_words(const std::string& origin) {
  return origin.starts_with(kSetRoot) ? "the set " + origin.substr(kSetRoot.size()) : origin;
}

/// Before it is switched on: how much more than loading a day once.
std::string follow_up_cost(const Upkeep& upkeep) {
  const std::size_t ages = upkeep.follow_up.size();
  const std::string preset(preset_of(upkeep.follow_up, upkeep.follow_up_rule));
  if (upkeep.schedule.mode == ScheduleMode::Manual) {
    return "following up: off, as nothing happens by itself in the mode \"manual\"";
  }
  if (ages == 0) return "following up: off, so changes in the warehouse go unnoticed";
  if (upkeep.follow_up_rule.threshold_percent) {
    return fmt::format(
        "following up ({}): {} counts of each day; other values in as many rows go "
        "unnoticed",
        preset, ages);
  }
  return fmt::format(
      "following up ({}): each day is read up to {} more times in the warehouse, ≈ {} "
      "× the daily load",
      preset, ages, ages);
}

/// Compares a set of files with a catalog, and then makes the catalog what the files say.
class Planner {
 public:
  Planner(const FileSet& files, catalog::Catalog& catalog, bool prune)
      : files_(files),
        catalog_(catalog),
        prune_(prune),
        connections_(catalog.connections()),
        ingestions_(catalog.ingestions(true)) {}

  Plan plan() {
    for (const Connection& wanted : files_.connections) plan_connection(wanted);
    for (const Ingestion& wanted : files_.ingestions) plan_ingestion(wanted);
    plan_removals();
    return plan_;
  }

  /// After `plan`, inside a transaction. Connections come before what uses them and go after it.
  void carry_out() {
    for (const Connection& connection : put_connections_) catalog_.put_connection(connection);
    for (const std::string& id : archive_) catalog_.archive_ingestion(id);
    for (const Ingestion& ingestion : put_ingestions_) catalog_.put_ingestion(ingestion);
    for (const std::string& name : remove_connections_) catalog_.remove_connection(name);
  }

 private:
  // -- whose it is

  /// Whether a file of this set made it; for a folder, any file that lies in it now or once did.
  bool is_ours(const std::string& managed_by) const {
    if (!managed_by.starts_with(kFileOwner)) return false;
    const std::string file = managed_by.substr(kFileOwner.size());
    if (file == files_.origin) return true;
    return files_.origin == "." ? lies_in_home(file) : file.starts_with(files_.origin + "/");
  }

  static bool lies_in_home(const std::string& file) { return !file.starts_with('/'); }

  void require_ours(const std::string& kind, const std::string& name,
                    const std::string& managed_by) const {
    if (is_ours(managed_by)) return;
    throw Error(Fault::Conflict, "managed_elsewhere",
                fmt::format("{} {} is managed by {}, not by {}", kind, name,
                            in_words(owner_text(managed_by)), in_words(files_.origin)),
                fmt::format("Change it there; or `millrace {} remove {}`{} and apply again", kind,
                            name, kind == "ingestion" ? ", which keeps its days," : ""))
        .at(files_.origin);
  }

  // -- connections

  const Connection* known_connection(const std::string& name) const {
    const auto found =
        std::find_if(connections_.begin(), connections_.end(),
                     [&](const Connection& connection) { return connection.name == name; });
    return found == connections_.end() ? nullptr : &*found;
  }

  void plan_connection(const Connection& wanted) {
    Change change{.kind = "connection", .name = wanted.name};
    const Connection* known = known_connection(wanted.name);
    if (!known) {
      change.what = What::Add;
      change.details.push_back("kind: " + wanted.kind);
    } else {
      change.details = differences(entries_of(*known), entries_of(wanted));
      if (!change.details.empty()) require_ours("connection", wanted.name, known->managed_by);
      if (known->kind != wanted.kind) require_movable(*known);
      note_move(known->managed_by, wanted.managed_by, change);
      change.what = change.details.empty() ? What::Keep : What::Update;
    }
    const bool leads_as_before =
        known && known->kind == wanted.kind && known->settings == wanted.settings;
    if (!leads_as_before) require_new_secrets(wanted);
    if (change.what != What::Keep) put_connections_.push_back(wanted);
    plan_.changes.push_back(std::move(change));
  }

  /// Whoever writes files elsewhere could send what is kept already to a host of their choice.
  void require_new_secrets(const Connection& wanted) const {
    const std::string file = owner_text(wanted.managed_by);
    if (lies_in_home(file)) return;
    for (const auto& [setting, value] : wanted.settings) {
      const auto secret = kept_secret(value);
      if (!secret || !catalog_.secret(*secret)) continue;
      throw Error(
          Fault::Conflict, "secret_kept",
          fmt::format(
              "connection {} is new or leads elsewhere, and the secret {} was kept before: a "
              "file outside the home cannot send it there",
              wanted.name, *secret),
          fmt::format(
              "Refer to a name that is not in use, such as secret:{}.{}2; apply, and set it "
              "with `millrace secret set`",
              wanted.name, setting))
          .at(file);
    }
  }

  /// An ingestion that these files do not define would silently read another kind of warehouse.
  void require_movable(const Connection& connection) const {
    for (const Ingestion& user : ingestions_) {
      if (user.archived || user.connection != connection.name || is_wanted(user)) continue;
      throw Error(
          Fault::Conflict, "connection_in_use",
          fmt::format("connection {} cannot become another kind: ingestion {} of {} uses it",
                      connection.name, user.handle, owner_text(user.managed_by)),
          "Add a connection with another name")
          .at(files_.origin);
    }
  }

  /// A definition that moved to another file of the set now belongs to that one.
  void note_move(const std::string& before, const std::string& after, Change& change) const {
    if (before == after || !is_ours(before)) return;
    change.details.push_back(fmt::format("file: {} -> {}", owner_text(before), owner_text(after)));
  }

  // -- ingestions

  bool is_wanted(const Ingestion& known) const {
    return std::any_of(files_.ingestions.begin(), files_.ingestions.end(),
                       [&](const Ingestion& wanted) { return wanted.handle == known.handle; });
  }

  /// The ingestion with its connection's kind; that one is in the files or in the catalog.
  Ingestion with_kind(Ingestion ingestion) const {
    if (!ingestion.kind.empty()) return ingestion;
    const auto found = files_.connection_places.find(ingestion.handle);
    const std::string place =
        found == files_.connection_places.end() ? owner_text(ingestion.managed_by) : found->second;
    const Connection* connection = known_connection(ingestion.connection);
    if (!connection) {
      std::vector<std::string> names;
      for (const Connection& known : connections_) names.push_back(known.name);
      for (const Connection& known : files_.connections) names.push_back(known.name);
      throw Error(Fault::Misconfigured, "unknown_connection",
                  fmt::format("ingestion {} reads from connection {}, which does not exist{}",
                              ingestion.handle, ingestion.connection,
                              did_you_mean(nearest(ingestion.connection, names))),
                  names.empty() ? "Add one with `millrace connection add KIND NAME`"
                                : fmt::format("The connections are {}", fmt::join(names, ", ")))
          .at(place);
    }
    ingestion.kind = connection->kind;
    try {
      check_fits_kind(ingestion);
    } catch (const Error& error) {
      throw error.at(place);
    }
    return ingestion;
  }

  const Ingestion* living(const std::string& handle) const {
    const auto found = std::find_if(ingestions_.begin(), ingestions_.end(), [&](const auto& known) {
      return !known.archived && known.handle == handle;
    });
    return found == ingestions_.end() ? nullptr : &*found;
  }

  const Ingestion* of_same_name(const Ingestion& wanted) const {
    const auto found = std::find_if(ingestions_.begin(), ingestions_.end(), [&](const auto& known) {
      return known.kind == wanted.kind && known.name == wanted.name &&
             known.definition.dataset == wanted.definition.dataset;
    });
    return found == ingestions_.end() ? nullptr : &*found;
  }

  void plan_ingestion(const Ingestion& from_file) {
    Ingestion wanted = with_kind(from_file);
    Change change{.kind = "ingestion", .name = wanted.handle};
    if (const Ingestion* known = living(wanted.handle)) {
      plan_update(*known, wanted, change);
    } else if (const Ingestion* same = of_same_name(wanted); same && same->archived) {
      change.what = What::Revive;
      change.details.push_back("its id and its days come back");
      compare(*same, wanted, change);
    } else if (same) {
      plan_rename(*same, wanted, change);
    } else {
      change.what = What::Add;
      change.details.push_back(fmt::format("{} from connection {}",
                                           name_of(wanted.definition.dataset), wanted.connection));
    }
    const Ingestion* known = living(wanted.handle);
    if (wanted.upkeep.enabled && (!known || known->upkeep != wanted.upkeep)) {
      change.follow_up_cost = follow_up_cost(wanted.upkeep);
    }
    if (change.what != What::Keep) put_ingestions_.push_back(std::move(wanted));
    plan_.changes.push_back(std::move(change));
  }

  void plan_update(const Ingestion& known, Ingestion& wanted, Change& change) const {
    wanted.id = known.id;
    compare(known, wanted, change);
    if (!change.details.empty()) require_ours("ingestion", wanted.handle, known.managed_by);
    if (known.definition.dataset != wanted.definition.dataset) {
      throw Error(
          Fault::Misconfigured, "dataset_fixed",
          fmt::format("ingestion {} delivers {}; it cannot become {}", wanted.handle,
                      name_of(known.definition.dataset), name_of(wanted.definition.dataset)),
          "Give the new one another name, and remove the old one")
          .at(owner_text(wanted.managed_by));
    }
    note_move(known.managed_by, wanted.managed_by, change);
    change.what = change.details.empty() ? What::Keep : What::Update;
  }

  /// The same (kind, dataset, name) under another key: the key was changed, or it is somebody's.
  void plan_rename(const Ingestion& known, Ingestion& wanted, Change& change) const {
    require_ours("ingestion", known.handle, known.managed_by);
    if (is_wanted(known)) {
      throw Error(Fault::Misconfigured, "name_taken",
                  fmt::format("ingestions {} and {} are both named {}", known.handle, wanted.handle,
                              wanted.name),
                  "Give one of them another `name`")
          .at(owner_text(wanted.managed_by));
    }
    wanted.id = known.id;
    change.what = What::Update;
    change.details.push_back(fmt::format("key: {} -> {}", known.handle, wanted.handle));
    compare(known, wanted, change);
  }

  /// What changes from one to the other, and how many days were loaded by another definition.
  void compare(const Ingestion& known, const Ingestion& wanted, Change& change) const {
    std::vector<std::string> lines = differences(entries_of(known), entries_of(wanted));
    change.details.insert(change.details.end(), lines.begin(), lines.end());
    if (known.definition.zone != wanted.definition.zone) {
      change.details.push_back(fmt::format("zone of the project: {} -> {}", known.definition.zone,
                                           wanted.definition.zone));
    }
    if (known.kind != wanted.kind) {
      change.details.push_back(fmt::format("kind: {} -> {}", known.kind, wanted.kind));
    }
    const std::string revision = revision_of(wanted.definition);
    change.changes_definition = revision != revision_of(known.definition);
    if (!change.changes_definition) {
      change.stale_days = catalog_.stale_days(known.id).size();
      return;
    }
    for (const DayRow& row : catalog_.days(known.id)) {
      if (!row.state.current.empty() && row.revision != revision) ++change.stale_days;
    }
  }

  // -- what the files no longer hold

  bool is_renamed(const Ingestion& known) const {
    return std::any_of(put_ingestions_.begin(), put_ingestions_.end(),
                       [&](const Ingestion& put) { return put.id == known.id; });
  }

  void plan_removals() {
    for (const Ingestion& known : ingestions_) {
      if (known.archived || !is_ours(known.managed_by) || is_wanted(known) || is_renamed(known)) {
        continue;
      }
      plan_removal("ingestion", known.handle);
      if (prune_) archive_.push_back(known.id);
    }
    for (const Connection& known : connections_) {
      const bool wanted = std::any_of(files_.connections.begin(), files_.connections.end(),
                                      [&](const auto& one) { return one.name == known.name; });
      if (wanted || !is_ours(known.managed_by)) continue;
      plan_removal("connection", known.name);
      if (prune_) require_unused(known.name);
      if (prune_) remove_connections_.push_back(known.name);
    }
  }

  void plan_removal(const std::string& kind, const std::string& name) {
    Change change{.what = prune_ ? What::Remove : What::Keep, .kind = kind, .name = name};
    if (!prune_) change.details.push_back("no longer in the files; --prune removes it");
    if (prune_ && kind == "ingestion") change.details.push_back("its days stay");
    plan_.changes.push_back(std::move(change));
  }

  /// Users that stay once this plan is carried out.
  void require_unused(const std::string& connection) const {
    const auto refuse_user = [&](const std::string& user) {
      throw Error(
          Fault::Conflict, "connection_in_use",
          fmt::format("connection {} cannot be removed: ingestion {} uses it", connection, user),
          "Let it use another connection, or keep this one in the files")
          .at(files_.origin);
    };
    for (const Ingestion& wanted : files_.ingestions) {
      if (wanted.connection == connection) refuse_user(wanted.handle);
    }
    for (const Ingestion& known : ingestions_) {
      const bool goes = std::find(archive_.begin(), archive_.end(), known.id) != archive_.end();
      if (known.archived || known.connection != connection || goes || is_wanted(known) ||
          is_renamed(known)) {
        continue;
      }
      refuse_user(known.handle);
    }
  }

  const FileSet& files_;
  catalog::Catalog& catalog_;
  bool prune_;
  std::vector<Connection> connections_;
  std::vector<Ingestion> ingestions_;
  Plan plan_;
  std::vector<Connection> put_connections_;
  std::vector<Ingestion> put_ingestions_;
  std::vector<std::string> archive_, remove_connections_;
};

}  // namespace

bool Plan::empty() const {
  return std::all_of(changes.begin(), changes.end(),
                     [](const Change& change) { return change.what == What::Keep; });
}

Plan plan(const FileSet& files, catalog::Catalog& catalog, bool prune) {
  return Planner(files, catalog, prune).plan();
}

Plan apply(const FileSet& files, catalog::Catalog& catalog, bool prune) {
  Plan done;
  catalog.atomically([&] {
    Planner planner(files, catalog, prune);
    done = planner.plan();
    planner.carry_out();
  });
  return done;
}

std::string export_toml(catalog::Catalog& catalog, const std::string& name) {
  std::vector<Connection> connections;
  std::vector<Ingestion> ingestions;
  if (name.empty()) {
    connections = catalog.connections();
    ingestions = catalog.ingestions();
  } else if (const auto connection = catalog.connection(name)) {
    connections = {*connection};
  } else {
    ingestions = {catalog.ingestion(name)};
    if (auto used = catalog.connection(ingestions.front().connection)) connections = {*used};
  }
  std::string text;
  const auto append = [&](const std::string& table) { text += (text.empty() ? "" : "\n") + table; };
  for (const Connection& connection : connections) append(to_toml(connection));
  for (const Ingestion& ingestion : ingestions) append(to_toml(ingestion));
  return text;
}

}  // namespace millrace::definition
