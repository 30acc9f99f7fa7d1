// SPDX-License-Identifier: LGPL-2.1-or-later
// Text frames into the message parser: what comes back holds what its header promises.
#include "protocol.h"

#include <glib.h>

#include <cstddef>
#include <cstdint>

using namespace gws;

static void checkText(const std::string &text) {
  g_assert_true(g_utf8_validate(text.data(), static_cast<gssize>(text.size()), nullptr));
}

static void checkCandidate(const CandidateMessage &message) {
  checkText(message.candidate);
  if (message.mid) checkText(*message.mid);
  if (message.ufrag) checkText(*message.ufrag);
  if (message.lineIndex) g_assert_cmpuint(*message.lineIndex, <=, 65535);
  const Result<ClientMessage> again = parseClientMessage(
      candidateMessage(message.candidate, message.mid.value_or(""), message.lineIndex.value_or(0)));
  g_assert_true(again.ok());
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char *>(data), size);
  const std::string reason = closeReason(text);
  checkText(reason);
  g_assert_cmpuint(reason.size(), <=, 123);

  const Result<ClientMessage> message = parseClientMessage(text);
  if (!message) {
    g_assert_cmpint(message.error().code, ==, 4400);
    checkText(message.error().detail);
  } else if (const auto *offer = std::get_if<OfferMessage>(&*message)) {
    checkText(offer->sdp);
    g_assert_true(parseClientMessage(answerMessage(offer->sdp)).ok());
  } else if (const auto *candidate = std::get_if<CandidateMessage>(&*message)) {
    checkCandidate(*candidate);
  } else {
    const std::string &type = std::get_if<UnknownMessage>(&*message)->type;
    checkText(type);
    g_assert_cmpuint(type.size(), <=, 64);
  }
  return 0;
}
