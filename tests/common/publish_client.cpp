// SPDX-License-Identifier: LGPL-2.1-or-later
// A publisher in the process of a test: WebSocket signalling and webrtcbin as the offerer.
#include "publish_client.h"

#include <gst/sdp/sdp.h>
#include <gst/webrtc/webrtc.h>
#include <json-glib/json-glib.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <regex>

#include "gst/common/stop.h"
#include "tests/common/client_json.h"
#include "tests/common/process_exit.h"

namespace gws::test {

namespace {

using OwnedDescription = Owned<GstWebRTCSessionDescription, gst_webrtc_session_description_free>;

std::string descriptionText(const GstWebRTCSessionDescription *description) {
  return takeString(gst_sdp_message_as_text(description->sdp));
}

/// Nothing when the text is no SDP.
OwnedDescription parseDescription(GstWebRTCSDPType type, const std::string &text) {
  GstSDPMessage *message = nullptr;
  if (gst_sdp_message_new_from_text(text.c_str(), &message) != GST_SDP_OK) return nullptr;
  return OwnedDescription(gst_webrtc_session_description_new(type, message));
}

/// "m=video 9 UDP/TLS/RTP/SAVPF 96 97" gives 96; -1 when the section is refused or sends nothing.
int acceptedPayload(const std::string &section) {
  if (section.find("\na=inactive") != std::string::npos) return -1;
  Owned<char *, g_strfreev> words(
      g_strsplit(section.substr(0, section.find_first_of("\r\n")).c_str(), " ", -1));
  if (g_strv_length(words.get()) < 4 || g_strcmp0(words.get()[1], "0") == 0) return -1;
  return std::atoi(words.get()[3]);
}

}  // namespace

/// One m-line that sends. The loop's thread writes it; probes on streaming threads count.
struct PublishClient::Track {
  TrackKind kind = TrackKind::Video;
  unsigned line = 0;     ///< m-line index
  std::string localMid;  ///< as webrtcbin calls it
  EncodedSource source;
  std::vector<std::pair<const SendCodec *, TrackSettings>> codecs;
  Ref<GstPad> sink;  ///< webrtcbin's
  Ref<GstElement> bin;
  std::atomic<const SendCodec *> taken{nullptr};
  std::atomic<bool> muted{false};
  std::atomic<unsigned> frames{0}, keyframes{0}, keyframeRequests{0};

  GstPadProbeReturn probe(const GstPadProbeInfo *info) {
    if (info->type & GST_PAD_PROBE_TYPE_EVENT_UPSTREAM) {
      const GstStructure *event = gst_event_get_structure(GST_PAD_PROBE_INFO_EVENT(info));
      if (event && gst_structure_has_name(event, "GstForceKeyUnit")) ++keyframeRequests;
      return GST_PAD_PROBE_OK;
    }
    if (!(info->type & GST_PAD_PROBE_TYPE_BUFFER)) return GST_PAD_PROBE_OK;
    if (muted) return GST_PAD_PROBE_DROP;
    ++frames;
    if (!GST_BUFFER_FLAG_IS_SET(GST_PAD_PROBE_INFO_BUFFER(info), GST_BUFFER_FLAG_DELTA_UNIT))
      ++keyframes;
    return GST_PAD_PROBE_OK;
  }
};

PublishClient::PublishClient(PublishOptions options)
    : options_(std::move(options)), socket_(std::make_unique<RawSocket>()) {
  keepOpensslAtExit();
}

PublishClient::~PublishClient() {
  kill();
  // Ends the loop's thread; after that no callback can come.
  socket_.reset();
}

void PublishClient::start() {
  socket_->onText = [this](const std::string &text) { onMessage(text); };
  socket_->onOpen = [this] {
    socketOpen_ = true;
    state_.update([](State &state) { state.times.socketOpen = g_get_monotonic_time(); });
    sendOfferWhenReady();
  };
  socket_->onClosed = [this] {
    socketOpen_ = false;
    state_.update([](State &state) { state.closed = true; });
  };
  state_.update([](State &state) { state.times.started = g_get_monotonic_time(); });
  socket_->localAddress = options_.localAddress;
  socketOpen_ = speaksWhip();
  socket_->loop().call([this] { build(); });
  if (!speaksWhip()) socket_->open(options_.url, options_.headers);
}

void PublishClient::renegotiate() {
  socket_->loop().call([this] {
    if (!webrtcbin_) return;
    g_signal_handlers_disconnect_by_data(webrtcbin_.get(), this);
    former_.push_back({std::move(pipeline_), std::move(webrtcbin_), std::move(tracks_)});
    tracks_.clear();
    localOffer_.clear();
    localCandidates_.clear();
    gathered_ = offerSent_ = false;
    state_.update([](State &state) {
      state.answered = state.connected = false;
      state.times.started = g_get_monotonic_time();
    });
    build();
  });
}

void PublishClient::build() {
  pipeline_ = Ref<GstElement>::sink(gst_pipeline_new(nullptr));
  webrtcbin_ = Ref<GstElement>::sink(gst_element_factory_make("webrtcbin", nullptr));
  if (!webrtcbin_) return complain("there is no webrtcbin element");
  g_object_set(webrtcbin_.get(), "bundle-policy", GST_WEBRTC_BUNDLE_POLICY_MAX_BUNDLE, nullptr);
  gst_bin_add(GST_BIN(pipeline_.get()), webrtcbin_.get());
  // Otherwise GStreamer 1.24 and later send no reports before the pipeline's latency is known.
  const auto rtpbin =
      Ref<GstElement>::take(gst_bin_get_by_name(GST_BIN(webrtcbin_.get()), "rtpbin"));
  g_object_set(rtpbin.get(), "rtcp-sync-send-time", FALSE, nullptr);

  const auto ice = Ref<GObject>::take(getProperty<GObject *>(webrtcbin_.get(), "ice-agent"));
  gboolean added = FALSE;
  if (const char *address = options_.iceAddress.c_str(); *address)
    g_signal_emit_by_name(ice.get(), "add-local-ip-address", address, &added);
  g_object_set(ice.get(), "ice-tcp", FALSE, nullptr);
  const auto agent = Ref<GObject>::take(getProperty<GObject *>(ice.get(), "agent"));
  g_object_set(agent.get(), "upnp", FALSE, nullptr);

  const auto bus = Ref<GstBus>::take(gst_element_get_bus(pipeline_.get()));
  const GstBusSyncHandler onBus = [](GstBus *, GstMessage *message, gpointer self) {
    // Whoever drops a message owns it.
    const auto owned = Ref<GstMessage>::take(message);
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
      OwnedError error;
      gst_message_parse_error(message, Out(error), nullptr);
      static_cast<PublishClient *>(self)->complain(std::string("pipeline: ") + error->message);
    }
    return GST_BUS_DROP;
  };
  gst_bus_set_sync_handler(bus.get(), onBus, this, nullptr);

  gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
  unsigned index = 0;
  for (const TrackOffer &offer : options_.video)
    addTrack(TrackKind::Video, offer, index++);
  index = 0;
  for (const TrackOffer &offer : options_.audio)
    addTrack(TrackKind::Audio, offer, index++);
  watchWebrtcbin();
  createOffer();
}

void PublishClient::addTrack(TrackKind kind, const TrackOffer &offer, unsigned index) {
  auto track = std::make_unique<Track>();
  track->kind = kind;
  track->line = static_cast<unsigned>(tracks_.size());
  track->source = offer.source;
  const std::uint32_t ssrc = g_random_int_range(1000, G_MAXINT32);
  auto caps = Ref<GstCaps>::take(gst_caps_new_empty());
  Owned<char *, g_strfreev> names(g_strsplit(offer.codecs.c_str(), ",", -1));
  for (char **name = names.get(); *name; ++name) {
    const SendCodec *codec = sendCodec(*name);
    if (!codec) return complain(std::string("unknown codec ") + *name);
    const unsigned payload = codec->payload >= 96 ? codec->payload + index : codec->payload;
    const TrackSettings settings{.payload = payload,
                                 .ssrc = ssrc,
                                 .width = options_.width,
                                 .height = options_.height,
                                 .fps = options_.fps,
                                 .bitrate = options_.bitrate};
    gst_caps_append(caps.get(), rtpCaps(*codec, settings).release());
    // One a=ssrc group for the m-line: webrtcbin writes one for each structure that has it.
    if (!track->codecs.empty()) {
      const guint last = gst_caps_get_size(caps.get()) - 1;
      gst_structure_remove_field(gst_caps_get_structure(caps.get(), last), "ssrc");
    }
    track->codecs.emplace_back(codec, settings);
  }
  const std::string pad = "sink_" + std::to_string(track->line);
  track->sink = Ref<GstPad>::take(gst_element_request_pad_simple(webrtcbin_.get(), pad.c_str()));
  const auto transceiver =
      Ref<GObject>::take(getProperty<GObject *>(track->sink.get(), "transceiver"));
  g_object_set(transceiver.get(), "codec-preferences", caps.get(), "direction",
               options_.sendrecv ? GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_SENDRECV
                                 : GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_SENDONLY,
               "do-nack", options_.retransmission && kind == TrackKind::Video, nullptr);
  tracks_.push_back(std::move(track));
}

void PublishClient::watchWebrtcbin() {
  using OnCandidate = void (*)(GstElement *, guint, const char *, PublishClient *);
  const OnCandidate onCandidate = [](GstElement *, guint line, const char *text,
                                     PublishClient *self) {
    self->socket_->loop().post(
        [self, line, candidate = std::string(text)] { self->onLocalCandidate(line, candidate); });
  };
  g_signal_connect(webrtcbin_.get(), "on-ice-candidate", G_CALLBACK(onCandidate), this);
  using OnNotify = void (*)(GstElement *, GParamSpec *, PublishClient *);
  const OnNotify onGathering = [](GstElement *webrtcbin, GParamSpec *, PublishClient *self) {
    if (getProperty<GstWebRTCICEGatheringState>(webrtcbin, "ice-gathering-state") !=
        GST_WEBRTC_ICE_GATHERING_STATE_COMPLETE)
      return;
    self->socket_->loop().post([self] { self->onGathered(); });
  };
  g_signal_connect(webrtcbin_.get(), "notify::ice-gathering-state", G_CALLBACK(onGathering), this);
  const OnNotify onState = [](GstElement *, GParamSpec *, PublishClient *self) {
    self->socket_->loop().post([self] { self->onConnectionState(); });
  };
  g_signal_connect(webrtcbin_.get(), "notify::connection-state", G_CALLBACK(onState), this);
}

GstPromise *PublishClient::promise(std::function<void(const GstStructure *)> reply) {
  struct Pending {
    PublishClient *self;
    std::function<void(const GstStructure *)> reply;
  };
  GstPromise *created = gst_promise_new_with_change_func(
      [](GstPromise *promise, gpointer data) {
        const auto *pending = static_cast<Pending *>(data);
        // This callback owns the creator's reference, which keeps the reply for the posted task.
        auto kept = Ref<GstPromise>::take(promise);
        if (gst_promise_wait(promise) != GST_PROMISE_RESULT_REPLIED) return;
        pending->self->socket_->loop().post(
            [kept, reply = pending->reply] { reply(gst_promise_get_reply(kept.get())); });
      },
      new Pending{this, std::move(reply)},
      [](gpointer data) { delete static_cast<Pending *>(data); });
  pendingPromise_ = Ref<GstPromise>::share(created);
  return created;
}

void PublishClient::createOffer() {
  auto *created = promise([this](const GstStructure *reply) {
    OwnedDescription offer;
    if (reply)
      gst_structure_get(reply, "offer", GST_TYPE_WEBRTC_SESSION_DESCRIPTION,
                        static_cast<GstWebRTCSessionDescription **>(Out(offer)), nullptr);
    if (!offer) return complain("webrtcbin made no offer");
    if (!webrtcbin_) return;
    g_signal_emit_by_name(webrtcbin_.get(), "set-local-description", offer.get(), nullptr);
    onOffer(descriptionText(offer.get()));
  });
  g_signal_emit_by_name(webrtcbin_.get(), "create-offer", nullptr, created);
}

void PublishClient::onOffer(const std::string &sdp) {
  localOffer_ = sdp;
  const auto sections = sdpSections(sdp);
  for (const auto &track : tracks_)
    if (track->line + 1 < sections.size())
      track->localMid = attributeOf(sections[track->line + 1], "mid");
  sendOfferWhenReady();
}

std::string PublishClient::renameMids(std::string sdp, bool outwards) const {
  // webrtcbin says "video0" and "audio1", browsers say "0" and "1".
  for (const auto &track : tracks_) {
    const std::string number = std::to_string(track->line);
    const std::string &from = outwards ? track->localMid : number;
    const std::string &to = outwards ? number : track->localMid;
    for (const char *end : {"\r\n", "\n"})
      sdp = replaceAll(std::move(sdp), "\na=mid:" + from + end, "\na=mid:" + to + end);
    const auto group = sdp.find("\na=group:BUNDLE");
    if (group == std::string::npos) continue;
    const auto end = std::min(sdp.find_first_of("\r\n", group + 1), sdp.size());
    std::string line = sdp.substr(group, end - group) + " ";
    line = replaceAll(std::move(line), " " + from + " ", " " + to + " ");
    line.pop_back();
    sdp.replace(group, end - group, line);
  }
  return sdp;
}

void PublishClient::onGathered() {
  gathered_ = true;
  sendOfferWhenReady();
}

void PublishClient::onLocalCandidate(unsigned line, const std::string &candidate) {
  if (options_.trickle && socketOpen_ && (offerSent_ || options_.candidatesBeforeOffer))
    return sendCandidate(line, candidate);
  localCandidates_.emplace_back(line, candidate);
}

void PublishClient::sendOfferWhenReady() {
  if (offerSent_ || localOffer_.empty() || !socketOpen_ || !webrtcbin_) return;
  if ((!options_.trickle || options_.candidatesBeforeOffer) && !gathered_) return;
  std::string offer = localOffer_;
  if (options_.trickle) {
    if (options_.candidatesBeforeOffer)
      for (const auto &[line, candidate] : localCandidates_)
        sendCandidate(line, candidate);
  } else {
    const OwnedDescription local(
        getProperty<GstWebRTCSessionDescription *>(webrtcbin_.get(), "local-description"));
    if (local) offer = descriptionText(local.get());
    if (offer.find("a=candidate:") == std::string::npos) complain("the offer has no candidate");
  }
  offer = renameMids(std::move(offer), true);
  if (options_.mungeOffer) offer = options_.mungeOffer(offer);
  offerSent_ = true;
  state_.update([&offer](State &state) {
    state.offer = offer;
    state.times.offerSent = g_get_monotonic_time();
  });
  if (speaksWhip()) return postOffer(offer);
  socket_->sendText(offerJson(offer));
  if (options_.trickle && !options_.candidatesBeforeOffer)
    for (const auto &[line, candidate] : localCandidates_)
      sendCandidate(line, candidate);
  localCandidates_.clear();
}

void PublishClient::sendCandidate(unsigned line, const std::string &candidate) {
  socket_->sendText(options_.bareCandidates ? bareCandidateJson(line, candidate)
                                            : candidateJson(line, candidate));
}

void PublishClient::onMessage(const std::string &text) {
  const ServerMessage message = parseServerMessage(text);
  switch (message.type) {
    case ServerMessage::Type::Answer:
      return onAnswer(message.text);
    case ServerMessage::Type::Candidate:
      return onRemoteCandidate(message.text, message.line);
    case ServerMessage::Type::Broken:
      return complain("cannot read the server's message: " + text);
    case ServerMessage::Type::Unknown:
      return;
  }
}

/// webrtcbin reads lines that browsers stop at. Nothing: there are none.
static std::optional<std::string> malformedLine(const std::string &sdp) {
  static const std::regex good("a=[!-9;-~]+(:.+)?|[b-z]=.+");  // RFC 8866, section 9
  for (std::size_t at = 0, end; at < sdp.size(); at = end + 2) {
    end = std::min(sdp.find("\r\n", at), sdp.size());
    if (std::string line = sdp.substr(at, end - at); !std::regex_match(line, good)) return line;
  }
  return std::nullopt;
}

void PublishClient::onAnswer(const std::string &sdp) {
  state_.update([](State &state) { ++state.answers; });
  // A test may have sent an offer of which webrtcbin knows nothing.
  if (!webrtcbin_ || state_.get().answered) return;
  const std::string seen =
      renameMids(options_.mungeAnswer ? options_.mungeAnswer(sdp) : sdp, false);
  state_.update([&sdp](State &state) { state.answer = sdp; });
  if (const auto line = malformedLine(sdp))
    return complain("a line of the answer is '" + *line + "'");
  const OwnedDescription answer = parseDescription(GST_WEBRTC_SDP_TYPE_ANSWER, seen);
  if (!answer) return complain("the answer is no SDP");
  const auto sections = sdpSections(seen);
  if (sections.size() != tracks_.size() + 1)
    return complain("the answer has " + std::to_string(sections.size() - 1) + " m-lines");
  for (const auto &track : tracks_) {
    const int payload = acceptedPayload(sections[track->line + 1]);
    for (const auto &[codec, settings] : track->codecs)
      if (static_cast<int>(settings.payload) == payload) track->taken = codec;
  }
  g_signal_emit_by_name(webrtcbin_.get(), "set-remote-description", answer.get(), nullptr);
  state_.update([](State &state) {
    state.answered = true;
    state.times.answered = g_get_monotonic_time();
  });
}

void PublishClient::onRemoteCandidate(const std::string &candidate, unsigned line) {
  if (!state_.get().answered) complain("a candidate came before the answer");
  if (candidate.empty()) complain("a candidate is empty");
  state_.update([&candidate](State &state) { state.remoteCandidates.push_back(candidate); });
  if (webrtcbin_)
    g_signal_emit_by_name(webrtcbin_.get(), "add-ice-candidate", line, candidate.c_str());
}

void PublishClient::onConnectionState() {
  if (!webrtcbin_ || state_.get().connected) return;
  const auto state =
      getProperty<GstWebRTCPeerConnectionState>(webrtcbin_.get(), "connection-state");
  if (state == GST_WEBRTC_PEER_CONNECTION_STATE_FAILED) complain("the connection failed");
  if (state != GST_WEBRTC_PEER_CONNECTION_STATE_CONNECTED) return;
  addPacketHooks(GST_BIN(webrtcbin_.get()), options_.packets);
  for (const auto &track : tracks_)
    if (track->taken.load()) startTrack(*track);
  state_.update([](State &held) {
    held.connected = true;
    held.times.connected = g_get_monotonic_time();
  });
}

void PublishClient::startTrack(Track &track) {
  for (const auto &[codec, settings] : track.codecs)
    if (codec == track.taken.load()) track.bin = makeTrackBin(*codec, settings, track.source);
  if (!track.bin) return complain("no encoder for " + std::string(track.taken.load()->name));
  gst_bin_add(GST_BIN(pipeline_.get()), track.bin.get());
  const auto pay = Ref<GstElement>::take(gst_bin_get_by_name(GST_BIN(track.bin.get()), "pay"));
  const auto input = Ref<GstPad>::take(gst_element_get_static_pad(pay.get(), "sink"));
  gst_pad_add_probe(
      input.get(),
      static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_UPSTREAM),
      [](GstPad *, GstPadProbeInfo *info, gpointer data) {
        return static_cast<Track *>(data)->probe(info);
      },
      &track, nullptr);
  const auto src = Ref<GstPad>::take(gst_element_get_static_pad(track.bin.get(), "src"));
  if (gst_pad_link(src.get(), track.sink.get()) != GST_PAD_LINK_OK)
    return complain("cannot link a track to webrtcbin");
  gst_element_sync_state_with_parent(track.bin.get());
}

bool PublishClient::waitAnswered(Timeout timeout) {
  state_.waitFor([](const State &state) { return state.answered || state.closed; }, timeout);
  return state_.get().answered;
}

bool PublishClient::waitConnected(Timeout timeout) {
  state_.waitFor([](const State &state) { return state.connected || state.closed; }, timeout);
  return state_.get().connected;
}

bool PublishClient::waitFrames(std::size_t index, unsigned frames, Timeout timeout) {
  const gint64 deadline = g_get_monotonic_time() + timeout.count() * 1000;
  // Counted on a streaming thread, which must not take a lock for it: looked at every 5 ms.
  while (index < tracks_.size() && tracks_[index]->frames < frames) {
    if (g_get_monotonic_time() > deadline) return false;
    g_usleep(5'000);
  }
  return index < tracks_.size();
}

void PublishClient::leave(unsigned short code) {
  socket_->close(code);
  teardown();
}

void PublishClient::kill() {
  socket_->drop();
  teardown();
}

void PublishClient::teardown() {
  socket_->loop().call([this] {
    if (!pipeline_) return;
    former_.push_back({std::move(pipeline_), std::move(webrtcbin_), std::move(tracks_)});
    for (Former &ended : former_)
      stop(ended);
    // What its thread did not answer before it ended is never answered.
    if (pendingPromise_) gst_promise_expire(pendingPromise_.get());
    pendingPromise_.reset();
    tracks_ = std::move(former_.back().tracks);
    former_.clear();
  });
}

void PublishClient::stop(Former &ended) {
  // webrtcbin sends no close_notify on its way to NULL.
  gws::stopForGood(ended.pipeline.get());
  if (ended.webrtcbin) g_signal_handlers_disconnect_by_data(ended.webrtcbin.get(), this);
  for (const auto &track : ended.tracks) {
    track->bin.reset();
    track->sink.reset();
  }
}

void PublishClient::stopMedia() {
  for (const auto &track : tracks_)
    track->muted = true;
}

void PublishClient::closeDtls() {
  stopMedia();
  socket_->loop().call([this] {
    if (!webrtcbin_) return;
    Owned<GstIterator, gst_iterator_free> found(
        gst_bin_iterate_all_by_element_factory_name(GST_BIN(webrtcbin_.get()), "dtlsenc"));
    GValue value = G_VALUE_INIT;
    while (gst_iterator_next(found.get(), &value) == GST_ITERATOR_OK) {
      auto *encoder = GST_ELEMENT(g_value_get_object(&value));
      const auto sink = Ref<GstPad>::take(gst_element_get_static_pad(encoder, "sink"));
      if (!sink || !gst_pad_send_event(sink.get(), gst_event_new_eos()))
        complain("cannot close DTLS");
      g_value_reset(&value);
    }
    g_value_unset(&value);
  });
}

void PublishClient::muteTrack(TrackKind kind, bool muted) {
  for (const auto &track : tracks_)
    if (track->kind == kind) track->muted = muted;
}

void PublishClient::requestSize(int width, int height) {
  socket_->loop().call([this, width, height] {
    for (const auto &track : tracks_) {
      if (!track->bin || track->kind != TrackKind::Video) continue;
      const auto size =
          Ref<GstElement>::take(gst_bin_get_by_name(GST_BIN(track->bin.get()), "size"));
      if (!size) continue;
      g_object_set(size.get(), "caps", pictureCaps(width, height, options_.fps).get(), nullptr);
    }
  });
}

unsigned PublishClient::framesSent(TrackKind kind) const {
  unsigned frames = 0;
  for (const auto &track : tracks_)
    if (track->kind == kind) frames += track->frames;
  return frames;
}

unsigned PublishClient::keyframeRequestsSeen() const {
  unsigned requests = 0;
  for (const auto &track : tracks_)
    requests += track->keyframeRequests;
  return requests;
}

std::vector<TrackStats> PublishClient::stats() const {
  std::vector<TrackStats> all;
  for (const auto &track : tracks_) {
    const SendCodec *codec = track->taken;
    all.push_back({.mid = std::to_string(track->line),
                   .codec = codec ? codec->name : "",
                   .frames = track->frames,
                   .keyframes = track->keyframes,
                   .keyframeRequests = track->keyframeRequests});
  }
  return all;
}

void PublishClient::complain(const std::string &text) {
  state_.update([&text](State &state) { state.complaints.push_back(text); });
}

std::string replaceFingerprint(const std::string &sdp) {
  const std::string key = "a=fingerprint:sha-256 ";
  std::string result = sdp;
  for (auto at = result.find(key); at != std::string::npos; at = result.find(key, at + 1)) {
    const auto start = at + key.size();
    const auto end = result.find_first_of("\r\n", start);
    std::string other;
    for (int i = 0; i < 32; ++i)
      other += i ? ":A5" : "A5";
    result.replace(start, end - start, other);
  }
  return result;
}

std::string attributeOf(const std::string &sdp, const std::string &name) {
  const std::string key = "\na=" + name + ":";
  const auto at = sdp.find(key);
  if (at == std::string::npos) return {};
  const auto start = at + key.size();
  return sdp.substr(start, sdp.find_first_of("\r\n", start) - start);
}

std::string replaceAll(std::string text, const std::string &what, const std::string &with) {
  if (what.empty()) return text;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
  return text;
}

std::vector<std::string> sdpSections(const std::string &sdp) {
  std::vector<std::string> sections;
  std::size_t start = 0;
  for (auto next = sdp.find("\nm="); next != std::string::npos; next = sdp.find("\nm=", next + 1)) {
    sections.push_back(sdp.substr(start, next + 1 - start));
    start = next + 1;
  }
  sections.push_back(sdp.substr(start));
  return sections;
}

}  // namespace gws::test
