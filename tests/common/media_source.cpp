// SPDX-License-Identifier: LGPL-2.1-or-later
// Live test pictures and tones as RTP, one bin for each track of a PublishClient.
#include "media_source.h"

#include <cstring>

namespace gws::test {

namespace {

constexpr const char *kTransportCcUri =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

// No periodic key frame: only a request brings one, so that a test can count them.
constexpr SendCodec kCodecs[] = {
    {"vp8", TrackKind::Video, "VP8", 96, 90000, "",
     "vp8enc deadline=1 cpu-used=16 keyframe-max-dist=100000 target-bitrate=%u", "rtpvp8pay"},
    {"vp9", TrackKind::Video, "VP9", 100, 90000, ", profile-id=(string)0",
     "vp9enc deadline=1 cpu-used=8 lag-in-frames=0 keyframe-max-dist=100000 target-bitrate=%u",
     "rtpvp9pay"},
    {"h264", TrackKind::Video, "H264", 104, 90000,
     ", packetization-mode=(string)1, profile-level-id=(string)42e01f, "
     "level-asymmetry-allowed=(string)1",
     "openh264enc complexity=low gop-size=100000 bitrate=%u ! "
     "video/x-h264, profile=constrained-baseline"
     "|x264enc tune=zerolatency speed-preset=ultrafast key-int-max=100000 ! "
     "video/x-h264, profile=constrained-baseline",
     "rtph264pay"},
    {"h265", TrackKind::Video, "H265", 108, 90000, "",
     "x265enc tune=zerolatency speed-preset=ultrafast key-int-max=100000 ! h265parse",
     "rtph265pay"},
    {"opus", TrackKind::Audio, "OPUS", 112, 48000,
     ", encoding-params=(string)2, minptime=(string)10, useinbandfec=(string)1",
     "audioresample ! audio/x-raw, rate=48000, channels=2 ! opusenc", "rtpopuspay"},
    {"pcmu", TrackKind::Audio, "PCMU", 0, 8000, "",
     "audioresample ! audio/x-raw, rate=8000, channels=1 ! mulawenc", "rtppcmupay"},
    {"pcma", TrackKind::Audio, "PCMA", 8, 8000, "",
     "audioresample ! audio/x-raw, rate=8000, channels=1 ! alawenc", "rtppcmapay"},
    {"g722", TrackKind::Audio, "G722", 9, 8000, "",
     "audioresample ! audio/x-raw, rate=16000, channels=1 ! avenc_g722", "rtpg722pay"},
};

/// The first alternative all of whose encoders exist.
std::string pickEncoder(const SendCodec &codec, unsigned bitrate) {
  Owned<char *, g_strfreev> alternatives(g_strsplit(codec.encoders, "|", -1));
  for (char **one = alternatives.get(); *one; ++one) {
    Owned<char *, g_strfreev> words(g_strsplit(*one, " ", 2));
    const auto factory = Ref<GstElementFactory>::take(gst_element_factory_find(words.get()[0]));
    if (!factory) continue;
    std::string text(*one);
    const auto mark = text.find("%u");
    if (mark != std::string::npos) text.replace(mark, 2, std::to_string(bitrate));
    return text;
  }
  return {};
}

std::string sourceText(const SendCodec &codec, const TrackSettings &settings) {
  const std::string encoder = pickEncoder(codec, settings.bitrate);
  if (encoder.empty()) return {};
  if (codec.kind == TrackKind::Audio)
    return "audiotestsrc is-live=true wave=sine volume=0.2 samplesperbuffer=960 ! "
           "audio/x-raw, rate=48000 ! audioconvert ! " +
           encoder;
  const auto caps = pictureCaps(settings.width, settings.height, settings.fps);
  return "videotestsrc is-live=true pattern=ball ! capsfilter name=size caps=\"" +
         takeString(gst_caps_to_string(caps.get())) + "\" ! videoconvert ! " + encoder;
}

void setIfThere(GstElement *element, const char *property, const char *value) {
  if (g_object_class_find_property(G_OBJECT_GET_CLASS(element), property))
    gst_util_set_object_arg(G_OBJECT(element), property, value);
}

}  // namespace

const SendCodec *sendCodec(const std::string &name) {
  for (const SendCodec &codec : kCodecs)
    if (name == codec.name) return &codec;
  return nullptr;
}

Ref<GstCaps> pictureCaps(int width, int height, int fps) {
  return Ref<GstCaps>::take(gst_caps_new_simple("video/x-raw", "width", G_TYPE_INT, width, "height",
                                                G_TYPE_INT, height, "framerate", GST_TYPE_FRACTION,
                                                fps, 1, nullptr));
}

Ref<GstCaps> rtpCaps(const SendCodec &codec, const TrackSettings &settings) {
  const std::string text =
      std::string("application/x-rtp, media=(string)") +
      (codec.kind == TrackKind::Audio ? "audio" : "video") + ", encoding-name=(string)" +
      codec.encodingName + ", clock-rate=(int)" + std::to_string(codec.clockRate) +
      ", payload=(int)" + std::to_string(settings.payload) + ", ssrc=(uint)" +
      std::to_string(settings.ssrc) + ", extmap-" + std::to_string(kTransportCcId) + "=(string)\"" +
      kTransportCcUri + "\"" + codec.fmtp;
  return Ref<GstCaps>::take(gst_caps_from_string(text.c_str()));
}

Ref<GstElement> makeTrackBin(const SendCodec &codec, const TrackSettings &settings,
                             const EncodedSource &source) {
  std::string text = source ? std::string("identity name=entry") : sourceText(codec, settings);
  if (text.empty()) return {};
  text += std::string(" ! ") + codec.payloader + " name=pay ! capsfilter name=rtp";
  OwnedError error;
  auto bin = Ref<GstElement>::sink(gst_parse_bin_from_description(text.c_str(), FALSE, Out(error)));
  if (!bin || error) {
    g_warning("cannot build '%s': %s", text.c_str(), error ? error->message : "?");
    return {};
  }
  if (source) {
    GstElement *entry = source();
    gst_bin_add(GST_BIN(bin.get()), entry);
    const auto identity = Ref<GstElement>::take(gst_bin_get_by_name(GST_BIN(bin.get()), "entry"));
    if (!gst_element_link(entry, identity.get())) g_warning("cannot link the encoded source");
  }
  const auto pay = Ref<GstElement>::take(gst_bin_get_by_name(GST_BIN(bin.get()), "pay"));
  g_object_set(pay.get(), "pt", settings.payload, "ssrc", settings.ssrc, "mtu", 1200u, nullptr);
  setIfThere(pay.get(), "config-interval", "-1");
  setIfThere(pay.get(), "aggregate-mode", "zero-latency");
  setIfThere(pay.get(), "picture-id-mode", "2");

  const auto filter = Ref<GstElement>::take(gst_bin_get_by_name(GST_BIN(bin.get()), "rtp"));
  // The payloader adds the header extension that it finds here; what a=fmtp said is not repeated.
  SendCodec plain = codec;
  plain.fmtp = "";
  g_object_set(filter.get(), "caps", rtpCaps(plain, settings).get(), nullptr);
  const auto src = Ref<GstPad>::take(gst_element_get_static_pad(filter.get(), "src"));
  gst_element_add_pad(bin.get(), gst_ghost_pad_new("src", src.get()));
  return bin;
}

}  // namespace gws::test
