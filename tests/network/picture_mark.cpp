// SPDX-License-Identifier: LGPL-2.1-or-later
// The end of a picture, which says which one it is, when it was sent, and whether it came whole.
#include "picture_mark.h"

#include <cstddef>
#include <cstring>

namespace gws::network {

static guint64 digestOf(const char *bytes, std::size_t size) {
  guint64 digest = 0xcbf29ce484222325;  // FNV-1a
  for (std::size_t i = 0; i < size; ++i)
    digest = (digest ^ static_cast<unsigned char>(bytes[i])) * 0x100000001b3;
  return digest;
}

void appendMark(std::string &picture, Mark mark) {
  mark.bytes = static_cast<guint32>(picture.size() + sizeof mark);
  picture.append(reinterpret_cast<const char *>(&mark), offsetof(Mark, digest));
  mark.digest = digestOf(picture.data(), picture.size());
  picture.append(reinterpret_cast<const char *>(&mark.digest), sizeof mark.digest);
}

std::optional<Mark> readMark(GstBuffer *picture) {
  std::string bytes(gst_buffer_get_size(picture), '\0');
  gst_buffer_extract(picture, 0, bytes.data(), bytes.size());
  if (bytes.size() < sizeof(Mark)) return std::nullopt;
  Mark mark;
  std::memcpy(&mark, bytes.data() + bytes.size() - sizeof mark, sizeof mark);
  if (mark.bytes != bytes.size() ||
      mark.digest != digestOf(bytes.data(), bytes.size() - sizeof mark.digest))
    return std::nullopt;
  return mark;
}

}  // namespace gws::network
