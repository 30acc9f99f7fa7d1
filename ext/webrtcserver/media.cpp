// SPDX-License-Identifier: LGPL-2.1-or-later
// Caps, decoders from the registry, and the elements between webrtcbin and a pad.
#include "media.h"

#include <gst/audio/audio.h>
#include <gst/rtp/gstrtpbasedepayload.h>

#include <algorithm>

namespace gws {

using FactoryList = Owned<GList, gst_plugin_feature_list_free>;

static Ref<GstCaps> capsFrom(const std::string &text) {
  return Ref<GstCaps>::take(gst_caps_from_string(text.c_str()));
}

static bool hasElement(const char *factory) {
  return !factory || Ref<GstElementFactory>::take(gst_element_factory_find(factory));
}

Ref<GstCaps> encodedCaps(const Codec &codec) { return capsFrom(codec.encodedCaps); }

static Ref<GstCaps> rawCaps(MediaKind kind) {
  return capsFrom(kind == MediaKind::Audio ? "audio/x-raw(ANY)" : "video/x-raw(ANY)");
}

static Ref<GstCaps> rtpCaps(const Codec &codec) {
  return capsFrom(std::string("application/x-rtp, media=(string)") + kindName(codec.kind) +
                  ", encoding-name=(string)" + codec.encodingName + ", clock-rate=(int)" +
                  std::to_string(codec.clockRate));
}

GstCaps *padTemplateCaps(MediaKind kind) {
  Ref<GstCaps> caps = Ref<GstCaps>::take(gst_caps_new_empty());
  for (const Codec &row : codecs()) {
    if (row.kind != kind) continue;
    Ref<GstCaps> encoded = encodedCaps(row);
    Ref<GstCaps> name = Ref<GstCaps>::take(gst_caps_new_empty_simple(
        gst_structure_get_name(gst_caps_get_structure(encoded.get(), 0))));
    caps = Ref<GstCaps>::take(gst_caps_merge(caps.release(), name.release()));
  }
  caps = Ref<GstCaps>::take(gst_caps_merge(caps.release(), rawCaps(kind).release()));
  gst_caps_append(caps.get(), gst_caps_new_simple("application/x-rtp", "media", G_TYPE_STRING,
                                                  kindName(kind), nullptr));
  return caps.release();
}

/// The highest-ranked decoder from `codec` to something in `accepted`.
static Ref<GstElementFactory> decoderFor(const Codec &codec, GstCaps *accepted) {
  auto encoded = Ref<GstCaps>::take(gst_caps_make_writable(encodedCaps(codec).release()));
  // Decoders for video with an alpha channel want what no publisher sends.
  gst_caps_set_simple(encoded.get(), "codec-alpha", G_TYPE_BOOLEAN, FALSE, nullptr);
  FactoryList decoders(g_list_sort(
      gst_element_factory_list_get_elements(GST_ELEMENT_FACTORY_TYPE_DECODER, GST_RANK_MARGINAL),
      gst_plugin_feature_rank_compare_func));
  for (GList *item = decoders.get(); item; item = item->next) {
    GstElementFactory *factory = GST_ELEMENT_FACTORY(item->data);
    if (gst_element_factory_can_sink_any_caps(factory, encoded.get()) &&
        gst_element_factory_can_src_any_caps(factory, accepted))
      return Ref<GstElementFactory>::share(factory);
  }
  return nullptr;
}

static bool accepts(GstCaps *caps, const Codec &codec, Form form) {
  if (form == Form::Rtp) return gst_caps_can_intersect(caps, rtpCaps(codec).get());
  if (!hasElement(codec.depayloader) || !hasElement(codec.parser)) return false;
  if (form == Form::Encoded) return gst_caps_can_intersect(caps, encodedCaps(codec).get());
  Ref<GstCaps> raw = Ref<GstCaps>::take(gst_caps_intersect(caps, rawCaps(codec.kind).get()));
  return !gst_caps_is_empty(raw.get()) && decoderFor(codec, raw.get());
}

std::vector<Form> formsOf(Output output) {
  switch (output) {
    case Output::Encoded:
      return {Form::Encoded};
    case Output::Raw:
      return {Form::Raw};
    case Output::Rtp:
      return {Form::Rtp};
    case Output::Auto:
      break;
  }
  return {Form::Encoded, Form::Raw, Form::Rtp};
}

WishList wishesFor(GstCaps *caps, MediaKind kind, Form form, const Settings &settings) {
  WishList wishes;
  auto order =
      parseCodecList(kind == MediaKind::Audio ? settings.audioCodecs : settings.videoCodecs, kind);
  if (!order) return wishes;
  for (CodecId id : *order)
    if (accepts(caps, codec(id), form)) wishes.push_back({id, form});
  return wishes;
}

/// Sets a property that not every version or element has.
static void setIfThere(GstElement *element, const char *property, const char *value) {
  if (g_object_class_find_property(G_OBJECT_GET_CLASS(element), property))
    gst_util_set_object_arg(G_OBJECT(element), property, value);
}

static void configure(GstElement *element) {
  setIfThere(element, "request-keyframe", "true");  // depayloaders: a loss asks for a key frame
  setIfThere(element, "config-interval", "-1");     // parsers: parameter sets with key frames
  setIfThere(element, "use-inband-fec", "true");    // opusdec
  setIfThere(element, "plc", "true");               // audio decoders
}

/// Nobody behind a depayloader asks for header extensions. Those of GStreamer 1.26 gather them, and
/// end the process (g_assert) at fragments in an order that a lossy network is enough to bring.
static void gatherNoExtensions([[maybe_unused]] GstElement *depayloader) {
#if GST_CHECK_VERSION(1, 24, 0)
  if (GST_IS_RTP_BASE_DEPAYLOAD(depayloader))
    gst_rtp_base_depayload_set_aggregate_hdrext_enabled(GST_RTP_BASE_DEPAYLOAD(depayloader), FALSE);
#endif
}

/// rtpvp9depay changes another event than the one that tells of a loss, which most often is not
/// there (criticals; GStreamer 1.22 to 1.26). It sees the gap in the sequence numbers all the same.
static void keepLossesFrom(GstPad *sink) {
  auto onEvent = [](GstPad *, GstPadProbeInfo *info, gpointer) {
    return gst_event_has_name(GST_PAD_PROBE_INFO_EVENT(info), "GstRTPPacketLost")
               ? GST_PAD_PROBE_DROP
               : GST_PAD_PROBE_OK;
  };
  gst_pad_add_probe(sink, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, onEvent, nullptr, nullptr);
}

static Result<GstElement *> append(GstBin *bin, GstElement *previous, Ref<GstElement> element,
                                   const char *what) {
  if (!element) return Error{0, std::string("the element ") + what + " is missing"};
  configure(element.get());
  GstElement *borrowed = element.get();
  gst_bin_add(bin, borrowed);
  if (previous && !gst_element_link(previous, borrowed))
    return Error{0, std::string("could not link ") + GST_ELEMENT_NAME(previous) + " to " + what};
  return borrowed;
}

static Ref<GstElement> make(const char *factory) {
  return Ref<GstElement>::sink(gst_element_factory_make(factory, nullptr));
}

static Ref<GstPad> staticPad(GstElement *element, const char *name) {
  return Ref<GstPad>::take(gst_element_get_static_pad(element, name));
}

Result<Chain> buildChain(GstBin *bin, const Codec &codec, Form form, GstCaps *accepted) {
  Chain chain;
  if (form == Form::Rtp) return chain;
  auto last = append(bin, nullptr, make(codec.depayloader), codec.depayloader);
  if (!last) return last.error();
  gatherNoExtensions(*last);
  chain.sink = staticPad(*last, "sink");
  if (codec.id == CodecId::VP9) keepLossesFrom(chain.sink.get());
  if (codec.parser) {
    last = append(bin, *last, make(codec.parser), codec.parser);
    if (!last) return last.error();
  }
  chain.gate = staticPad(*last, "src");
  if (form == Form::Raw) {
    Ref<GstCaps> raw = Ref<GstCaps>::take(gst_caps_intersect(accepted, rawCaps(codec.kind).get()));
    auto factory = decoderFor(codec, raw.get());
    if (!factory) return Error{0, std::string("no decoder for ") + codec.name + " is installed"};
    last = append(bin, *last,
                  Ref<GstElement>::sink(gst_element_factory_create(factory.get(), nullptr)),
                  GST_OBJECT_NAME(factory.get()));
    if (!last) return last.error();
  }
  chain.src = staticPad(*last, "src");
  return chain;
}

Ref<GstCaps> likelyCaps(MediaKind kind, GstCaps *accepted) {
  const char *audio[] = {
      "audio/x-opus, rate=(int)48000, channels=(int)2, channel-mapping-family=(int)0",
      "audio/x-raw, format=(string)" GST_AUDIO_NE(S16) ", layout=(string)interleaved, "
      "rate=(int)48000, channels=(int)2, channel-mask=(bitmask)0x3"};
  const char *video[] = {
      "video/x-raw, format=(string)I420, width=(int)640, height=(int)480, "
      "framerate=(fraction)30/1, pixel-aspect-ratio=(fraction)1/1, "
      "interlace-mode=(string)progressive"};
  auto firstOf = [accepted](auto &texts) {
    for (const char *text : texts) {
      auto caps = capsFrom(text);
      if (gst_caps_can_intersect(caps.get(), accepted)) return caps;
    }
    return Ref<GstCaps>();
  };
  return kind == MediaKind::Audio ? firstOf(audio) : firstOf(video);
}

}  // namespace gws
