// SPDX-License-Identifier: LGPL-2.1-or-later
// Statistics as GstStructure and as JSON.
#include "statistics.h"

namespace gws {

static void set(GstStructure *structure, const char *name, const char *value) {
  gst_structure_set(structure, name, G_TYPE_STRING, value, nullptr);
}

static void set(GstStructure *structure, const char *name, std::uint64_t value) {
  gst_structure_set(structure, name, G_TYPE_UINT64, value, nullptr);
}

static void setNumbered(GstStructure *structure, const char *name, std::size_t number,
                        const OwnedStructure &value) {
  gst_structure_set(structure, (name + std::to_string(number)).c_str(), GST_TYPE_STRUCTURE,
                    value.get(), nullptr);
}

static void addPictures(GstStructure *track, const TrackReading &reading, std::int64_t now) {
  const FrameMeter::Reading &frames = reading.frames;
  if (frames.width)
    gst_structure_set(track, "width", G_TYPE_UINT, frames.width, "height", G_TYPE_UINT,
                      frames.height, nullptr);
  gst_structure_set(track, "frame-rate", G_TYPE_DOUBLE, reading.frameRate, nullptr);
  set(track, "frames-received", frames.frames);
  set(track, "key-frames-received", frames.keyframes);
  if (frames.lastKeyframe)
    set(track, "key-frame-age", static_cast<std::uint64_t>(now - frames.lastKeyframe) * 1000);
  set(track, "freeze-count", frames.freezes);
  set(track, "freeze-duration", frames.frozen * 1000);
  set(track, "pli-count", reading.plis);
  set(track, "fir-count", reading.firs);
}

static OwnedStructure structureOf(const TrackReading &reading, std::int64_t now) {
  OwnedStructure track(gst_structure_new_empty("track"));
  set(track.get(), "kind", kindName(reading.kind));
  set(track.get(), "mid", reading.mid.c_str());
  set(track.get(), "codec", codec(reading.codec).name);
  if (reading.ssrc) gst_structure_set(track.get(), "ssrc", G_TYPE_UINT, reading.ssrc, nullptr);
  set(track.get(), "bitrate", reading.bitrate);
  set(track.get(), "bytes-received", reading.rtp.bytes);
  set(track.get(), "packets-received", reading.rtp.packets);
  set(track.get(), "packets-lost", reading.rtp.lost);
  set(track.get(), "packets-recovered", reading.rtp.recovered);
  set(track.get(), "rtx-packets-received", reading.retransmitted);
  set(track.get(), "nack-count", reading.nacks);
  set(track.get(), "jitter", reading.rtp.jitter);
  if (reading.kind == MediaKind::Video) addPictures(track.get(), reading, now);
  return track;
}

static OwnedStructure structureOf(const PublisherStatistics &one) {
  OwnedStructure publisher(gst_structure_new_empty("publisher"));
  set(publisher.get(), "id", one.id.c_str());
  set(publisher.get(), "stream", one.stream.c_str());
  set(publisher.get(), "door", one.door);
  set(publisher.get(), "address", one.address.c_str());
  OwnedString agent(g_utf8_make_valid(one.userAgent.c_str(), one.userAgent.size()));
  set(publisher.get(), "user-agent", agent.get());
  set(publisher.get(), "uptime", one.uptime);
  if (one.route) {
    set(publisher.get(), "transport", one.route->transport);
    set(publisher.get(), "remote-address", one.route->remote.c_str());
  }
  if (one.roundTrip)
    set(publisher.get(), "round-trip-time", static_cast<std::uint64_t>(*one.roundTrip) * 1000);
  if (!one.clientStatistics.empty())
    set(publisher.get(), "client-statistics", one.clientStatistics.c_str());
  for (std::size_t i = 0; i < one.tracks.size(); i++)
    setNumbered(publisher.get(), "track-", i, structureOf(one.tracks[i], one.now));
  return publisher;
}

OwnedStructure structureOf(const std::vector<PublisherStatistics> &publishers) {
  OwnedStructure all(gst_structure_new_empty("webrtc-stats"));
  for (std::size_t i = 0; i < publishers.size(); i++)
    setNumbered(all.get(), "publisher-", i, structureOf(publishers[i]));
  return all;
}

static void add(JsonBuilder *builder, const char *name, const char *value) {
  json_builder_set_member_name(builder, name);
  json_builder_add_string_value(builder, value);
}

static void add(JsonBuilder *builder, const char *name, std::uint64_t value) {
  json_builder_set_member_name(builder, name);
  json_builder_add_int_value(builder, static_cast<gint64>(value));
}

static void addTrack(JsonBuilder *builder, const TrackReading &track) {
  json_builder_begin_object(builder);
  add(builder, "kind", kindName(track.kind));
  add(builder, "codec", codec(track.codec).name);
  add(builder, "bitrate", track.bitrate);
  add(builder, "packets", track.rtp.packets);
  add(builder, "lost", track.rtp.lost);
  add(builder, "recovered", track.rtp.recovered);
  if (track.kind == MediaKind::Video) {
    add(builder, "width", track.frames.width);
    add(builder, "height", track.frames.height);
    json_builder_set_member_name(builder, "frameRate");
    json_builder_add_double_value(builder, track.frameRate);
  }
  json_builder_end_object(builder);
}

void addPublic(JsonBuilder *builder, const PublisherStatistics &publisher) {
  add(builder, "door", publisher.door);
  add(builder, "uptime", publisher.uptime / GST_SECOND);
  json_builder_set_member_name(builder, "tracks");
  json_builder_begin_array(builder);
  for (const TrackReading &track : publisher.tracks)
    addTrack(builder, track);
  json_builder_end_array(builder);
}

}  // namespace gws
