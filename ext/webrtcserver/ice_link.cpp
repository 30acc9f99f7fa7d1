// SPDX-License-Identifier: LGPL-2.1-or-later
// One publisher's way through the shared ICE port, and the elements at its ends.
#include "ice_link.h"

#include <algorithm>

#include "gst/common/monotonic.h"
#include "random.h"

namespace gws {

/// What comes while webrtcbin makes elements, some tens of milliseconds; more is lost.
constexpr std::size_t kLanePackets = 512;

IceLink::IceLink(std::shared_ptr<IcePort> port, Workers &workers,
                 std::span<const std::uint32_t> ssrcs)
    : port_(std::move(port)), workers_(workers), gate_(ssrcs, monotonicNow()) {}

IceLink::~IceLink() {
  if (session_) port_->remove(session_);
}

unsigned IceLink::session() const {
  Lock lock(mutex_);
  return session_;
}

void IceLink::setLocal(const IceKeys &local) {
  if (session()) return;  // webrtcbin sets them once for each section of a bundle
  const unsigned added = port_->add(weak_from_this(), local);
  IceKeys remote;
  {
    Lock lock(mutex_);
    session_ = added;
    remote = remote_;
  }
  port_->setRemote(added, remote);
}

/// webrtcbin knows these first.
void IceLink::setRemote(const IceKeys &remote) {
  {
    Lock lock(mutex_);
    remote_ = remote;
  }
  if (const unsigned id = session()) port_->setRemote(id, remote);
}

std::optional<IceKeys> IceLink::restart(const IceKeys &remote) {
  const unsigned id = session();
  if (!id) return std::nullopt;
  IceKeys local{randomHex(8), randomHex(16)};
  port_->restart(id, local, remote);
  return local;
}

void IceLink::send(std::span<const std::uint8_t> packet) {
  if (const unsigned id = session()) port_->send(id, packet);
}

std::optional<IcePath> IceLink::path() const {
  const unsigned id = session();
  return id ? port_->pathOf(id) : std::nullopt;
}

void IceLink::attach(GstElement *source) {
  Lock lock(mutex_);
  source_ = Ref<GstElement>::share(source);
}

void IceLink::detach() {
  unsigned id;
  Ref<GstElement> source;
  {
    Lock lock(mutex_);
    id = std::exchange(session_, 0);
    source = std::move(source_);
  }
  if (id) port_->remove(id);
}

// --- The elements --------------------------------------------------------------------------------

namespace {

struct GwsIceSource {
  GstElement parent;
  GstPad *pad;
  bool begun;  ///< under the pad's stream lock
  std::shared_ptr<IceLink> *link;
};
struct GwsIceSourceClass {
  GstElementClass parent;
};
struct GwsIceSink {
  GstElement parent;
  std::shared_ptr<IceLink> *link;
};
struct GwsIceSinkClass {
  GstElementClass parent;
};

GstStaticPadTemplate sourceTemplate =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
GstStaticPadTemplate sinkTemplate =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

}  // namespace

G_DEFINE_FINAL_TYPE(GwsIceSource, gws_ice_source, GST_TYPE_ELEMENT)
G_DEFINE_FINAL_TYPE(GwsIceSink, gws_ice_sink, GST_TYPE_ELEMENT)

static GwsIceSource *asSource(gpointer object) { return static_cast<GwsIceSource *>(object); }
static GwsIceSink *asSink(gpointer object) { return static_cast<GwsIceSink *>(object); }

/// Packets come from PAUSED on, and no more once the element is on its way to NULL.
static GstStateChangeReturn changeSourceState(GstElement *element, GstStateChange transition) {
  auto &link = *asSource(element)->link;
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) link->detach();
  const auto result =
      GST_ELEMENT_CLASS(gws_ice_source_parent_class)->change_state(element, transition);
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) link->attach(element);
  return transition == GST_STATE_CHANGE_READY_TO_PAUSED ? GST_STATE_CHANGE_NO_PREROLL : result;
}

static void gws_ice_source_init(GwsIceSource *self) {
  self->link = new std::shared_ptr<IceLink>();
  self->pad = gst_pad_new_from_static_template(&sourceTemplate, "src");
  gst_element_add_pad(&self->parent, self->pad);
  GST_OBJECT_FLAG_SET(self, GST_ELEMENT_FLAG_SOURCE);
}

static void finalizeSource(GObject *object) {
  delete asSource(object)->link;
  G_OBJECT_CLASS(gws_ice_source_parent_class)->finalize(object);
}

static void gws_ice_source_class_init(GwsIceSourceClass *klass) {
  GstElementClass *element = &klass->parent;
  element->change_state = changeSourceState;
  G_OBJECT_CLASS(klass)->finalize = finalizeSource;
  gst_element_class_add_static_pad_template(element, &sourceTemplate);
  gst_element_class_set_static_metadata(element, "ICE source", "Source/Network",
                                        "What comes in for one publisher", "gst-webrtc-server");
}

static GstFlowReturn sendBuffer(GstPad *, GstObject *parent, GstBuffer *buffer) {
  const auto owned = Ref<GstBuffer>::take(buffer);
  GstMapInfo map;
  if (!gst_buffer_map(buffer, &map, GST_MAP_READ)) return GST_FLOW_ERROR;
  (*asSink(parent)->link)->send({map.data, map.size});
  gst_buffer_unmap(buffer, &map);
  return GST_FLOW_OK;
}

static void gws_ice_sink_init(GwsIceSink *self) {
  self->link = new std::shared_ptr<IceLink>();
  GstPad *pad = gst_pad_new_from_static_template(&sinkTemplate, "sink");
  gst_pad_set_chain_function(pad, sendBuffer);
  gst_element_add_pad(&self->parent, pad);
  GST_OBJECT_FLAG_SET(self, GST_ELEMENT_FLAG_SINK);
}

static void finalizeSink(GObject *object) {
  delete asSink(object)->link;
  G_OBJECT_CLASS(gws_ice_sink_parent_class)->finalize(object);
}

static void gws_ice_sink_class_init(GwsIceSinkClass *klass) {
  GstElementClass *element = &klass->parent;
  G_OBJECT_CLASS(klass)->finalize = finalizeSink;
  gst_element_class_add_static_pad_template(element, &sinkTemplate);
  gst_element_class_set_static_metadata(element, "ICE sink", "Sink/Network",
                                        "What goes out to one publisher", "gst-webrtc-server");
}

GstElement *IceLink::makeSource() {
  auto *source = asSource(g_object_new(gws_ice_source_get_type(), "name", kSourceName, nullptr));
  *source->link = shared_from_this();
  return &source->parent;
}

GstElement *IceLink::makeSink() {
  auto *sink = asSink(g_object_new(gws_ice_sink_get_type(), nullptr));
  *sink->link = shared_from_this();
  return &sink->parent;
}

/// When it came, in the running time that jitter buffers reckon with; nothing goes on without it.
static bool stamp(GstElement *element, GstBuffer *buffer, IceTime age) {
  Ref<GstClock> clock;
  GstClockTime base;
  GST_OBJECT_LOCK(element);
  if (GstClock *set = GST_ELEMENT_CLOCK(element)) clock = Ref<GstClock>::share(set);
  base = element->base_time;
  GST_OBJECT_UNLOCK(element);
  if (!clock) return false;
  base += static_cast<GstClockTime>(age.count()) * GST_USECOND;
  const GstClockTime now = gst_clock_get_time(clock.get());
  GST_BUFFER_PTS(buffer) = GST_BUFFER_DTS(buffer) = now > base ? now - base : 0;
  return true;
}

static void beginStream(GwsIceSource *source) {
  if (source->begun) return;
  source->begun = true;
  gst_pad_push_event(source->pad, gst_event_new_stream_start(GST_OBJECT_NAME(source)));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_pad_push_event(source->pad, gst_event_new_segment(&segment));
}

static void push(GstElement *element, Ref<GstBuffer> packet) {
  GwsIceSource *source = asSource(element);
  GST_PAD_STREAM_LOCK(source->pad);
  beginStream(source);
  gst_pad_push(source->pad, packet.release());
  GST_PAD_STREAM_UNLOCK(source->pad);
}

/// The elements of an SSRC are there from its second packet on.
bool IceLink::passes(Ref<GstBuffer> &packet) {
  auto passage = SsrcPassage::Refused;
  if (GstMapInfo map; gst_buffer_map(packet.get(), &map, GST_MAP_READ)) {
    passage = gate_.pass({map.data, map.size}, monotonicNow());
    gst_buffer_unmap(packet.get(), &map);
  }
  if (passage == SsrcPassage::Further && connected_ && !emptying_) return true;
  if (passage != SsrcPassage::Refused && lane_.size() < kLanePackets)
    lane_.push_back(std::move(packet));
  packet.reset();
  return false;
}

void IceLink::onPacket(Ref<GstBuffer> packet, IceTime age) {
  Ref<GstElement> element;
  {
    Lock lock(mutex_);
    if (!source_ || !stamp(source_.get(), packet.get(), age)) return;
    if (passes(packet))
      element = source_;
    else if (connected_ && !lane_.empty() && !std::exchange(emptying_, true))
      workers_.run([self = shared_from_this()] { self->emptyLane(); });
  }
  if (element) push(element.get(), std::move(packet));
}

/// webrtcbin hears of its transport without a reference to itself, and takes apart what hears of it
/// without a lock. But on its way to NULL it stops the source first, and so waits for its pad.
void IceLink::tellConnected() {
  Ref<GstElement> element;
  {
    Lock lock(mutex_);
    element = source_;
  }
  if (!element || !whenConnected_) return;
  GstPad *pad = asSource(element.get())->pad;
  GST_PAD_STREAM_LOCK(pad);
  if (GST_PAD_IS_ACTIVE(pad)) whenConnected_();
  GST_PAD_STREAM_UNLOCK(pad);
}

void IceLink::onConnected() {
  workers_.run([self = shared_from_this()] {
    self->tellConnected();
    {
      Lock lock(self->mutex_);
      self->connected_ = self->emptying_ = true;
    }
    self->emptyLane();
  });
}

void IceLink::emptyLane() {
  while (true) {
    Ref<GstElement> element;
    Ref<GstBuffer> packet;
    {
      Lock lock(mutex_);
      if (lane_.empty()) {
        emptying_ = false;
        return;
      }
      packet = std::move(lane_.front());
      lane_.pop_front();
      element = source_;
    }
    if (element) push(element.get(), std::move(packet));
  }
}

}  // namespace gws
