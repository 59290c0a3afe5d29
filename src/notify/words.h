#pragma once

#include <string>
#include <vector>

#include "notify/message.h"

namespace millrace::notify {

/// One line of a message, in words.
struct Item {
  std::string head;        ///< "purchases 2026-11-20: failed"
  std::string what, next;  ///< The error; may be empty.
  std::string link;
};

/// A message in words, before it takes the form in which it travels.
struct Words {
  std::string title, lead;
  std::string what, next;  ///< The error that all items share.
  std::vector<Item> items;
  std::string foot;
};
Words words_of(const Message& message);

}  // namespace millrace::notify
