// SPDX-License-Identifier: LGPL-2.1-or-later
// A publisher's life: codecs chosen, bin built, negotiated, watched, torn down.
#include "publisher.h"

#include <gst/webrtc/webrtc.h>

#include <algorithm>

#include "gst/common/stop.h"
#include "gstwebrtcpublishpad.h"
#include "media.h"
#include "redaction.h"
#include "track.h"

namespace gws {

using WeakPublisher = std::weak_ptr<Publisher>;

constexpr std::chrono::milliseconds kAudioPatience(1000), kAudioPatienceOfSuccessor(5000);
constexpr std::chrono::seconds kFarewellPatience(2);  // of a thread that does little else
constexpr std::string_view kBinPrefix = "publisher-";

std::string binName(const std::string &publisherId) {
  return std::string(kBinPrefix) + publisherId;
}

std::string publisherOfBin(std::string_view binName) {
  if (binName.substr(0, kBinPrefix.size()) != kBinPrefix) return "";
  return std::string(binName.substr(kBinPrefix.size()));
}

static void deleteWeak(gpointer data) { delete static_cast<WeakPublisher *>(data); }
static void deleteWeakClosure(gpointer data, GClosure *) { deleteWeak(data); }
/// For callbacks that connect() has connected.
std::shared_ptr<Publisher> Publisher::lock(gpointer data) {
  return static_cast<WeakPublisher *>(data)->lock();
}

Publisher::Publisher(ElementSide &element, Workers &workers,
                     std::shared_ptr<const Publication> publication, Offer offer, Settings settings,
                     PublisherLink link, Report report)
    : element_(element),
      workers_(workers),
      publication_(std::move(publication)),
      offer_(std::move(offer)),
      settings_(std::move(settings)),
      link_(link),
      report_(std::move(report)),
      strand_(std::make_shared<Strand>(workers)),
      intake_(std::make_unique<Intake>(element, publication_->stream)) {}

Publisher::~Publisher() = default;

void Publisher::start() {
  strand_->post([self = shared_from_this()] { self->run(); });
}

void Publisher::addCandidate(std::string candidate) {
  strand_->post([self = shared_from_this(), candidate = std::move(candidate)] {
    if (self->answered_ && self->webrtcbin_)
      g_signal_emit_by_name(self->webrtcbin_.get(), "add-ice-candidate", 0u, candidate.c_str());
    else
      self->earlyCandidates_.push_back(candidate);
  });
}

void Publisher::tick() {
  if (!hasUnfed_ && !intake_->keyframeMissing() && intake_->quietTracks().empty()) return;
  strand_->post([self = shared_from_this()] {
    if (!self->ended_) self->takeCare();
  });
}

void Publisher::requestKeyframe() {
  strand_->post([self = shared_from_this()] {
    if (!self->ended_) self->intake_->askForKeyframes(false);
  });
}

void Publisher::limitBitrate(unsigned maximum) {
  constexpr unsigned kNoLimit = 1'000'000'000;
  limited_ = limited_ || maximum != settings_.maxBitrate;
  if (limited_) traffic_->setLimit(maximum ? maximum : kNoLimit);
}

void Publisher::open(bool succeeds) {
  strand_->post([self = shared_from_this(), succeeds] {
    if (self->ended_) return;
    self->intake_->expose();
    std::chrono::milliseconds patience(self->settings_.inactivityTimeoutMs / 2);
    patience = std::min(patience, succeeds ? kAudioPatienceOfSuccessor : kAudioPatience);
    self->intake_->open(patience);
    self->opened_ = true;
    for (const Line &line : self->lines_)
      publishPadTrack(line.outlet.get())->expect();
    self->skipUnfedPads();
    self->report_(PublisherOpened{});
  });
}

void Publisher::end(End how) {
  cancelled_ = true;
  if (!how.backlog) intake_->close();
  strand_->post([self = shared_from_this(), how] { self->teardown(how); });
}

void Publisher::run() {
  if (cancelled_) return;
  if (auto chosen = choose(); !chosen) {
    element_.publisherRefused(stream(), chosen.error().detail);
    return report_(PublisherFailed{CloseCode::NoCommonCodec, chosen.error().detail});
  }
  if (auto built = build(); !built)
    return report_(PublisherFailed{CloseCode::ServerError, built.error().detail});
  element_.webrtcbinReady(id(), webrtcbin_.get());
  negotiate();
}

/// Which sections are received, with which codec, into which pads.
Result<void> Publisher::choose() {
  auto video = element_.reservedPads(stream(), MediaKind::Video);
  auto audio = element_.reservedPads(stream(), MediaKind::Audio);
  for (std::size_t media = 0; media < offer_.media.size(); media++) {
    if (!offer_.media[media].receivable()) continue;
    bool isVideo = offer_.media[media].kind() == MediaKind::Video;
    if (auto chosen = chooseLine(media, isVideo ? video : audio); !chosen) return chosen;
  }
  for (auto *rest : {&video, &audio})
    for (auto &pad : *rest)
      unfed_.push_back(pad);
  hasUnfed_ = !unfed_.empty();
  if (lines_.empty())
    return Error{0, "no codec in common: the offer has none that this server can receive"};
  return {};
}

Result<void> Publisher::chooseLine(std::size_t media, std::vector<Ref<GstPad>> &reserved) {
  Line line;
  if (!reserved.empty()) {
    line.outlet = std::move(reserved.front());
    reserved.erase(reserved.begin());
  }
  auto accepted = Ref<GstCaps>::take(
      line.outlet ? gst_pad_peer_query_caps(line.outlet.get(), nullptr) : gst_caps_new_any());
  MediaKind kind = offer_.media[media].kind();
  for (Form form : formsOf(settings_.output)) {
    auto selection = select(offer_, media, wishesFor(accepted.get(), kind, form, settings_));
    if (!selection) continue;
    line.selection = *selection;
    line.sometimes = !line.outlet;
    lines_.push_back(std::move(line));
    return {};
  }
  if (!line.outlet) return {};  // nobody waits for it: answered inactive
  return Error{0, explainNoCodec(media, accepted.get())};
}

std::string Publisher::explainNoCodec(std::size_t media, GstCaps *accepted) const {
  const OfferedMedia &section = offer_.media[media];
  std::string offered, wanted;
  for (const std::string &name : section.offeredNames)
    offered += (offered.empty() ? "" : ", ") + name;
  for (Form form : formsOf(settings_.output)) {
    for (const Wish &wish : wishesFor(accepted, section.kind(), form, settings_))
      if (wanted.find(codec(wish.codec).encodingName) == std::string::npos)
        wanted += std::string(wanted.empty() ? "" : ", ") + codec(wish.codec).encodingName;
  }
  if (wanted.empty()) wanted = takeString(gst_caps_to_string(accepted));
  return std::string("no ") + kindName(section.kind()) + " codec in common: offered " + offered +
         "; the pipeline wants " + wanted;
}

/// The element's clock; before the pipeline has chosen one, the system's.
void Publisher::chooseClock() {
  clock_ = Ref<GstClock>::take(gst_element_get_clock(element_.element()));
  if (clock_) {
    baseTime_ = gst_element_get_base_time(element_.element());
  } else {
    clock_ = Ref<GstClock>::take(gst_system_clock_obtain());
    baseTime_ = gst_clock_get_time(clock_.get());
  }
}

static std::vector<std::uint32_t> announcedSsrcs(const Offer &offer) {
  std::vector<std::uint32_t> result;
  for (const OfferedMedia &section : offer.media) {
    for (const OfferedSource &source : section.sources) {
      result.push_back(source.ssrc);
      if (source.rtxSsrc) result.push_back(*source.rtxSsrc);
    }
  }
  return result;
}

Result<void> Publisher::build() {
  chooseClock();
  bin_ = Ref<GstElement>::sink(gst_bin_new(binName(id()).c_str()));
  webrtcbin_ = makeWebrtcbin(
      settings_, {element_.icePort(), workers_, link_.loopback, announcedSsrcs(offer_)});
  if (!webrtcbin_)
    return Error{0, "the element webrtcbin is missing (gst-plugins-bad, and libnice's plugin)"};
  gst_util_set_object_arg(G_OBJECT(webrtcbin_.get()), "bundle-policy", "max-bundle");
  g_object_set(webrtcbin_.get(), "latency", settings_.latencyMs, nullptr);
  auto certificate = makeCertificate();
  if (!certificate) return certificate.error();
  certificate_ = std::move(*certificate);
  gst_bin_add(GST_BIN(bin_.get()), webrtcbin_.get());
  for (unsigned line = 0; line < lines_.size(); line++)
    if (auto built = buildTrack(line); !built) return built;
  connectSignals();

  // Its state is ours alone: a publisher that fails must not fail the pipeline's state change.
  gst_element_set_locked_state(bin_.get(), TRUE);
  gst_bin_add(GST_BIN(element_.element()), bin_.get());
  gst_element_set_clock(bin_.get(), clock_.get());
  gst_element_set_base_time(bin_.get(), baseTime_);
  gst_element_set_start_time(bin_.get(), GST_CLOCK_TIME_NONE);
  if (gst_element_set_state(bin_.get(), GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE)
    return Error{0, "webrtcbin could not be started"};
  addTransceivers();
  return {};
}

/// Parsers and decoders drop what the jitter buffer has put on the packets.
static void learnSenderTime(GstPad *rtpSink, const std::shared_ptr<Inlet> &inlet) {
  using WeakInlet = std::weak_ptr<Inlet>;
  auto onPacket = [](GstPad *, GstPadProbeInfo *info, gpointer data) {
    if (auto inlet = static_cast<WeakInlet *>(data)->lock())
      inlet->learnReferenceTime(GST_PAD_PROBE_INFO_BUFFER(info));
    return GST_PAD_PROBE_OK;
  };
  gst_pad_add_probe(rtpSink, GST_PAD_PROBE_TYPE_BUFFER, onPacket, new WeakInlet(inlet),
                    [](gpointer data) { delete static_cast<WeakInlet *>(data); });
}

std::shared_ptr<FrameMeter> Publisher::watchTraffic(const OfferedMedia &section,
                                                    const OfferedCodec &offered, GstPad *rtpSink) {
  TrafficTrack track{.kind = section.kind(), .codec = offered.codec, .mid = section.mid};
  track.payload = offered.payload;
  track.rtxPayload = offered.rtxPayload;
  if (!section.sources.empty()) track.rtxSsrc = section.sources.front().rtxSsrc;
  return traffic_->add(std::move(track), rtpSink);
}

Result<void> Publisher::buildTrack(unsigned line) {
  Line &chosen = lines_[line];
  const OfferedMedia &section = offer_.media[chosen.selection.media];
  const OfferedCodec &offered = section.codecs[chosen.selection.codec];
  if (chosen.sometimes) chosen.outlet = element_.makeSometimesPad(stream(), section.kind());
  GstPad *outlet = chosen.outlet.get();
  Track *track = publishPadTrack(outlet);

  auto inlet = std::make_shared<Inlet>(publication_, offered.codec, chosen.selection.form,
                                       section.mid, section.msid);
  inlet->connect(inlet, outlet, track);
  inlet->setClock(clock_, baseTime_);
  if (chosen.sometimes) track->announce(inlet);

  auto accepted = Ref<GstCaps>::take(gst_pad_peer_query_caps(outlet, nullptr));
  auto chain =
      buildChain(GST_BIN(bin_.get()), codec(offered.codec), chosen.selection.form, accepted.get());
  if (!chain) return chain.error();
  if (chain->src && GST_PAD_LINK_FAILED(gst_pad_link(chain->src.get(), inlet->pad())))
    return Error{0, std::string("could not link ") + GST_PAD_NAME(chain->src.get())};

  if (settings_.addReferenceTimestampMeta && chain->sink) learnSenderTime(chain->sink.get(), inlet);

  IntakeTrack intake;
  intake.line = line;
  intake.kind = section.kind();
  intake.payload = offered.payload;
  intake.mid = section.mid;
  intake.midId = section.midId;
  intake.announced = !section.sources.empty();
  intake.outlet = chosen.outlet;
  intake.rtpSink = chain->sink ? chain->sink : Ref<GstPad>::share(inlet->pad());
  intake.gate = std::make_shared<Gate>(chain->gate ? chain->gate : intake.rtpSink, offered.codec,
                                       chosen.selection.form, intake_->startLine(),
                                       watchTraffic(section, offered, intake.rtpSink.get()));
  intake.inlet = std::move(inlet);
  intake.sometimes = chosen.sometimes;
  intake_->add(std::move(intake));
  return {};
}

void Publisher::addTransceivers() {
  for (const Line &line : lines_) {
    auto caps =
        Ref<GstCaps>::take(gst_caps_from_string(receiveCaps(offer_, line.selection).c_str()));
    GstWebRTCRTPTransceiver *added = nullptr;
    g_signal_emit_by_name(webrtcbin_.get(), "add-transceiver",
                          GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_RECVONLY, caps.get(), &added);
    auto transceiver = Ref<GstWebRTCRTPTransceiver>::take(added);
    if (transceiver && settings_.doRetransmission)
      g_object_set(transceiver.get(), "do-nack", TRUE, nullptr);
  }
}

void Publisher::connect(gpointer object, const char *signal, GCallback callback) {
  gulong id = g_signal_connect_data(object, signal, callback, new WeakPublisher(weak_from_this()),
                                    deleteWeakClosure, GConnectFlags(0));
  connections_.push_back({Ref<GObject>::share(G_OBJECT(object)), id});
}

/// srtpdec makes up the events that its first RTCP packet needs. A teardown may take its pads'
/// events away in between, and GStreamer has a critical for what it does then: a client that goes
/// at that moment has it. So RTCP's events come with RTP's, before any packet.
static void beginRtcp(GstElement *srtpdec) {
  auto onEvent = [](GstPad *, GstPadProbeInfo *info, gpointer data) {
    if (GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) != GST_EVENT_SEGMENT)
      return GST_PAD_PROBE_OK;
    auto *element = GST_ELEMENT(data);
    auto sink = Ref<GstPad>::take(gst_element_get_static_pad(element, "rtcp_sink"));
    auto src = Ref<GstPad>::take(gst_element_get_static_pad(element, "rtcp_src"));
    auto caps = Ref<GstCaps>::take(gst_caps_new_empty_simple("application/x-rtcp"));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_pad_send_event(sink.get(), gst_event_new_stream_start("rtcp"));
    gst_pad_push_event(src.get(), gst_event_new_caps(caps.get()));
    gst_pad_send_event(sink.get(), gst_event_new_segment(&segment));
    return GST_PAD_PROBE_REMOVE;
  };
  // The element has the pad, and the pad the probe.
  if (auto sink = Ref<GstPad>::take(gst_element_get_static_pad(srtpdec, "rtp_sink")))
    gst_pad_add_probe(sink.get(), GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, onEvent, srtpdec, nullptr);
}

void Publisher::connectSignals() {
  auto padAdded = +[](GstElement *, GstPad *pad, gpointer data) {
    if (auto self = lock(data); self && GST_PAD_IS_SRC(pad)) self->onPadAdded(pad);
  };
  // An empty one is the end of candidates (GStreamer 1.26), of which onGatheringState() hears.
  auto candidate = +[](GstElement *, guint, const char *text, gpointer data) {
    if (auto self = lock(data); self && text && *text) self->onLocalCandidate(text);
  };
  auto iceState = +[](GObject *webrtcbin, GParamSpec *, gpointer data) {
    if (auto self = lock(data)) self->onIceState(webrtcbin);
  };
  auto dtls = +[](GstBin *, GstBin *bin, GstElement *element, gpointer data) {
    hideKeys(element);
    adaptReceiving(bin, element);
    if (g_str_equal(G_OBJECT_TYPE_NAME(element), "GstSrtpDec")) beginRtcp(element);
    if (auto self = lock(data)) self->onDtlsElement(element);
  };
  connect(webrtcbin_.get(), "deep-element-added", G_CALLBACK(dtls));
  connect(webrtcbin_.get(), "pad-added", G_CALLBACK(padAdded));
  connect(webrtcbin_.get(), "on-ice-candidate", G_CALLBACK(candidate));
  connect(webrtcbin_.get(), "notify::ice-connection-state", G_CALLBACK(iceState));
  auto gathering = +[](GObject *webrtcbin, GParamSpec *, gpointer data) {
    if (auto self = lock(data)) self->onGatheringState(webrtcbin);
  };
  connect(webrtcbin_.get(), "notify::ice-gathering-state", G_CALLBACK(gathering));

  watchRtpbin();
}

/// GStreamer shows everybody the same certificate. But a browser that restarts ICE keeps its DTLS
/// association unless the fingerprint changes, and the webrtcbin at its other end is another one.
void Publisher::onDtlsElement(GstElement *element) {
  if (g_str_has_prefix(GST_OBJECT_NAME(element), "dtlsdec"))
    g_object_set(element, "pem", certificate_.pem.c_str(), nullptr);
  if (!g_str_has_prefix(GST_OBJECT_NAME(element), "dtlsenc")) return;
  Lock lock(mutex_);
  dtlsEncoder_ = Ref<GstElement>::share(element);
}

void Publisher::watchTransport() {
  GstWebRTCRTPTransceiver *first = nullptr;
  g_signal_emit_by_name(webrtcbin_.get(), "get-transceiver", 0, &first);
  auto transceiver = Ref<GstWebRTCRTPTransceiver>::take(first);
  if (!transceiver) return;
  auto receiver = Ref<GObject>::take(getProperty<GObject *>(transceiver.get(), "receiver"));
  transport_ = Ref<GObject>::take(getProperty<GObject *>(receiver.get(), "transport"));
  auto changed = +[](GObject *transport, GParamSpec *, gpointer data) {
    if (auto self = lock(data)) self->onDtlsState(transport);
  };
  if (transport_) connect(transport_.get(), "notify::state", G_CALLBACK(changed));
  traffic_->setPath(MediaPath::of(webrtcbin_.get()));
}

/// Browsers start SCTP although its section was answered inactive, and anybody may send application
/// data over DTLS. In webrtcbin's receiving bin they meet an unlinked pad, which would end the
/// media as well.
void Publisher::drainData() {
  auto drainOne = [](const GValue *item, gpointer self) {
    auto *element = GST_ELEMENT(g_value_get_object(item));
    if (auto pad = Ref<GstPad>::take(gst_element_get_static_pad(element, "data_src")))
      if (!gst_pad_is_linked(pad.get())) static_cast<Publisher *>(self)->intake_->drain(pad.get());
  };
  Owned<GstIterator, gst_iterator_free> children(
      gst_bin_iterate_elements(GST_BIN(webrtcbin_.get())));
  gst_iterator_foreach(children.get(), drainOne, this);
}

void Publisher::onPadAdded(GstPad *pad) {
  if (!intake_->link(pad))
    report_(PublisherFailed{CloseCode::NotAllowed,
                            "more RTP streams were sent than the offer announced"});
}

void Publisher::onLocalCandidate(const char *candidate) {
  {
    Lock lock(mutex_);
    localCandidates_.push_back(candidate);
  }
  reportCandidate(candidate);
}

void Publisher::reportCandidate(const std::string &candidate) {
  if (link_.candidates == Candidates::InAnswer) return;
  std::size_t tag = 0;
  for (std::size_t i = 0; i < offer_.media.size(); i++)
    if (!offer_.bundle.empty() && offer_.media[i].mid == offer_.bundle.front()) tag = i;
  report_(PublisherCandidate{candidate, offer_.media[tag].mid, static_cast<unsigned>(tag)});
}

void Publisher::onIceState(GObject *webrtcbin) {
  auto state = getProperty<GstWebRTCICEConnectionState>(webrtcbin, "ice-connection-state");
  if (state == GST_WEBRTC_ICE_CONNECTION_STATE_FAILED)
    report_(PublisherLost{"no network path (ICE failed)"});
}

/// webrtcbin announces the last candidate before this.
void Publisher::onGatheringState(GObject *webrtcbin) {
  if (getProperty<GstWebRTCICEGatheringState>(webrtcbin, "ice-gathering-state") !=
      GST_WEBRTC_ICE_GATHERING_STATE_COMPLETE)
    return;
  strand_->post([self = shared_from_this()] {
    if (self->ended_) return;
    if (!self->localCandidates().empty()) return self->onGathered();
    const std::string reason = noCandidateText(self->settings_);
    GST_WARNING("publisher %s: %s", self->id().c_str(), reason.c_str());
    self->report_(PublisherFailed{CloseCode::ServerError, reason});
  });
}

/// webrtcbin does not compare the certificate with the offer's fingerprint (RFC 8122, section 6).
bool Publisher::isTheOffered(GObject *transport) const {
  std::string pem = takeString(getProperty<char *>(transport, "remote-certificate"));
  auto begin = pem.find("-----BEGIN CERTIFICATE-----");
  auto end = pem.find("-----END CERTIFICATE-----");
  if (begin == std::string::npos || end == std::string::npos) return false;
  begin = pem.find('\n', begin);
  gsize length = 0;
  Owned<guchar, g_free> der(g_base64_decode(pem.substr(begin, end - begin).c_str(), &length));
  return matchesFingerprint({der.get(), length}, offer_.fingerprints);
}

void Publisher::onDtlsState(GObject *transport) {
  switch (getProperty<GstWebRTCDTLSTransportState>(transport, "state")) {
    case GST_WEBRTC_DTLS_TRANSPORT_STATE_CONNECTED:
      if (!isTheOffered(transport))
        return report_(PublisherFailed{
            CloseCode::NotAllowed,
            "the DTLS certificate is not the one that the offer's a=fingerprint names"});
      return report_(PublisherConnected{});
    case GST_WEBRTC_DTLS_TRANSPORT_STATE_CLOSED:
      return report_(PublisherLost{"the connection was closed by the publisher (DTLS)"});
    case GST_WEBRTC_DTLS_TRANSPORT_STATE_FAILED:
      return report_(PublisherLost{"DTLS failed"});
    default:
      return;
  }
}

/// The next packet of a pad, taken out of its thread's hands.
struct Interception {
  Sign done;
  Ref<GstBuffer> packet;  ///< set before `done` is given
};

static GstPadProbeReturn intercept(GstPad *, GstPadProbeInfo *info, gpointer data) {
  auto &[done, packet] = **static_cast<std::shared_ptr<Interception> *>(data);
  if (packet) return GST_PAD_PROBE_OK;
  packet = Ref<GstBuffer>::take(GST_PAD_PROBE_INFO_BUFFER(info));
  GST_PAD_PROBE_INFO_DATA(info) = nullptr;
  done.give();
  return GST_PAD_PROBE_HANDLED;
}

/// Without close_notify (RFC 8446, section 6.1) the peer would wait for its ICE to fail. webrtcbin
/// goes to NULL without one; its encoder makes one of an EOS, and leaves it to a thread of its own.
/// Nothing tells when that has sent it, so it is sent from here.
void Publisher::closeDtls() {
  Ref<GstElement> encoder;
  {
    Lock lock(mutex_);
    encoder = std::move(dtlsEncoder_);
  }
  if (!encoder || !transport_ ||
      getProperty<GstWebRTCDTLSTransportState>(transport_.get(), "state") !=
          GST_WEBRTC_DTLS_TRANSPORT_STATE_CONNECTED)
    return;
  auto sink = Ref<GstPad>::take(gst_element_get_static_pad(encoder.get(), "sink"));
  auto src = Ref<GstPad>::take(gst_element_get_static_pad(encoder.get(), "src"));
  if (!sink || !src) return;
  using Shared = std::shared_ptr<Interception>;
  auto interception = std::make_shared<Interception>();
  const gulong probe =
      gst_pad_add_probe(src.get(), GST_PAD_PROBE_TYPE_BUFFER, intercept, new Shared(interception),
                        [](gpointer data) { delete static_cast<Shared *>(data); });
  if (gst_pad_send_event(sink.get(), gst_event_new_eos()) &&
      interception->done.await(kFarewellPatience))
    gst_pad_push(src.get(), Ref(interception->packet).release());
  gst_pad_remove_probe(src.get(), probe);
}

void Publisher::teardown(End how) {
  if (ended_) return;
  ended_ = true;
  for (const Connection &connection : connections_)
    g_signal_handler_disconnect(connection.object.get(), connection.id);
  connections_.clear();
  closeDtls();
  releasePads(how);
  intake_->close();
  traffic_->setPath(nullptr);
  awaitReply();
  if (webrtcbin_) muteAgent(webrtcbin_.get());
  if (bin_) {
    if (GST_OBJECT_PARENT(bin_.get())) gst_bin_remove(GST_BIN(element_.element()), bin_.get());
    stopForGood(bin_.get());
  }
  if (promise_) gst_promise_interrupt(promise_.get());
  promise_.reset();
  transport_.reset();
  webrtcbin_.reset();
  bin_.reset();
  report_(PublisherGone{});
}

}  // namespace gws
