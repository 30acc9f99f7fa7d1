// SPDX-License-Identifier: LGPL-2.1-or-later
// Notes what goes through a pad, and can answer upstream in the place of downstream.
#include "pad_recorder.h"

namespace gws::test {

PadRecorder::PadRecorder(GstPad *pad) : pad_(Ref<GstPad>::share(pad)) {
  probe_ = gst_pad_add_probe(
      pad,
      static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST |
                                   GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM),
      [](GstPad *, GstPadProbeInfo *info, gpointer self) {
        return static_cast<PadRecorder *>(self)->probe(info);
      },
      this, nullptr);
}

PadRecorder::~PadRecorder() { gst_pad_remove_probe(pad_.get(), probe_); }

GstPadProbeReturn PadRecorder::probe(GstPadProbeInfo *info) {
  if (info->type & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM) {
    note(GST_PAD_PROBE_INFO_EVENT(info));
    return GST_PAD_PROBE_OK;
  }
  if (info->type & GST_PAD_PROBE_TYPE_BUFFER_LIST) {
    GstBufferList *list = GST_PAD_PROBE_INFO_BUFFER_LIST(info);
    for (guint i = 0; i < gst_buffer_list_length(list); ++i)
      note(gst_buffer_list_get(list, i));
  } else {
    note(GST_PAD_PROBE_INFO_BUFFER(info));
  }
  const GstFlowReturn flow = answer_;
  if (flow == GST_FLOW_OK) return GST_PAD_PROBE_OK;
  // Whoever handles a buffer owns it.
  Ref<GstMiniObject>::take(GST_MINI_OBJECT(info->data)).reset();
  info->data = nullptr;
  GST_PAD_PROBE_INFO_FLOW_RETURN(info) = flow;
  return GST_PAD_PROBE_HANDLED;
}

void PadRecorder::note(GstBuffer *buffer) {
  recording_.update([buffer](Recording &seen) {
    ++seen.buffers;
    if (++seen.buffersSinceStart == 1)
      seen.firstIsKey = !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
    const GstClockTime pts = GST_BUFFER_PTS(buffer);
    if (!GST_CLOCK_TIME_IS_VALID(pts)) {
      ++seen.withoutPts;
      return;
    }
    if (!GST_CLOCK_TIME_IS_VALID(seen.firstPts)) seen.firstPts = pts;
    if (GST_CLOCK_TIME_IS_VALID(seen.lastPts) && pts < seen.lastPts) ++seen.backwards;
    seen.lastPts = pts;
  });
}

void PadRecorder::note(GstEvent *event) {
  recording_.update([event](Recording &seen) {
    switch (GST_EVENT_TYPE(event)) {
      case GST_EVENT_STREAM_START: {
        const char *id = nullptr;
        gst_event_parse_stream_start(event, &id);
        seen.streamIds.emplace_back(id ? id : "");
        gst_event_parse_group_id(event, &seen.groupId);
        seen.buffersSinceStart = 0;
        seen.eos = false;
        break;
      }
      case GST_EVENT_CAPS: {
        GstCaps *caps = nullptr;
        gst_event_parse_caps(event, &caps);
        seen.caps.push_back(takeString(gst_caps_to_string(caps)));
        break;
      }
      case GST_EVENT_TAG: {
        GstTagList *tags = nullptr;
        gst_event_parse_tag(event, &tags);
        char *title = nullptr;
        if (gst_tag_list_get_string(tags, GST_TAG_TITLE, &title)) seen.title = takeString(title);
        break;
      }
      case GST_EVENT_SEGMENT:
        ++seen.segments;
        break;
      case GST_EVENT_GAP:
        ++seen.gaps;
        break;
      case GST_EVENT_EOS:
        seen.eos = true;
        break;
      default:
        break;
    }
  });
}

bool capsAre(const std::string &caps, const std::string &mediaType,
             const std::vector<std::string> &pieces) {
  if (caps.substr(0, caps.find_first_of(",(")) != mediaType) return false;
  for (const std::string &piece : pieces)
    if (caps.find(piece) == std::string::npos) return false;
  return true;
}

}  // namespace gws::test
