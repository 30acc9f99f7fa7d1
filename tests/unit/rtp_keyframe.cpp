// SPDX-License-Identifier: LGPL-2.1-or-later
// Which RTP payloads begin a key frame.
#include "rtp_keyframe.h"

#include <glib.h>

#include <string>
#include <vector>

using namespace gws;

namespace {

struct Row {
  const char *name;
  CodecId codec;
  std::vector<std::uint8_t> payload;
  bool begins;
};

const Row kRows[] = {
    {"h264_sps_begins", CodecId::H264, {0x67, 0x42}, true},
    {"h264_idr_begins", CodecId::H264, {0x65, 0x88}, true},
    {"h264_slice_doesNot", CodecId::H264, {0x61, 0x9a}, false},
    {"h264_pps_doesNot", CodecId::H264, {0x68, 0xce}, false},
    {"h264_stapAWithSps_begins", CodecId::H264, {0x78, 0x00, 0x02, 0x67, 0x42}, true},
    {"h264_stapAWithSlice_doesNot", CodecId::H264, {0x78, 0x00, 0x02, 0x61, 0x9a}, false},
    {"h264_stapAWithSpsBehindADelimiter_begins",
     CodecId::H264,
     {0x78, 0x00, 0x02, 0x09, 0x10, 0x00, 0x02, 0x67, 0x42},
     true},
    {"h264_stapAWithEmptyUnit_begins", CodecId::H264, {0x78, 0, 0, 0, 0x02, 0x67, 0x42}, true},
    {"h264_stapAWithSizeBeyondItsEnd_doesNot",
     CodecId::H264,
     {0x78, 0xff, 0xff, 0x09, 0x10, 0x67},
     false},
    {"h264_stapACut_doesNot", CodecId::H264, {0x78, 0x00, 0x02}, false},
    {"h264_fuAStartOfIdr_begins", CodecId::H264, {0x7c, 0x85, 0x88}, true},
    {"h264_fuAMiddleOfIdr_doesNot", CodecId::H264, {0x7c, 0x05, 0x88}, false},
    {"h264_fuAStartOfSlice_doesNot", CodecId::H264, {0x7c, 0x81, 0x88}, false},
    {"h265_vps_begins", CodecId::H265, {0x40, 0x01, 0x0c}, true},
    {"h265_idr_begins", CodecId::H265, {0x26, 0x01, 0xaf}, true},
    {"h265_trail_doesNot", CodecId::H265, {0x02, 0x01, 0xd0}, false},
    {"h265_aggregationWithVps_begins", CodecId::H265, {0x60, 0x01, 0x00, 0x18, 0x40, 0x01}, true},
    {"h265_aggregationWithVpsBehindADelimiter_begins",
     CodecId::H265,
     {0x60, 0x01, 0x00, 0x03, 0x46, 0x01, 0x50, 0x00, 0x02, 0x40, 0x01},
     true},
    {"h265_fuStartOfIdr_begins", CodecId::H265, {0x62, 0x01, 0x93, 0xaf}, true},
    {"h265_fuMiddleOfIdr_doesNot", CodecId::H265, {0x62, 0x01, 0x13, 0xaf}, false},
    {"h265_cut_doesNot", CodecId::H265, {0x40, 0x01}, false},
    {"vp8_keyFrame_begins", CodecId::VP8, {0x10, 0x10, 0x02, 0x00}, true},
    {"vp8_interFrame_doesNot", CodecId::VP8, {0x10, 0x11, 0x02, 0x00}, false},
    {"vp8_laterPacketOfKeyFrame_doesNot", CodecId::VP8, {0x00, 0x10, 0x02, 0x00}, false},
    {"vp8_secondPartition_doesNot", CodecId::VP8, {0x11, 0x10, 0x02, 0x00}, false},
    {"vp8_keyFrameWithPictureId7_begins", CodecId::VP8, {0x90, 0x80, 0x11, 0x10}, true},
    {"vp8_keyFrameWithPictureId15AndAll_begins",
     CodecId::VP8,
     {0x90, 0xf0, 0x81, 0x11, 0x01, 0x20, 0x10},
     true},
    {"vp8_interFrameWithPictureId15AndAll_doesNot",
     CodecId::VP8,
     {0x90, 0xf0, 0x81, 0x11, 0x01, 0x20, 0x11},
     false},
    {"vp8_cutInDescriptor_doesNot", CodecId::VP8, {0x90, 0xf0, 0x81}, false},
    {"vp9_keyFrame_begins", CodecId::VP9, {0x8a, 0x81, 0x11, 0x00}, true},
    {"vp9_predicted_doesNot", CodecId::VP9, {0xc8, 0x81, 0x11, 0x00}, false},
    {"vp9_middleOfFrame_doesNot", CodecId::VP9, {0x82, 0x81, 0x11, 0x00}, false},
    {"vp9_lowestLayer_begins", CodecId::VP9, {0xa8, 0x81, 0x11, 0x00, 0x00}, true},
    {"vp9_upperSpatialLayer_doesNot", CodecId::VP9, {0xa8, 0x81, 0x11, 0x02, 0x00}, false},
    {"vp9_cut_doesNot", CodecId::VP9, {0xa8, 0x81}, false},
    {"av1_newSequence_begins", CodecId::AV1, {0x18, 0x0a}, true},
    {"av1_continued_doesNot", CodecId::AV1, {0x10, 0x32}, false},
    {"opus_anything_begins", CodecId::Opus, {}, true},
    {"video_empty_doesNot", CodecId::VP8, {}, false},
};

void testRow(const void *data) {
  const auto *row = static_cast<const Row *>(data);
  g_assert_cmpint(beginsKeyframe(row->codec, row->payload), ==, row->begins);
}

}  // namespace

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, nullptr);
  for (const Row &row : kRows)
    g_test_add_data_func((std::string("/rtp-keyframe/") + row.name).c_str(), &row, testRow);
  return g_test_run();
}
