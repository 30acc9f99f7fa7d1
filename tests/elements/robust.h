// SPDX-License-Identifier: LGPL-2.1-or-later
// What the robustness tests share: calls that must return, and a log of single buffers.
#pragma once

#include <functional>
#include <memory>
#include <thread>

#include "tests/common/check.h"

namespace gws::test {

/// A call that hangs is a failure of this test, with a name, and not of the whole program.
inline void mustReturn(const char *what, std::function<void()> call) {
  // Shared with the thread, which nobody joins when it hangs.
  const auto returned = std::make_shared<Watched<bool>>();
  std::thread([call = std::move(call), returned] {
    call();
    returned->set(true);
  }).detach();
  fail_unless(returned->waitFor([](bool value) { return value; }, Timeout(10'000)),
              "%s does not return", what);
}

inline void mustStop(PublishPipeline &pipeline) {
  mustReturn("NULL", [&pipeline] { pipeline.stop(); });
}

/// Looks every 5 ms; for what nobody announces.
inline bool eventually(const std::function<bool()> &condition, Timeout timeout = kDeadline) {
  const gint64 deadline = g_get_monotonic_time() + timeout.count() * 1000;
  while (!condition()) {
    if (g_get_monotonic_time() > deadline) return false;
    g_usleep(5'000);
  }
  return true;
}

inline Ref<GstElement> elementOf(const PublishPipeline &pipeline, const char *name) {
  return Ref<GstElement>::take(gst_bin_get_by_name(GST_BIN(pipeline.pipeline()), name));
}

inline Ref<GstPad> padOf(GstElement *element, const char *name) {
  return Ref<GstPad>::take(gst_element_get_static_pad(element, name));
}

/// Publishes; while the stream or the server is not free yet, as `codes` say, tries again.
inline std::unique_ptr<PublishClient> publishWhenFree(const PublishOptions &options,
                                                      std::vector<int> codes, SocketEnd &end) {
  const gint64 deadline = g_get_monotonic_time() + kDeadline.count() * 1000;
  while (true) {
    auto client = std::make_unique<PublishClient>(options);
    client->start();
    if (client->waitConnected()) return client;
    end = client->waitClosed(Timeout(0));
    bool again = false;
    for (const int code : codes)
      again |= end.closeCode == code;
    if (!again || g_get_monotonic_time() > deadline) return nullptr;
  }
}

/// So many messages of this name have come since the start.
inline bool waitMessages(const PublishPipeline &pipeline, const char *name, unsigned count) {
  return eventually([&pipeline, name, count] {
    unsigned seen = 0;
    for (const auto &message : pipeline.messages())
      seen += message.name == name;
    return seen >= count;
  });
}

inline bool waitRemoved(const PublishPipeline &pipeline, unsigned count) {
  return waitMessages(pipeline, "webrtc-publisher-removed", count);
}

/// Every buffer of a pad, with the running time at its arrival, and its EOS events. The probe
/// keeps what it writes, so that a log may end before its pipeline.
class FlowLog {
 public:
  struct Item {
    GstClockTime pts, now;
    bool key, discont;
  };
  struct Flow {
    std::vector<Item> buffers;
    unsigned eos = 0;
  };

  FlowLog(const PublishPipeline &pipeline, GstPad *pad) : shared_(std::make_shared<Shared>()) {
    shared_->pipeline = pipeline.pipeline();
    using Held = std::shared_ptr<Shared>;
    const auto probe = [](GstPad *, GstPadProbeInfo *info, gpointer data) {
      (*static_cast<Held *>(data))->note(info);
      return GST_PAD_PROBE_OK;
    };
    gst_pad_add_probe(pad,
                      static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER |
                                                   GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM),
                      probe, new Held(shared_),
                      [](gpointer data) { delete static_cast<Held *>(data); });
  }

  Flow get() const { return shared_->flow.get(); }
  void clear() {
    shared_->flow.update([](Flow &flow) { flow.buffers.clear(); });
  }
  bool waitBuffers(std::size_t count, Timeout timeout = kDeadline) {
    return shared_->flow.waitFor([count](const Flow &flow) { return flow.buffers.size() >= count; },
                                 timeout);
  }
  bool waitEos(unsigned count = 1, Timeout timeout = kDeadline) {
    return shared_->flow.waitFor([count](const Flow &flow) { return flow.eos >= count; }, timeout);
  }

 private:
  struct Shared {
    GstElement *pipeline = nullptr;
    Watched<Flow> flow;

    void note(const GstPadProbeInfo *info) {
      if (info->type & GST_PAD_PROBE_TYPE_BUFFER) {
        const auto *buffer = static_cast<GstBuffer *>(info->data);
        const Item item{.pts = GST_BUFFER_PTS(buffer),
                        .now = gst_element_get_current_running_time(pipeline),
                        .key = !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT),
                        .discont = GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DISCONT)};
        flow.update([&item](Flow &held) { held.buffers.push_back(item); });
      } else if (GST_EVENT_TYPE(info->data) == GST_EVENT_EOS) {
        flow.update([](Flow &held) { ++held.eos; });
      }
    }
  };
  // Shared with the pad's probe, which may outlive the log.
  std::shared_ptr<Shared> shared_;
};

/// A buffer's PTS lies within a second of the running time at which it came.
inline void mustBeOnTime(const FlowLog::Item &item) {
  fail_unless(GST_CLOCK_TIME_IS_VALID(item.pts) && GST_CLOCK_TIME_IS_VALID(item.now), "no time");
  const GstClockTimeDiff late = GST_CLOCK_DIFF(item.pts, item.now);
  fail_unless(ABS(late) < static_cast<GstClockTimeDiff>(GST_SECOND),
              "PTS %" GST_TIME_FORMAT " at running time %" GST_TIME_FORMAT, GST_TIME_ARGS(item.pts),
              GST_TIME_ARGS(item.now));
}

}  // namespace gws::test
