// SPDX-License-Identifier: LGPL-2.1-or-later
// What leaves the pads of webrtcpublishsrc when a publisher sends: form, codec, order, names.
#include "tests/common/check.h"

using namespace gws;
using namespace gws::test;

namespace {

/// One publication through one request pad.
struct FormCase {
  const char *pad;
  const char *properties;  ///< of the element
  const char *downstream;  ///< after the pad
  const char *offered;     ///< codecs of that kind
  const char *taken;       ///< what the answer has to choose
  const char *mediaType;   ///< of the caps that have to come
  const char *piece;       ///< in the caps' text
};

constexpr FormCase kForms[] = {
    {"video_cam", "", "h264parse", "vp8,h264", "h264", "video/x-h264", "avc3"},
    {"video_cam", "", "vp8dec", "h264,vp8", "vp8", "video/x-vp8", ""},
    {"video_cam", "", "vp9dec", "vp8,vp9", "vp9", "video/x-vp9", ""},
    {"video_cam", "", "h265parse", "vp8,h265", "h265", "video/x-h265", ""},
    {"video_cam", "", "videoconvert", "vp8", "vp8", "video/x-raw", "width=(int)320"},
    {"video_cam", "", "videoconvert", "h264", "h264", "video/x-raw", "height=(int)240"},
    {"video_cam", "output=encoded", "identity", "vp8", "vp8", "video/x-vp8", ""},
    {"video_cam", "output=encoded video-codecs=vp8", "identity", "h264,vp8", "vp8", "video/x-vp8",
     ""},
    {"video_cam", "output=raw", "identity", "h264", "h264", "video/x-raw", ""},
    {"video_cam", "output=rtp", "identity", "vp8", "vp8", "application/x-rtp",
     "encoding-name=(string)VP8"},
    {"audio_cam", "", "opusparse", "pcmu,opus", "opus", "audio/x-opus", ""},
    {"audio_cam", "", "mulawdec", "opus,pcmu", "pcmu", "audio/x-mulaw", "rate=(int)8000"},
    {"audio_cam", "", "alawdec", "opus,pcma", "pcma", "audio/x-alaw", ""},
    {"audio_cam", "", "audioconvert", "opus", "opus", "audio/x-raw", ""},
    {"audio_cam", "", "avdec_g722", "opus,g722", "g722", "audio/G722", ""},
    {"audio_cam", "output=raw", "identity", "pcmu", "pcmu", "audio/x-raw", "rate=(int)8000"},
    {"audio_cam", "output=rtp", "identity", "opus", "opus", "application/x-rtp",
     "encoding-name=(string)OPUS"},
};

}  // namespace

GST_START_TEST(pad_linkedToAPeer_getsWhatThePeerTakes) {
  const FormCase &row = kForms[__i__];
  const bool video = g_str_has_prefix(row.pad, "video");
  PublishPipeline pipeline("webrtcpublishsrc name=pub " + std::string(row.properties) + " pub." +
                           row.pad + " ! " + row.downstream + kSink);
  PadRecorder &seen = pipeline.record(row.pad);
  fail_unless(pipeline.play());
  PublishOptions options = optionsFor(pipeline);
  options.video.clear();
  options.audio.clear();
  (video ? options.video : options.audio).emplace_back(row.offered);
  PublishClient client(options);
  mustPublish(client);
  fail_unless(seen.waitBuffers(10), "%s: no buffers came", row.downstream);
  fail_unless_same_text(client.stats()[0].codec, row.taken);
  const Recording recording = seen.get();
  fail_unless(!recording.caps.empty());
  fail_unless(capsAre(recording.caps[0], row.mediaType, {row.piece}), "%s: caps are %s",
              row.downstream, recording.caps[0].c_str());
  fail_unless(recording.firstIsKey, "the first buffer is no key frame");
  fail_unless_equals_int(recording.backwards, 0);
  mustBeHealthy(pipeline);
}
GST_END_TEST

/// RED and ULPFEC are never taken: their elements are not in the way of the packets.
GST_START_TEST(media_passElementsOfErrorCorrection) {
  PublishPipeline pipeline("webrtcpublishsrc name=pub pub.video_cam ! vp8dec" + std::string(kSink));
  PadRecorder &seen = pipeline.record("video_cam");
  fail_unless(pipeline.play());
  PublishOptions options = optionsFor(pipeline);
  options.audio = {};
  PublishClient client(options);
  mustPublish(client);
  fail_unless(seen.waitBuffers(10));
  for (const char *factory : {"rtpreddec", "rtpstorage"}) {
    unsigned unlinked = 0;
    Owned<GstIterator, gst_iterator_free> found(
        gst_bin_iterate_all_by_element_factory_name(GST_BIN(pipeline.pub()), factory));
    auto count = [](const GValue *item, gpointer data) {
      auto *element = GST_ELEMENT(g_value_get_object(item));
      auto sink = Ref<GstPad>::take(gst_element_get_static_pad(element, "sink"));
      *static_cast<unsigned *>(data) += !gst_pad_is_linked(sink.get());
    };
    fail_unless(gst_iterator_foreach(found.get(), count, &unlinked) == GST_ITERATOR_DONE);
    fail_unless_equals_int(unlinked, 1);
  }
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(publication_withTwoTracks_namesItsStreams) {
  PublishPipeline pipeline(std::string("webrtcpublishsrc name=pub pub.video_cam") + kSink +
                           " pub.audio_cam" + kSink);
  PadRecorder &video = pipeline.record("video_cam");
  PadRecorder &audio = pipeline.record("audio_cam");
  fail_unless(pipeline.play());
  PublishClient client(optionsFor(pipeline));
  mustPublish(client);
  fail_unless(video.waitBuffers(30) && audio.waitBuffers(30));

  const auto pad = gws::Ref<GstPad>::take(gst_element_get_static_pad(pipeline.pub(), "video_cam"));
  const auto text = [&pad](const char *property) {
    return gws::takeString(gws::getProperty<char *>(pad.get(), property));
  };
  const std::string id = text("publisher-id");
  fail_unless(!id.empty());
  fail_unless_same_text(text("stream"), "cam");
  fail_unless_same_text(text("mid"), "0");
  fail_unless_same_text(text("codec"), "vp8");

  const Recording picture = video.get(), sound = audio.get();
  fail_unless_equals_int(picture.streamIds.size(), 1);
  fail_unless_same_text(picture.streamIds[0], "cam/" + id + "/0");
  fail_unless_same_text(sound.streamIds[0], "cam/" + id + "/1");
  fail_unless(picture.groupId != 0 && picture.groupId == sound.groupId, "group ids are %u and %u",
              picture.groupId, sound.groupId);
  fail_unless_same_text(picture.title, "cam");
  fail_unless_same_text(sound.title, "cam");

  const auto added = pipeline.waitMessage("webrtc-publisher-added");
  fail_unless(added && added->text.find(id) != std::string::npos);
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(timestamps_ofBothTracks_neverGoBackAndLieTogether) {
  PublishPipeline pipeline(std::string("webrtcpublishsrc name=pub pub.video_cam") + kSink +
                           " pub.audio_cam" + kSink);
  PadRecorder &video = pipeline.record("video_cam");
  PadRecorder &audio = pipeline.record("audio_cam");
  fail_unless(pipeline.play());
  PublishClient client(optionsFor(pipeline));
  mustPublish(client);
  // Long enough for the first sender reports to have come and moved the clocks.
  fail_unless(video.waitBuffers(180) && audio.waitBuffers(300));
  const Recording picture = video.get(), sound = audio.get();
  fail_unless_equals_int(picture.backwards + sound.backwards, 0);
  fail_unless_equals_int(picture.withoutPts + sound.withoutPts, 0);
  const auto apart = GST_CLOCK_DIFF(picture.firstPts, sound.firstPts);
  fail_unless(ABS(apart) < static_cast<GstClockTimeDiff>(300 * GST_MSECOND),
              "the tracks begin %" G_GINT64_FORMAT " ms apart", apart / 1000000);
  const auto span = GST_CLOCK_DIFF(picture.firstPts, picture.lastPts);
  fail_unless(span > static_cast<GstClockTimeDiff>(5 * GST_SECOND),
              "180 frames span %" G_GINT64_FORMAT " ms", span / 1000000);
}
GST_END_TEST

GST_START_TEST(h264_changingItsSizeIntoMatroska_staysAvc3) {
  PublishPipeline pipeline(
      "webrtcpublishsrc name=pub pub.video_cam ! queue ! h264parse ! matroskamux name=mux ! "
      "fakesink async=false sync=false");
  PadRecorder &seen = pipeline.recordAt("mux", "video_0");
  fail_unless(pipeline.play());
  PublishOptions options = optionsFor(pipeline);
  options.video = {"h264"};
  options.audio = {};
  PublishClient client(options);
  mustPublish(client);
  fail_unless(seen.waitBuffers(15));
  fail_unless(capsAre(seen.get().caps[0], "video/x-h264", {"avc3"}), "caps are %s",
              seen.get().caps[0].c_str());
  client.requestSize(480, 360);
  fail_unless(seen.waitFor([](const Recording &recording) {
    return recording.caps.back().find("width=(int)480") != std::string::npos;
  }),
              "the new size never came: %s", seen.get().caps.back().c_str());
  fail_unless(seen.waitMore(15), "no frames after the change of size");
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(raw_changingItsSize_getsNewCaps) {
  PublishPipeline pipeline(std::string("webrtcpublishsrc name=pub pub.video_cam ! videoconvert") +
                           kSink);
  PadRecorder &seen = pipeline.record("video_cam");
  fail_unless(pipeline.play());
  PublishOptions options = optionsFor(pipeline);
  options.audio = {};
  PublishClient client(options);
  mustPublish(client);
  fail_unless(seen.waitBuffers(5));
  client.requestSize(480, 360);
  fail_unless(seen.waitFor([](const Recording &recording) {
    return capsAre(recording.caps.back(), "video/x-raw", {"width=(int)480"});
  }));
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(secondTrackOfAKind_hasAPadOfItsOwn) {
  PublishPipeline pipeline(std::string("webrtcpublishsrc name=pub pub.video_cam") + kSink +
                           " pub.video_cam_1" + kSink);
  PadRecorder &camera = pipeline.record("video_cam");
  PadRecorder &screen = pipeline.record("video_cam_1");
  fail_unless(pipeline.play());
  PublishOptions options = optionsFor(pipeline);
  options.video = {"vp8", "vp8"};
  options.audio = {};
  PublishClient client(options);
  mustPublish(client);
  fail_unless(camera.waitBuffers(10), "nothing on video_cam");
  fail_unless(screen.waitBuffers(10), "nothing on video_cam_1");
  fail_unless(camera.get().streamIds[0] != screen.get().streamIds[0]);
}
GST_END_TEST

GST_START_TEST(padProperty_stream_bindsAnyPadToAnyStream) {
  PublishPipeline pipeline(
      std::string("webrtcpublishsrc name=pub video_a::stream=room/cam1 pub.video_a") + kSink);
  PadRecorder &seen = pipeline.record("video_a");
  fail_unless(pipeline.play());
  PublishClient client(optionsFor(pipeline, "room/cam1"));
  mustPublish(client);
  fail_unless(seen.waitBuffers(5));
  fail_unless_same_text(seen.get().title, "room/cam1");
}
GST_END_TEST

GST_START_TEST(answer_toABrowsersOffer_keepsFeedbackAndExtension) {
  PublishPipeline pipeline(std::string("webrtcpublishsrc name=pub pub.video_cam ! h264parse") +
                           kSink + " pub.audio_cam" + kSink);
  fail_unless(pipeline.play());
  PublishOptions options = optionsFor(pipeline);
  options.video = {"vp8,h264"};
  PublishClient client(options);
  mustPublish(client);
  const auto sections = sdpSections(client.answerSdp());
  fail_unless_equals_int(sections.size(), 3);
  const char *const video[] = {"a=recvonly",
                               "packetization-mode=1",
                               "profile-level-id=42",
                               "nack pli",
                               "ccm fir",
                               "transport-cc",
                               "a=mid:0",
                               "transport-wide-cc-extensions-01"};
  for (const char *piece : video)
    fail_unless(sections[1].find(piece) != std::string::npos, "no '%s' in %s", piece,
                sections[1].c_str());
  const char *const audio[] = {"a=recvonly", "a=mid:1", "opus/48000/2", "useinbandfec=1",
                               "transport-wide-cc-extensions-01"};
  const std::string lower = gws::takeString(g_ascii_strdown(sections[2].c_str(), -1));
  for (const char *piece : audio)
    fail_unless(lower.find(piece) != std::string::npos, "no '%s' in %s", piece, lower.c_str());
  fail_unless(!client.remoteCandidates().empty(), "no candidate message came");
  fail_unless(client.complaints().empty(), "%s", client.complaints()[0].c_str());
}
GST_END_TEST

namespace {

Suite *publish_suite() {
  Suite *suite = suite_create("publish");
  TCase *forms = tcase_create("forms");
  suite_add_tcase(suite, forms);
  tcase_add_loop_test(forms, pad_linkedToAPeer_getsWhatThePeerTakes, 0,
                      static_cast<int>(G_N_ELEMENTS(kForms)));
  TCase *rest = tcase_create("publication");
  suite_add_tcase(suite, rest);
  tcase_add_test(rest, media_passElementsOfErrorCorrection);
  tcase_add_test(rest, publication_withTwoTracks_namesItsStreams);
  tcase_add_test(rest, timestamps_ofBothTracks_neverGoBackAndLieTogether);
  tcase_add_test(rest, h264_changingItsSizeIntoMatroska_staysAvc3);
  tcase_add_test(rest, raw_changingItsSize_getsNewCaps);
  tcase_add_test(rest, secondTrackOfAKind_hasAPadOfItsOwn);
  tcase_add_test(rest, padProperty_stream_bindsAnyPadToAnyStream);
  tcase_add_test(rest, answer_toABrowsersOffer_keepsFeedbackAndExtension);
  return suite;
}

}  // namespace

GST_CHECK_MAIN(publish)
