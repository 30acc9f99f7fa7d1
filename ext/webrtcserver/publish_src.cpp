// SPDX-License-Identifier: LGPL-2.1-or-later
// Start and stop, pads, messages.
#include "publish_src.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <future>

#include "downstream.h"
#include "gst/common/monotonic.h"
#include "gstwebrtcpublishpad.h"
#include "log.h"
#include "track.h"

GWS_LOG_CATEGORY("webrtcpublishsrc", "the source element");

namespace gws {

constexpr double kRefusalsPerSecond = 1, kRefusalsAtOnce = 20;

PublishSrc::PublishSrc(GstBin *element, Signals signals)
    : element_(element),
      signals_(std::move(signals)),
      refusals_(kRefusalsPerSecond, kRefusalsAtOnce, monotonicNow()) {}

PublishSrc::~PublishSrc() {
  if (warmUp_.joinable()) warmUp_.join();
}

bool PublishSrc::setSetting(guint id, const GValue *value) {
  Lock lock(mutex_);
  return gws::setSetting(settings_, id, value);
}

bool PublishSrc::getSetting(guint id, GValue *value) const {
  Lock lock(mutex_);
  return gws::getSetting(settings_, id, value);
}

unsigned PublishSrc::currentPort() const {
  Lock lock(mutex_);
  return currentPort_;
}

Settings PublishSrc::settings() const {
  Lock lock(mutex_);
  Settings result = started_;
  result.startBitrate = settings_.startBitrate;
  result.minBitrate = settings_.minBitrate;
  result.maxBitrate = settings_.maxBitrate;
  result.keyframeIntervalMs = settings_.keyframeIntervalMs;
  result.statsIntervalMs = settings_.statsIntervalMs;
  result.duplicatePolicy = settings_.duplicatePolicy;
  return result;
}

/// Else one stream that nobody publishes would keep the whole pipeline from PLAYING.
void PublishSrc::prepare() {
  for (auto &pad : pads())
    waiveDownstreamPreroll(pad.get());
}

/// The first publisher of a process would wait for these otherwise: plugins to be loaded, and
/// the DTLS key to be made.
static void warmUp() {
  for (const char *factory : {"webrtcbin", "dtlsdec", "nicesrc", "rtpbin", "srtpdec"})
    Ref<GstElement>::sink(gst_element_factory_make(factory, nullptr));
}

/// A port's numbers in the order in which they are tried: `wanted`, or by default `usual`, and any
/// that is free when somebody has that.
static std::vector<unsigned> portNumbers(int wanted, unsigned usual) {
  if (wanted >= 0) return {static_cast<unsigned>(wanted)};
  return {usual <= 65535 ? usual : 0, 0};
}

static Result<std::shared_ptr<IcePort>> openIcePort(const Settings &settings, unsigned serverPort) {
  Result<std::shared_ptr<IcePort>> port = Error{};
  const auto udpPorts = portNumbers(settings.udpPort, serverPort);
  const auto tcpPorts = portNumbers(settings.tcpPort, serverPort + 1);
  for (const unsigned udp : udpPorts) {
    for (const unsigned tcp : tcpPorts) {
      IcePortOptions options{.udpPort = udp,
                             .threads = static_cast<unsigned>(settings.networkThreads)};
      if (settings.iceTcp) options.tcpPort = tcp;
      port = IcePort::open(options);
      if (port) return port;
    }
  }
  return port;
}

Result<void> PublishSrc::start() {
  Settings settings;
  {
    Lock lock(mutex_);
    settings = settings_;
  }
  if (auto checked = checkSettings(settings); !checked) return checked;
  auto external = resolveAddresses(settings.externalAddresses);
  if (!external) return external.error();
  settings.externalAddresses = *external;
  {
    Lock lock(mutex_);
    started_ = settings;
  }
  for (auto &pad : pads())
    setPublishPadLatency(pad.get(), settings.latencyMs * GST_MSECOND);
  Running running;
  running.control = ControlThread::shared();
  running.workers = std::make_shared<Workers>();
  running.host = std::make_shared<StreamHost>(*this, running.control, *running.workers);
  std::string failure;
  running.control->call([&] {
    onControlThread();
    auto server = Server::acquire(settings.address, settings.port, ListenerOptions::of(settings));
    if (!server) {
      failure = server.error().detail;
      return;
    }
    running.server = *server;
    running.host->start();
    running.server->add(running.host);
  });
  if (!running.server) return Error{0, failure};
  if (settings.iceAgent == IceAgent::SinglePort) {
    auto port = openIcePort(settings, running.server->port());
    if (!port) {
      running.control->call([&] {
        onControlThread();
        running.server->remove(running.host.get());
        running.host->stop();
        running.host->clear();
        running.server.reset();
      });
      return port.error();
    }
    running.icePort = *port;
    GST_INFO_OBJECT(element_, "media come to UDP port %u and TCP port %u (0: none)",
                    running.icePort->port(), running.icePort->tcpPort());
  }
  static std::atomic<bool> warm = false;
  if (!warm.exchange(true)) warmUp_ = std::thread(warmUp);
  {
    Lock lock(mutex_);
    running_ = running;
    stopping_ = false;
    currentPort_ = running.server->port();
  }
  g_object_notify(G_OBJECT(element_), "current-port");
  return {};
}

PublishSrc::Running PublishSrc::running() const {
  Lock lock(mutex_);
  return running_;
}

/// Each publisher's bin is stopped by its strand, when its webrtcbin can be.
static void lockChildren(GstBin *bin) {
  Owned<GstIterator, gst_iterator_free> children(gst_bin_iterate_elements(bin));
  auto lockOne = [](const GValue *child, gpointer) {
    gst_element_set_locked_state(GST_ELEMENT(g_value_get_object(child)), TRUE);
  };
  while (gst_iterator_foreach(children.get(), lockOne, nullptr) == GST_ITERATOR_RESYNC)
    gst_iterator_resync(children.get());
}

void PublishSrc::stopClients() {
  Running running = this->running();
  if (!running.server) return;
  lockChildren(element_);
  {
    Lock lock(mutex_);
    stopping_ = true;
  }
  running.control->call([&] {
    onControlThread();
    running.server->remove(running.host.get());
    running.host->stop();
  });
}

void PublishSrc::stop() {
  Running running = this->running();
  if (!running.server) return;
  // OpenSSL's end at the process's exit does not wait for the thread that makes its first key.
  if (warmUp_.joinable()) warmUp_.join();
  running.workers->waitIdle();
  // Its thread may hold the last reference to a link, and so to the port.
  if (running.icePort) running.icePort->close();
  running.control->call([&] {
    onControlThread();
    running.host->clear();
    {
      Lock lock(mutex_);
      running_ = {};
      currentPort_ = 0;
    }
    running.server.reset();
  });
  g_object_notify(G_OBJECT(element_), "current-port");
}

void PublishSrc::setPlaying(bool playing) {
  {
    Lock lock(mutex_);
    playing_ = playing;
  }
  for (auto &pad : pads())
    publishPadTrack(pad.get())->setPlaying(playing);
}

/// Elements that wait for PLAYING may be behind a pad; the state change does not wait for them.
void PublishSrc::primePads() {
  constexpr std::chrono::milliseconds kPatience(500);
  auto workers = running().workers;
  std::vector<std::future<void>> primed;
  for (auto &pad : pads()) {
    auto done = std::make_shared<std::promise<void>>();  // shared, since jobs are copied
    primed.push_back(done->get_future());
    workers->run([pad, done] {
      publishPadTrack(pad.get())->prime();
      done->set_value();
    });
  }
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (auto &one : primed)
    one.wait_until(deadline);
}

std::vector<Ref<GstPad>> PublishSrc::pads() const {
  std::vector<Ref<GstPad>> result;
  GST_OBJECT_LOCK(element_);
  for (GList *item = GST_ELEMENT_PADS(element_); item; item = item->next)
    result.push_back(Ref<GstPad>::share(GST_PAD(item->data)));
  GST_OBJECT_UNLOCK(element_);
  return result;
}

void PublishSrc::setUpPad(GstPad *pad) {
  Lock lock(mutex_);
  setPublishPadLatency(pad, settings_.latencyMs * GST_MSECOND);
  publishPadTrack(pad)->setPlaying(playing_);
}

GstPad *PublishSrc::requestPad(GstPadTemplate *templ, const char *name) {
  std::string prefix = GST_PAD_TEMPLATE_NAME_TEMPLATE(templ);
  prefix.resize(prefix.find('%'));
  if (!name || !g_str_has_prefix(name, prefix.c_str()) || strlen(name) == prefix.size()) {
    GST_ERROR_OBJECT(element_, "a request pad needs a name that says the stream, as %scam1",
                     prefix.c_str());
    return nullptr;
  }
  MediaKind kind = prefix == "audio_" ? MediaKind::Audio : MediaKind::Video;
  auto pad = Ref<GstPad>::sink(makePublishPad(
      templ, name, kind, parsePadName(std::string_view(name).substr(prefix.size()))));
  setUpPad(pad.get());
  if (GST_STATE_TARGET(element_) >= GST_STATE_PAUSED) gst_pad_set_active(pad.get(), TRUE);
  if (!gst_element_add_pad(element(), pad.get())) return nullptr;
  setUpPad(pad.get());  // once more: the state may have changed meanwhile
  Lock lock(mutex_);
  reserved_.push_back(pad);
  return pad.get();
}

void PublishSrc::releasePad(GstPad *pad) {
  {
    Lock lock(mutex_);
    std::erase_if(reserved_, [pad](const auto &one) { return one.get() == pad; });
  }
  publishPadTrack(pad)->retire();
  gst_pad_set_active(pad, FALSE);
  gst_element_remove_pad(element(), pad);
}

void PublishSrc::addSometimesPad(GstPad *pad) {
  gst_element_add_pad(element(), pad);
  setUpPad(pad);
  gst_child_proxy_child_added(GST_CHILD_PROXY(element_), G_OBJECT(pad), GST_PAD_NAME(pad));
}

void PublishSrc::removeSometimesPad(GstPad *pad) {
  auto kept = Ref<GstPad>::share(pad);
  releasePad(pad);
  gst_child_proxy_child_removed(GST_CHILD_PROXY(element_), G_OBJECT(pad), GST_PAD_NAME(pad));
}

std::vector<Ref<GstPad>> PublishSrc::reservedPads(const std::string &stream, MediaKind kind) const {
  std::vector<Ref<GstPad>> result;
  {
    Lock lock(mutex_);
    for (const auto &pad : reserved_)
      if (publishPadTrack(pad.get())->kind() == kind && publishPadStream(pad.get()) == stream)
        result.push_back(pad);
  }
  std::stable_sort(result.begin(), result.end(), [](const auto &a, const auto &b) {
    return publishPadIndex(a.get()) < publishPadIndex(b.get());
  });
  return result;
}

std::vector<std::string> PublishSrc::reservedStreams() const {
  std::vector<std::string> result;
  Lock lock(mutex_);
  for (const auto &pad : reserved_) {
    std::string stream = publishPadStream(pad.get());
    if (std::find(result.begin(), result.end(), stream) == result.end()) result.push_back(stream);
  }
  return result;
}

Ref<GstPad> PublishSrc::makeSometimesPad(const std::string &stream, MediaKind kind) {
  std::string name;
  {
    Lock lock(mutex_);
    name = "src_" + std::to_string(nextSometimes_++);
  }
  GstPadTemplate *templ =
      gst_element_class_get_pad_template(GST_ELEMENT_GET_CLASS(element_), "src_%u");
  auto pad = Ref<GstPad>::sink(makePublishPad(templ, name.c_str(), kind, {stream, 0}));
  setUpPad(pad.get());
  gst_pad_set_active(pad.get(), TRUE);
  return pad;
}

/// Pushing EOS may block in downstream, and the application's thread must not.
void PublishSrc::sendEos() {
  auto all = pads();
  withHost([](StreamHost &host) REQUIRES(control) { host.closeDoors(); });
  Lock lock(mutex_);
  if (!running_.workers || stopping_) return;
  for (auto &pad : all)
    running_.workers->run([pad] { publishPadTrack(pad.get())->sendEos(); });
}

std::vector<std::string> PublishSrc::publisherIds() {
  std::vector<std::string> ids;
  withHost([&](StreamHost &host) REQUIRES(control) { ids = host.publisherIds(); });
  return ids;
}

OwnedStructure PublishSrc::statistics() {
  std::vector<PublisherStatistics> publishers;
  withHost([&](StreamHost &host) REQUIRES(control) { publishers = host.statistics(); });
  return structureOf(publishers);
}

/// A bus keeps what nobody reads, for ever; so no more than these are made.
void PublishSrc::postStatistics(const std::vector<PublisherStatistics> &publishers) {
  constexpr unsigned kMaxUnread = 10;
  using Count = std::shared_ptr<std::atomic<unsigned>>;
  if (*unread_ >= kMaxUnread) return;
  ++*unread_;
  GstMessage *message =
      gst_message_new_element(GST_OBJECT(element_), structureOf(publishers).release());
  auto freed = [](gpointer data, GstMiniObject *) {
    std::unique_ptr<Count> count(static_cast<Count *>(data));
    --**count;
  };
  gst_mini_object_weak_ref(GST_MINI_OBJECT_CAST(message), freed, new Count(unread_));
  gst_element_post_message(element(), message);
}

bool PublishSrc::disconnectPublisher(const std::string &id) {
  bool found = false;
  withHost([&](StreamHost &host) REQUIRES(control) { found = host.disconnectPublisher(id); });
  return found;
}

bool PublishSrc::requestKeyframe(const std::string &stream) {
  bool found = false;
  withHost([&](StreamHost &host) REQUIRES(control) { found = host.requestKeyframe(stream); });
  return found;
}

void PublishSrc::withHost(const std::function<void(StreamHost &)> &what) {
  // Nothing but the thread is kept, since a state change may overtake this.
  std::shared_ptr<ControlThread> control;
  std::weak_ptr<StreamHost> weak;
  {
    Lock lock(mutex_);
    control = running_.control;
    weak = running_.host;
  }
  if (!control) return;
  control->call([&] {
    onControlThread();
    if (auto host = weak.lock()) what(*host);
  });
}

/// What goes wrong inside a publisher's bin is never the pipeline's error, and its states are not
/// the element's.
GstMessage *PublishSrc::filterMessage(GstMessage *message) {
  auto owned = Ref<GstMessage>::take(message);
  switch (GST_MESSAGE_TYPE(message)) {
    case GST_MESSAGE_ERROR: {
      OwnedError error;
      OwnedString debug;
      gst_message_parse_error(message, Out(error), Out(debug));
      GST_WARNING_OBJECT(element_, "%s: %s (%s)", GST_OBJECT_NAME(GST_MESSAGE_SRC(message)),
                         error->message, debug ? debug.get() : "");
      failPublisherOf(GST_MESSAGE_SRC(message), error->message);
      return nullptr;
    }
    case GST_MESSAGE_WARNING:
    case GST_MESSAGE_EOS:
    case GST_MESSAGE_ASYNC_START:
    case GST_MESSAGE_ASYNC_DONE:
    case GST_MESSAGE_STATE_DIRTY:
    case GST_MESSAGE_CLOCK_LOST:
    case GST_MESSAGE_CLOCK_PROVIDE:
      return nullptr;
    default:
      return owned.release();
  }
}

void PublishSrc::failPublisherOf(GstObject *source, const char *what) {
  auto object = Ref<GstObject>::share(source);
  auto parent = Ref<GstObject>::take(gst_object_get_parent(source));
  while (parent && parent.get() != GST_OBJECT(element_)) {
    object = parent;
    parent = Ref<GstObject>::take(gst_object_get_parent(object.get()));
  }
  std::string id = publisherOfBin(GST_OBJECT_NAME(object.get()));
  std::string reason = std::string(GST_OBJECT_NAME(source)) + ": " + what;
  Lock lock(mutex_);
  if (id.empty() || !running_.control) return;
  running_.control->post([weak = std::weak_ptr<StreamHost>(running_.host), id, reason] {
    onControlThread();
    if (auto host = weak.lock()) host->failPublisher(id, reason);
  });
}

void PublishSrc::post(const char *name, const std::string &stream, const std::string &publisherId,
                      const char *detail, const char *text) {
  OwnedStructure fields(gst_structure_new(name, "stream", G_TYPE_STRING, stream.c_str(), nullptr));
  if (!publisherId.empty())
    gst_structure_set(fields.get(), "publisher-id", G_TYPE_STRING, publisherId.c_str(), nullptr);
  gst_structure_set(fields.get(), detail, G_TYPE_STRING, text, nullptr);
  gst_element_post_message(element(),
                           gst_message_new_element(GST_OBJECT(element_), fields.release()));
}

bool PublishSrc::authorize(const AccessRequest &request) {
  OwnedStructure fields(gst_structure_new_empty("request"));
  const std::pair<const char *, const std::string &> texts[] = {
      {"name", request.stream},          {"proto", request.protocol},  {"ip", request.address},
      {"session-id", request.sessionId}, {"token", request.token},     {"qs", request.query},
      {"user-agent", request.userAgent}, {"referer", request.referer}, {"host", request.host},
      {"origin", request.origin}};
  for (const auto &[name, text] : texts) {
    OwnedString valid(g_utf8_make_valid(text.c_str(), text.size()));
    gst_structure_set(fields.get(), name, G_TYPE_STRING, valid.get(), nullptr);
  }
  return signals_.authorize(request.stream, fields.get());
}

void PublishSrc::webrtcbinReady(const std::string &publisherId, GstElement *webrtcbin) {
  signals_.webrtcbinReady(publisherId, webrtcbin);
}

void PublishSrc::publisherAdded(const std::string &stream, const std::string &publisherId,
                                const char *door) {
  signals_.publisherAdded(stream, publisherId, door);
  post("webrtc-publisher-added", stream, publisherId, "door", door);
}

void PublishSrc::publisherRemoved(const std::string &stream, const std::string &publisherId,
                                  const std::string &reason) {
  signals_.publisherRemoved(stream, publisherId, reason);
  post("webrtc-publisher-removed", stream, publisherId, "reason", reason.c_str());
}

void PublishSrc::publisherRefused(const std::string &stream, const std::string &reason) {
  {
    Lock lock(mutex_);
    if (!refusals_.take(monotonicNow())) return;
  }
  GST_ELEMENT_WARNING(element_, STREAM, WRONG_TYPE,
                      ("A publisher of the stream %s was refused.", stream.c_str()),
                      ("%s", reason.c_str()));
  post("webrtc-publisher-refused", stream, "", "reason", reason.c_str());
}

}  // namespace gws
