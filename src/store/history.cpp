#include "store/history.hpp"

namespace store {

bool may_read(const Party& viewer, const StoredMessage& message) {
  if (!message.private_to) return true;
  const auto is = [&](const Party& party) {
    return (!viewer.account.empty() && viewer.account == party.account) ||
           (!viewer.participant.empty() && viewer.participant == party.participant);
  };
  return is(message.sender) || is(*message.private_to);
}

}  // namespace store
