// SPDX-License-Identifier: LGPL-2.1-or-later
// A suite as an application would write it for its own use of webrtcpublishsrc: GstCheck and
// GstHarness, public headers only.
#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>

// The pads that a pipeline reserves are there before anybody publishes, under the names it chose.
GST_START_TEST(padsByName_areThere_beforeAnybodyPublishes) {
  GstElement *source = gst_check_setup_element("webrtcpublishsrc");
  GstPad *video = gst_element_request_pad_simple(source, "video_cam1");
  GstPad *audio = gst_element_request_pad_simple(source, "audio_cam1");
  fail_unless(video != nullptr && audio != nullptr);
  fail_unless(gst_element_request_pad_simple(source, "subtitles_cam1") == nullptr);

  gchar *stream = nullptr;
  g_object_get(video, "stream", &stream, nullptr);
  fail_unless_equals_string(stream, "cam1");
  g_free(stream);

  gst_element_release_request_pad(source, video);
  gst_element_release_request_pad(source, audio);
  gst_object_unref(video);
  gst_object_unref(audio);
  gst_check_teardown_element(source);
}
GST_END_TEST

// A pad's name cannot hold a slash; the stream's name can.
GST_START_TEST(padStream_canBeSet_whateverThePadsName) {
  GstElement *source = gst_check_setup_element("webrtcpublishsrc");
  GstPad *pad = gst_element_request_pad_simple(source, "video_a");
  gst_child_proxy_set(GST_CHILD_PROXY(source), "video_a::stream", "room/cam1", nullptr);
  gchar *stream = nullptr;
  g_object_get(pad, "stream", &stream, nullptr);
  fail_unless_equals_string(stream, "room/cam1");
  g_free(stream);
  gst_object_unref(pad);
  gst_check_teardown_element(source);
}
GST_END_TEST

// With port 0 every test has a server of its own; current-port is what to connect to.
GST_START_TEST(server_listens_fromPausedOn) {
  GstElement *source = gst_check_setup_element("webrtcpublishsrc");
  guint port = 0;
  g_object_set(source, "port", 0, nullptr);
  g_object_get(source, "current-port", &port, nullptr);
  fail_unless_equals_int(port, 0);

  // A live source has nothing to show before PLAYING.
  fail_unless_equals_int(gst_element_set_state(source, GST_STATE_PAUSED),
                         GST_STATE_CHANGE_NO_PREROLL);
  g_object_get(source, "current-port", &port, nullptr);
  fail_unless(port != 0);

  fail_unless_equals_int(gst_element_set_state(source, GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
  gst_check_teardown_element(source);
}
GST_END_TEST

// A property that cannot work is an error on the bus, and names the word that is wrong.
GST_START_TEST(codecThatDoesNotExist_isAnError_whenTheElementStarts) {
  GstElement *source = gst_check_setup_element("webrtcpublishsrc");
  GstBus *bus = gst_bus_new();
  gst_element_set_bus(source, bus);
  g_object_set(source, "port", 0, "video-codecs", "vp8,h266", nullptr);
  fail_unless_equals_int(gst_element_set_state(source, GST_STATE_PLAYING),
                         GST_STATE_CHANGE_FAILURE);
  GstMessage *message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
  fail_unless(message != nullptr);
  GError *error = nullptr;
  gst_message_parse_error(message, &error, nullptr);
  fail_unless(strstr(error->message, "h266") != nullptr, "%s", error->message);
  g_error_free(error);
  gst_message_unref(message);
  gst_element_set_state(source, GST_STATE_NULL);
  gst_element_set_bus(source, nullptr);
  gst_object_unref(bus);
  gst_check_teardown_element(source);
}
GST_END_TEST

// A harness in the place of the application's own elements: it takes H.264, and asks for the
// latency as a sink does.
GST_START_TEST(harnessOnAPad_answersTheLatencyQuery_asALiveSource) {
  GstElement *source = gst_element_factory_make("webrtcpublishsrc", nullptr);
  fail_unless(source != nullptr);
  gst_object_ref_sink(source);
  g_object_set(source, "port", 0, nullptr);
  GstHarness *harness = gst_harness_new_with_element(source, nullptr, "video_cam1");
  gst_harness_set_sink_caps_str(harness, "video/x-h264, stream-format=byte-stream");
  gst_harness_play(harness);

  GstQuery *query = gst_query_new_latency();
  fail_unless(gst_pad_peer_query(harness->sinkpad, query));
  gboolean live = FALSE;
  gst_query_parse_latency(query, &live, nullptr, nullptr);
  fail_unless(live);
  gst_query_unref(query);

  // Nobody publishes: no buffer, and no EOS either.
  fail_unless_equals_int(gst_harness_buffers_received(harness), 0);
  gst_harness_teardown(harness);
  gst_element_set_state(source, GST_STATE_NULL);
  gst_object_unref(source);
}
GST_END_TEST

static Suite *userstyle_suite(void) {
  Suite *suite = suite_create("userstyle");
  TCase *all = tcase_create("webrtcpublishsrc");
  suite_add_tcase(suite, all);
  tcase_add_test(all, padsByName_areThere_beforeAnybodyPublishes);
  tcase_add_test(all, padStream_canBeSet_whateverThePadsName);
  tcase_add_test(all, server_listens_fromPausedOn);
  tcase_add_test(all, codecThatDoesNotExist_isAnError_whenTheElementStarts);
  tcase_add_test(all, harnessOnAPad_answersTheLatencyQuery_asALiveSource);
  return suite;
}

GST_CHECK_MAIN(userstyle)
