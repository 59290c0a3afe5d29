#include "notify/teller.h"

#include <doctest/doctest.h>

#include "catalog/fixture.h"
#include "model/alert.h"
#include "notify/courier.h"

namespace millrace::notify {
namespace {

using namespace catalog::fixture;
using catalog::Catalog;
using catalog::Note;
using std::chrono::minutes;

const Error kUnreachable(Fault::Unavailable, "unreachable", "connecting failed", "Check host");

/// A catalog with one ingestion, whose owner hears by a webhook that nobody listens to.
struct Shop {
  Folder folder;
  Clock clock;
  Catalog catalog{{.path = folder.catalog()}, clock};
  Ingestion ingestion = catalog.put_ingestion(flights());
  NotifySettings settings;

  Shop() {
    settings.webhooks["ops"] = {"http://127.0.0.1:9/", "secret"};
    settings.gather = std::chrono::seconds(0);
    tell();
  }

  void fail(Day day = kDay) {
    catalog.fail_load(catalog.begin_load(ingestion.id, day, revision_of(ingestion.definition),
                                         "run-2", "scheduled"),
                      Attempt::Failed, kUnreachable);
  }
  /// By a process of its own, which knows only what the catalog knows.
  int tell() {
    Teller teller(catalog, catalog.project(), settings, clock);
    return teller.tick();
  }
  std::vector<Note> notes() { return catalog.notes(false, 100); }
};

}  // namespace

TEST_CASE("a load that failed is one note in the outbox, whoever looks and however often") {
  Shop shop;
  shop.fail();
  CHECK(shop.tell() == 1);
  CHECK(shop.tell() == 0);
  const auto notes = shop.notes();
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].title == "flights: 2013-01-01 failed");
  CHECK(notes[0].channel == "webhook");
  const Message message = message_in(notes[0].body);
  REQUIRE(message.lines.size() == 1);
  CHECK(message.lines[0].error->advice == "Check host");
  CHECK(message.lines[0].error->fault == Fault::Unavailable);
  CHECK(message.lines[0].run == "run-2");
}

TEST_CASE("a load that somebody mends at a terminal ends the incident") {
  Shop shop;
  shop.fail();
  shop.tell();
  shop.clock.pass(minutes(30));
  shop.fail();
  CHECK(shop.tell() == 0);
  shop.clock.pass(minutes(30));
  load_day(shop.catalog, shop.ingestion, 100);
  CHECK(shop.tell() == 1);
  CHECK(shop.notes()[0].kind == "recovered");
  CHECK(message_in(shop.notes()[0].body).thread == message_in(shop.notes()[1].body).thread);
  CHECK(shop.catalog.open_incidents().empty());
}

TEST_CASE("a held load is told when it stays held, and its end when it is accepted") {
  Shop shop;
  load_day(shop.catalog, shop.ingestion, 100);
  const auto lease = shop.catalog.begin_load(
      shop.ingestion.id, kDay, revision_of(shop.ingestion.definition), "run-2", "resync");
  shop.catalog.hold_load(lease, manifest_of(lease, shop.ingestion, 5), "the day shrank");
  CHECK(shop.tell() == 0);
  shop.clock.pass(minutes(41));
  CHECK(shop.tell() == 1);
  CHECK(message_in(shop.notes()[0].body).lines.at(0).note == "the day shrank");
  const auto accepted = shop.catalog.accept_load(shop.ingestion.id, kDay);
  shop.catalog.publish(accepted, version_of(accepted, shop.ingestion, 5), 0, "");
  shop.clock.pass(minutes(1));
  CHECK(shop.tell() == 1);
  CHECK(shop.notes()[0].kind == "recovered");
}

TEST_CASE("what was asked of the service is told, what was typed at a terminal is not") {
  Shop shop;
  shop.catalog.fail_load(begin(shop.catalog, shop.ingestion), Attempt::Failed, kUnreachable);
  CHECK(shop.tell() == 0);
  const std::string run =
      shop.catalog.ask("run-9", shop.ingestion.id, {kDay.plus(1)}, "manual").at(0);
  const auto lease = shop.catalog.begin_load(shop.ingestion.id, kDay.plus(1),
                                             revision_of(shop.ingestion.definition), run, "manual");
  shop.catalog.fail_load(lease, Attempt::Failed, kUnreachable);
  CHECK(shop.tell() == 1);
}

TEST_CASE("a backfill is told when none of its days is open any more") {
  Shop shop;
  shop.catalog.ask("run-9", shop.ingestion.id, {kDay, kDay.plus(1)}, "backfill");
  for (const auto& asked : shop.catalog.asked(10)) {
    const auto lease = shop.catalog.begin_load(
        shop.ingestion.id, asked.day, revision_of(shop.ingestion.definition), "run-9", "backfill");
    shop.catalog.publish(lease, version_of(lease, shop.ingestion, 10), 0, "");
    CHECK(shop.tell() == 0);
    shop.catalog.end_asked(asked.id, {});
  }
  CHECK(shop.tell() == 1);
  CHECK(shop.tell() == 0);
  CHECK(shop.notes().at(0).title == "flights: the backfill of 2 days is done");
}

TEST_CASE("a note that could not be carried waits longer each time and is given up in the end") {
  Shop shop;
  shop.fail();
  shop.tell();
  Courier courier(shop.catalog, [&] { return shop.settings; }, shop.clock);
  std::vector<std::int64_t> waits;
  for (Note note = shop.notes()[0]; !note.refused_at; note = shop.notes()[0]) {
    CHECK(courier.deliver({}) == 0);
    const Note after = shop.notes()[0];
    CHECK(after.id == note.id);
    CHECK(after.tries == note.tries + 1);
    waits.push_back((after.next_at - shop.clock.now()) / minutes(1));
    shop.clock.pass(after.next_at - shop.clock.now());
    REQUIRE(waits.size() < 200);
  }
  CHECK(std::vector(waits.begin(), waits.begin() + 7) ==
        std::vector<std::int64_t>{0, 1, 3, 7, 15, 31, 59});
  CHECK(waits.size() > 70);
  CHECK(shop.notes()[0].error_text.find("posting to the webhook failed") == 0);
}

TEST_CASE("a note that was taken is nobody else's for a while, and then due again") {
  Shop shop;
  shop.fail();
  shop.tell();
  const auto note = shop.catalog.take_note(std::chrono::seconds(120));
  REQUIRE(note);
  CHECK(!shop.catalog.take_note(std::chrono::seconds(120)));
  shop.clock.pass(minutes(3));
  const auto again = shop.catalog.take_note(std::chrono::seconds(120));
  REQUIRE(again);
  CHECK(again->id == note->id);
  CHECK(again->body == note->body);
}

TEST_CASE("what a catalog is rebuilt from is old news") {
  Shop shop;
  load_day(shop.catalog, shop.ingestion, 0);
  const auto intents = shop.catalog.intents();
  Folder other;
  Catalog rebuilt({.path = other.catalog()}, shop.clock);
  for (const auto& intent : intents) {
    if (intent.what == "publish_record") {
      rebuilt.replay(intent.dataset, intent.seq, intent.record);
    }
  }
  CHECK(rebuilt.day(shop.ingestion.id, kDay)->attempt == Attempt::Empty);
  CHECK(rebuilt.untold(10).empty());
}

TEST_CASE("an alert is told while it stands, and its end when it is cleared") {
  Shop shop;
  load_day(shop.catalog, shop.ingestion, 100);
  shop.tell();
  shop.clock.pass(minutes(1));
  shop.catalog.raise_alert(shop.ingestion.id, kDay.plus(1), kNotFresh, "flights is late");
  CHECK(shop.tell() == 1);
  CHECK(shop.notes()[0].title == "flights: 2013-01-02 is late");
  shop.clock.pass(minutes(60));
  CHECK(shop.tell() == 0);
  shop.catalog.clear_alert(shop.ingestion.id, kNotFresh);
  CHECK(shop.tell() == 1);
  CHECK(shop.notes()[0].kind == "recovered");
  CHECK(shop.catalog.open_incidents().empty());
}

TEST_CASE("the user who set an ingestion up hears of it, until the user is gone") {
  Shop shop;
  shop.settings.webhooks.clear();
  shop.settings.smtp.host = "127.0.0.1";
  catalog::User user{.id = "u-1", .email = "eve@example.com", .role = "editor"};
  shop.catalog.put_user(user);
  shop.catalog.act_as({.kind = "user", .id = user.id, .name = user.email});
  Ingestion hers = shop.ingestion;
  hers.id.clear();
  hers.handle = hers.name = "hers";
  shop.ingestion = shop.catalog.put_ingestion(hers);
  shop.catalog.act_as({.kind = "shell", .name = "root"});
  CHECK(shop.catalog.creator(shop.ingestion) == "eve@example.com");
  shop.fail();
  CHECK(shop.tell() == 1);
  CHECK(shop.notes()[0].target == "eve@example.com");
  user.slack_direct = true;
  shop.catalog.put_user(user);
  shop.settings.slack.token = "xoxb";
  shop.fail(kDay.plus(1));
  CHECK(shop.tell() == 1);
  CHECK(shop.notes()[0].channel == "direct");
  user.active = false;
  shop.catalog.put_user(user);
  CHECK(shop.catalog.creator(shop.ingestion).empty());
}

}  // namespace millrace::notify
