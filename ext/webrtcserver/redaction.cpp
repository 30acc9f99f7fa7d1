// SPDX-License-Identifier: LGPL-2.1-or-later
// Keeps ICE passwords and keys out of what GStreamer tells about webrtcbin: logs, properties, caps.
#include "redaction.h"

#include <atomic>
#include <cstring>
#include <string>
#include <string_view>

#include "gst/common/gobj.h"
#include "gst/common/threads.h"

namespace gws {

/// Shorter ones are no password (RFC 8839, section 5.4) and no key.
constexpr std::size_t kLeastBytes = 22;

/// Of ICE passwords, of base64 and of hexadecimal digits.
static bool isSecretChar(char c) { return g_ascii_isalnum(c) || std::strchr("+/=", c); }

/// From behind a name to its value: `:`, `=(buffer)`, `\=\(string\)`.
static char *skipToValue(char *at) {
  constexpr const char *kBetween = ":=\\ \"";
  at += std::strspn(at, kBetween);
  if (*at != '(') return at;
  at += std::strcspn(at, ")");
  if (*at) ++at;
  return at + std::strspn(at, kBetween);
}

/// What is between the user and the host of each URI (RFC 3986, section 3.2.1).
static void maskUserInfo(char *text) {
  constexpr const char *kEndOfAuthority = "/?# '\"<>\\";
  for (char *at = text; (at = std::strstr(at, "://"));) {
    at += 3;
    const std::string_view authority(at, std::strcspn(at, kEndOfAuthority));
    const std::size_t colon = authority.find(':'), end = authority.rfind('@');
    if (end == authority.npos || colon > end) continue;
    std::memset(at + colon + 1, '*', end - colon - 1);
  }
}

void maskSecrets(char *text) {
  maskUserInfo(text);
  for (const char *name : {"ice-pwd", " pwd:", "received key:", "srtp-key"}) {
    char *at = text;
    while ((at = std::strstr(at, name))) {
      at = skipToValue(at + std::strlen(name));
      char *end = at;
      while (*end && isSecretChar(*end))
        ++end;
      if (end >= at + kLeastBytes) std::memset(at, '*', static_cast<std::size_t>(end - at));
      at = end;
    }
  }
}

/// GStreamer formats a message for the first function that asks, which is the last one added, and
/// keeps the text for the others. They get it as const, but it is on the heap, for this message.
static void maskMessage(GstDebugCategory *, GstDebugLevel, const char *, const char *, int,
                        GObject *, GstDebugMessage *message, gpointer) {
  if (const char *text = gst_debug_message_get(message)) maskSecrets(const_cast<char *>(text));
}

void maskLogs() {
  // In parentheses: the macro of this name compares pointers as only C does.
  (gst_debug_add_log_function)(maskMessage, nullptr, nullptr);
}

using GetProperty = void (*)(GObject *, guint, GValue *, GParamSpec *);
static std::atomic<GetProperty> getOfDtlsdec;  ///< as the class was

static GQuark hiddenQuark() {
  static const GQuark quark = g_quark_from_static_string("gws-key-hidden");
  return quark;
}

static std::string certificateOf(std::string_view pem) {
  constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
  constexpr std::string_view kEnd = "-----END CERTIFICATE-----\n";
  const std::size_t begin = pem.find(kBegin), end = pem.find(kEnd);
  if (begin == pem.npos || end == pem.npos || end < begin) return {};
  return std::string(pem.substr(begin, end + kEnd.size() - begin));
}

static void getOfHiddenDtlsdec(GObject *object, guint id, GValue *value, GParamSpec *spec) {
  getOfDtlsdec.load()(object, id, value, spec);
  if (!g_str_equal(spec->name, "pem") || !g_object_get_qdata(object, hiddenQuark())) return;
  const char *pem = g_value_get_string(value);
  g_value_set_string(value, certificateOf(pem ? pem : "").c_str());
}

/// webrtcbin reads the property for the certificate's fingerprint, so it cannot be unreadable; and
/// a property cannot be changed in one instance. So the class asks which instance it is.
static void hidePrivateKey(GObject *dtlsdec) {
  static Mutex mutex;
  g_object_set_qdata(dtlsdec, hiddenQuark(), dtlsdec);
  GObjectClass *klass = G_OBJECT_GET_CLASS(dtlsdec);
  Lock lock(mutex);
  if (klass->get_property == getOfHiddenDtlsdec) return;
  getOfDtlsdec = klass->get_property;
  g_atomic_pointer_set(&klass->get_property, getOfHiddenDtlsdec);
}

/// Runs when the caps are on the pad, and before they are sent or anybody else hears of them.
static void dropKeyFromCaps(GstPad *pad, GParamSpec *, gpointer) {
  const auto caps = Ref<GstCaps>::take(gst_pad_get_current_caps(pad));
  if (!caps || !gst_structure_has_field(gst_caps_get_structure(caps.get(), 0), "srtp-key")) return;
  const auto bare = Ref<GstCaps>::take(gst_caps_copy(caps.get()));
  gst_structure_remove_field(gst_caps_get_structure(bare.get(), 0), "srtp-key");
  const auto event = Ref<GstEvent>::take(gst_event_new_caps(bare.get()));
  gst_pad_store_sticky_event(pad, event.get());
}

/// srtpenc writes the key into its caps, for receivers that have no other way to get it.
static void watchCaps(GstPad *pad) {
  if (GST_PAD_IS_SRC(pad))
    g_signal_connect(pad, "notify::caps", G_CALLBACK(dropKeyFromCaps), nullptr);
}

static void hideMasterKey(GstElement *srtpenc) {
  auto padAdded = +[](GstElement *, GstPad *pad, gpointer) { watchCaps(pad); };
  auto padFound = [](GstElement *, GstPad *pad, gpointer) -> gboolean {
    watchCaps(pad);
    return TRUE;
  };
  g_object_freeze_notify(G_OBJECT(srtpenc));  // for good: notifications would carry the key
  g_signal_connect(srtpenc, "pad-added", G_CALLBACK(padAdded), nullptr);
  gst_element_foreach_pad(srtpenc, padFound, nullptr);
}

void hideKeys(GstElement *element) {
  const std::string_view type = G_OBJECT_TYPE_NAME(element);
  if (type == "GstDtlsDec") hidePrivateKey(G_OBJECT(element));
  if (type == "GstSrtpEnc") hideMasterKey(element);
}

}  // namespace gws
