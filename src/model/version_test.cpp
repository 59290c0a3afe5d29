#include "model/version.h"

#include <doctest/doctest.h>

namespace millrace {
namespace {

DayState loaded() {
  DayState state;
  state.current = "0190";
  state.attempt = Attempt::Loaded;
  return state;
}

TEST_CASE("a person sees one word for a day") {
  CHECK(status_of(DayState{}, false) == "never loaded");
  CHECK(status_of(loaded(), false) == "succeeded");
  CHECK(status_of(loaded(), true) == "succeeded, no data");
  DayState state;
  state.attempt = Attempt::Loading;
  CHECK(status_of(state, false) == "loading");
  state.attempt = Attempt::Waiting;
  CHECK(status_of(state, false) == "waiting");
}

TEST_CASE("a failed or rejected reload shows as failed although the day stays readable") {
  DayState state = loaded();
  state.attempt = Attempt::Failed;
  CHECK(status_of(state, false) == "failed");
  state.attempt = Attempt::Rejected;
  CHECK(status_of(state, false) == "failed");
}

TEST_CASE("a held day shows as held until it is loaded again") {
  DayState state = loaded();
  state.flags = kHeld | kMovedDuringRead;
  CHECK(status_of(state, false) == "held");
  state.attempt = Attempt::Waiting;
  CHECK(status_of(state, false) == "held");
  state.attempt = Attempt::Loading;
  CHECK(status_of(state, false) == "loading");
  state = loaded();
  state.flags = kMovedDuringRead | kNotRepeatable;
  CHECK(status_of(state, false) == "succeeded");
}

TEST_CASE("a certificate adds up when every row read is somewhere") {
  Certificate certificate;
  certificate.read = 10;
  certificate.loaded = 6;
  certificate.partly_loaded = 1;
  certificate.rejected = 1;
  CHECK(!certificate.adds_up());
  certificate.excluded = 2;
  CHECK(certificate.adds_up());
}

}  // namespace
}  // namespace millrace
