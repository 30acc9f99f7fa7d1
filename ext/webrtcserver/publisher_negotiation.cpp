// SPDX-License-Identifier: LGPL-2.1-or-later
// A publisher's offer and answer, and restarts of ICE.
#include <gst/sdp/sdp.h>
#include <gst/webrtc/webrtc.h>

#include "log.h"
#include "publisher.h"

GWS_LOG_CATEGORY("webrtcserver-publisher", "publishers' offers and answers");

namespace gws {

using Description = Owned<GstWebRTCSessionDescription, gst_webrtc_session_description_free>;

constexpr std::chrono::milliseconds kReplyPatience(5000);

/// Until then webrtcbin's thread builds elements, and a bin that goes to NULL meanwhile sets those
/// to READY that are not ready to be: 1.22 crashes, or they run for ever. Whose thread was stopped
/// replies to nobody.
void Publisher::awaitReply() {
  if (reply_) reply_->await(kReplyPatience);
}

GstPromise *Publisher::promise(Step next) {
  struct Pending {
    std::weak_ptr<Publisher> publisher;
    Step next;
    std::shared_ptr<Sign> reply;
  };
  auto answered = [](GstPromise *promise, gpointer data) {
    auto *pending = static_cast<Pending *>(data);
    pending->reply->give();
    auto self = pending->publisher.lock();
    // Interrupted or expired promises belong to a webrtcbin that is on its way out.
    if (!self || gst_promise_wait(promise) != GST_PROMISE_RESULT_REPLIED) return;
    const GstStructure *reply = gst_promise_get_reply(promise);
    std::shared_ptr<GstStructure> copy(reply ? gst_structure_copy(reply) : nullptr,
                                       [](GstStructure *s) { OwnedStructure owned(s); });
    self->strand_->post([self, copy, next = pending->next] {
      if (!self->ended_) (self.get()->*next)(copy.get());
    });
  };
  auto destroy = [](gpointer data) { delete static_cast<Pending *>(data); };
  reply_ = std::make_shared<Sign>();
  promise_ = Ref<GstPromise>::take(gst_promise_new_with_change_func(
      answered, new Pending{weak_from_this(), next, reply_}, destroy));
  return promise_.get();
}

static Description describe(GstWebRTCSDPType type, const std::string &text) {
  GstSDPMessage *message;
  if (gst_sdp_message_new_from_text(text.c_str(), &message) != GST_SDP_OK) return nullptr;
  return Description(gst_webrtc_session_description_new(type, message));
}

static const GError *errorOf(const GstStructure *reply) {
  const GValue *value = reply ? gst_structure_get_value(reply, "error") : nullptr;
  return value ? static_cast<const GError *>(g_value_get_boxed(value)) : nullptr;
}

void Publisher::negotiate() {
  auto offer = describe(GST_WEBRTC_SDP_TYPE_OFFER,
                        sanitisedOffer(offer_, selections(), offer_.fingerprints.front()));
  if (!offer)
    return report_(PublisherFailed{CloseCode::BadMessage, "the offer cannot be negotiated"});
  g_signal_emit_by_name(webrtcbin_.get(), "set-remote-description", offer.get(),
                        promise(&Publisher::onRemoteSet));
}

void Publisher::onRemoteSet(const GstStructure *reply) {
  if (const GError *error = errorOf(reply)) {
    GST_WARNING("publisher %s: webrtcbin refused the offer: %s", id().c_str(), error->message);
    return report_(PublisherFailed{CloseCode::BadMessage, "the offer cannot be negotiated"});
  }
  g_signal_emit_by_name(webrtcbin_.get(), "create-answer", nullptr,
                        promise(&Publisher::onAnswerCreated));
}

void Publisher::onAnswerCreated(const GstStructure *reply) {
  const GValue *value = reply ? gst_structure_get_value(reply, "answer") : nullptr;
  if (!value) {
    const GError *error = errorOf(reply);
    GST_WARNING("publisher %s: no answer: %s", id().c_str(), error ? error->message : "");
    return report_(PublisherFailed{CloseCode::ServerError, "no answer could be made"});
  }
  auto *answer = static_cast<GstWebRTCSessionDescription *>(g_value_get_boxed(value));
  webrtcbinAnswer_ = takeString(gst_sdp_message_as_text(answer->sdp));
  watchTransport();
  drainData();
  g_signal_emit_by_name(webrtcbin_.get(), "set-local-description", answer,
                        promise(&Publisher::onLocalSet));
}

static BitrateHints hintsOf(const Settings &settings) {
  return {settings.startBitrate, settings.minBitrate, settings.maxBitrate};
}

void Publisher::onLocalSet(const GstStructure *reply) {
  auto local = readLocalTransport(webrtcbinAnswer_);
  if (const GError *error = errorOf(reply); error || !local) {
    GST_WARNING("publisher %s: the answer was not taken: %s", id().c_str(),
                error ? error->message : local.error().detail.c_str());
    return report_(PublisherFailed{CloseCode::ServerError, "no answer could be made"});
  }
  local_ = *local;
  local_.fingerprint = certificate_.fingerprint;
  localSet_ = true;
  reduceRtcp();
  const bool wait = link_.candidates == Candidates::InAnswer && !gathered_;
  if (!wait) answer();
}

void Publisher::onGathered() {
  gathered_ = true;
  if (localSet_ && !answered_) answer();
}

/// Not without any: a client whose candidates are all in its answer could never connect.
void Publisher::answerNow() {
  if (answered_ || localCandidates().empty()) return;
  strand_->post([self = shared_from_this()] {
    if (!self->ended_) self->onGathered();
  });
}

std::vector<std::string> Publisher::localCandidates() {
  Lock lock(mutex_);
  return localCandidates_;
}

/// libnice that has no port to open never ends gathering.
std::string Publisher::obstacle() {
  return answered_ && localCandidates().empty() ? noCandidateText(settings_) : traffic_->obstacle();
}

/// With the candidates that there are, where the client gets them so.
void Publisher::reportAnswer(const Offer &offer, const std::vector<Selection> &selections) {
  std::vector<std::string> candidates;
  if (link_.candidates == Candidates::InAnswer) candidates = localCandidates();
  report_(
      PublisherAnswered{buildAnswer(offer, selections, local_, hintsOf(settings_), candidates)});
}

/// Not before the local description is set: earlier checks would meet an agent that does not know
/// them.
void Publisher::answer() {
  reportAnswer(offer_, selections());
  answered_ = true;
  for (const std::string &candidate : earlyCandidates_)
    g_signal_emit_by_name(webrtcbin_.get(), "add-ice-candidate", 0u, candidate.c_str());
  earlyCandidates_.clear();
}

std::vector<Selection> Publisher::selections() const {
  std::vector<Selection> result;
  for (const Line &line : lines_)
    result.push_back(line.selection);
  return result;
}

bool Publisher::restart(const Offer &offer) {
  auto selections = selectionsAfterRestart(offer_, this->selections(), offer);
  if (!selections) return false;
  strand_->post([self = shared_from_this(), offer, selections = std::move(*selections)] {
    if (!self->ended_) self->restartIceFor(offer, selections);
  });
  return true;
}

void Publisher::restart(const IceKeys &remote) {
  strand_->post([self = shared_from_this(), remote] {
    Offer offer = self->offer_;
    offer.iceUfrag = remote.ufrag;
    offer.icePwd = remote.pwd;
    if (!self->ended_) self->restartIceFor(offer, self->selections());
  });
}

void Publisher::restartIceFor(const Offer &offer, const std::vector<Selection> &selections) {
  auto ice = restartIce(webrtcbin_.get(), {offer.iceUfrag, offer.icePwd});
  if (!ice) return report_(PublisherNotRestarted{});
  local_.iceUfrag = ice->ufrag;
  local_.icePwd = ice->pwd;
  reportAnswer(offer, selections);
  for (const std::string &candidate : localCandidates())
    reportCandidate(candidate);
  report_(PublisherConnected{});
}

}  // namespace gws
