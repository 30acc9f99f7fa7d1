// SPDX-License-Identifier: LGPL-2.1-or-later
// What tests of streams that outlive their publishers share: a pad's whole log, and its judgement.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "tests/elements/robust.h"

namespace gws::test {

/// Everything that passes a pad, in its order. The probe keeps what it writes, so that a log may
/// end before its pipeline.
class PadLog {
 public:
  enum class Kind { Start, Caps, Segment, Buffer, Gap, Eos };
  struct Item {
    Kind kind;
    GstClockTime pts = GST_CLOCK_TIME_NONE, end = GST_CLOCK_TIME_NONE;  ///< end: of a GAP
    GstClockTime now = GST_CLOCK_TIME_NONE;  ///< running time at which it came
    gint64 at = 0;                           ///< the same in g_get_monotonic_time()
    bool key = false, discont = false;       ///< of a buffer
    std::string text = {};                   ///< the stream's id; caps
  };
  using Items = std::vector<Item>;

  /// Of a pad of `pub`: what arrives at its peer.
  PadLog(const PublishPipeline &pipeline, const std::string &pad)
      : name(pad), shared_(std::make_shared<Shared>()) {
    shared_->pipeline = pipeline.pipeline();
    const auto own = padOf(pipeline.pub(), pad.c_str());
    const auto peer = Ref<GstPad>::take(gst_pad_get_peer(own.get()));
    using Held = std::shared_ptr<Shared>;
    const auto probe = [](GstPad *, GstPadProbeInfo *info, gpointer data) {
      (*static_cast<Held *>(data))->note(info);
      return GST_PAD_PROBE_OK;
    };
    const auto types =
        GstPadProbeType(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM);
    gst_pad_add_probe(peer.get(), types, probe, new Held(shared_),
                      [](gpointer data) { delete static_cast<Held *>(data); });
  }

  const std::string name;

  /// A place in the log, for since() and what waits.
  std::size_t mark() const { return shared_->items.get().size(); }
  Items since(std::size_t mark) const {
    Items all = shared_->items.get();
    all.erase(all.begin(), all.begin() + std::min(mark, all.size()));
    return all;
  }
  std::size_t count(Kind kind, std::size_t mark = 0) const {
    return countIn(shared_->items.get(), kind, mark);
  }
  bool wait(Kind kind, std::size_t count, std::size_t mark = 0, Timeout timeout = kDeadline) {
    return shared_->items.waitFor(
        [=](const Items &items) { return countIn(items, kind, mark) >= count; }, timeout);
  }

 private:
  struct Shared {
    GstElement *pipeline = nullptr;
    Watched<Items> items;
    void note(const GstPadProbeInfo *info);
  };
  static std::size_t countIn(const Items &items, Kind kind, std::size_t mark) {
    if (mark >= items.size()) return 0;
    return static_cast<std::size_t>(
        std::count_if(items.begin() + static_cast<std::ptrdiff_t>(mark), items.end(),
                      [kind](const Item &item) { return item.kind == kind; }));
  }

  // Shared with the pad's probe, which may outlive the log.
  std::shared_ptr<Shared> shared_;
};

inline void PadLog::Shared::note(const GstPadProbeInfo *info) {
  Item item{.kind = Kind::Buffer,
            .now = gst_element_get_current_running_time(pipeline),
            .at = g_get_monotonic_time()};
  if (info->type & GST_PAD_PROBE_TYPE_BUFFER) {
    const auto *buffer = static_cast<GstBuffer *>(info->data);
    item.pts = item.end = GST_BUFFER_PTS(buffer);
    item.key = !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
    item.discont = GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DISCONT);
  } else {
    auto *event = static_cast<GstEvent *>(info->data);
    const char *id = nullptr;
    GstCaps *caps = nullptr;
    GstClockTime duration = 0;
    switch (GST_EVENT_TYPE(event)) {
      case GST_EVENT_STREAM_START:
        item.kind = Kind::Start;
        gst_event_parse_stream_start(event, &id);
        item.text = id;
        break;
      case GST_EVENT_CAPS:
        item.kind = Kind::Caps;
        gst_event_parse_caps(event, &caps);
        item.text = takeString(gst_caps_to_string(caps));
        break;
      case GST_EVENT_SEGMENT:
        item.kind = Kind::Segment;
        break;
      case GST_EVENT_GAP:
        item.kind = Kind::Gap;
        gst_event_parse_gap(event, &item.pts, &duration);
        item.end = item.pts + duration;
        break;
      case GST_EVENT_EOS:
        item.kind = Kind::Eos;
        break;
      default:
        return;
    }
  }
  items.update([&item](Items &held) { held.push_back(std::move(item)); });
}

/// Both pads of a stream.
struct StreamLog {
  StreamLog(const PublishPipeline &pipeline, const std::string &stream)
      : video(pipeline, "video_" + stream), audio(pipeline, "audio_" + stream) {}

  PadLog video, audio;

  bool waitBoth(PadLog::Kind kind, std::size_t count, std::size_t videoMark = 0,
                std::size_t audioMark = 0, Timeout timeout = kDeadline) {
    return video.wait(kind, count, videoMark, timeout) &&
           audio.wait(kind, count, audioMark, timeout);
  }
};

inline double inSeconds(GstClockTime time) {
  return static_cast<double>(time) / static_cast<double>(GST_SECOND);
}

/// Buffers and GAPs follow one another, and each comes near its time.
inline void mustKeepTime(const PadLog &log, const PadLog::Items &items) {
  GstClockTime last = 0;
  for (const auto &item : items) {
    if (item.kind != PadLog::Kind::Buffer && item.kind != PadLog::Kind::Gap) continue;
    const char *what = item.kind == PadLog::Kind::Gap ? "GAP" : "buffer";
    fail_unless(GST_CLOCK_TIME_IS_VALID(item.pts), "%s: a %s without PTS", log.name.c_str(), what);
    fail_unless(item.pts >= last, "%s: a %s at %.3f s after %.3f s", log.name.c_str(), what,
                inSeconds(item.pts), inSeconds(last));
    const GstClockTimeDiff late = GST_CLOCK_DIFF(item.end, item.now);
    fail_unless(ABS(late) < static_cast<GstClockTimeDiff>(GST_SECOND),
                "%s: a %s that ends at %.3f s came at %.3f s", log.name.c_str(), what,
                inSeconds(item.end), inSeconds(item.now));
    last = item.end;
  }
}

/// How long nothing came, neither buffer nor GAP, at most.
inline gint64 longestSilenceUs(const PadLog::Items &items) {
  gint64 longest = 0, before = 0;
  for (const auto &item : items) {
    if (item.kind != PadLog::Kind::Buffer && item.kind != PadLog::Kind::Gap) continue;
    if (before) longest = std::max(longest, item.at - before);
    before = item.at;
  }
  return longest;
}

/// The pad's buffers of the last stream-start begin as those of a return must. `items`: all since
/// before it.
inline void mustBeAReturn(const PadLog &log, const PadLog::Items &items, bool newCaps) {
  const char *name = log.name.c_str();
  std::size_t starts = 0, caps = 0, eos = 0;
  const PadLog::Item *first = nullptr;
  for (const auto &item : items) {
    starts += item.kind == PadLog::Kind::Start;
    caps += item.kind == PadLog::Kind::Caps;
    eos += item.kind == PadLog::Kind::Eos;
    if (item.kind == PadLog::Kind::Start) first = nullptr;
    if (item.kind == PadLog::Kind::Buffer && starts && !first) first = &item;
  }
  fail_unless(eos == 0, "%s: EOS", name);
  fail_unless(starts == 1, "%s: %u stream-starts", name, static_cast<unsigned>(starts));
  fail_unless(newCaps || caps == 0, "%s: the same caps were sent again", name);
  fail_unless(!newCaps || caps > 0, "%s: no new caps", name);
  fail_unless(first, "%s: no buffers of the return", name);
  fail_unless(first->discont, "%s: the return's first buffer is not DISCONT", name);
  fail_unless(first->key, "%s: the return's first buffer is no key frame", name);
  mustKeepTime(log, items);
}

/// Small and cheap, so that several can publish at once.
inline PublishOptions lightOptions(const PublishPipeline &pipeline, const std::string &stream) {
  PublishOptions options = optionsFor(pipeline, stream);
  options.width = 160;
  options.height = 120;
  options.fps = 20;
  options.bitrate = 100'000;
  return options;
}

inline unsigned removedMessages(const PublishPipeline &pipeline) {
  unsigned removed = 0;
  for (const auto &message : pipeline.messages())
    removed += message.name == "webrtc-publisher-removed";
  return removed;
}

}  // namespace gws::test
