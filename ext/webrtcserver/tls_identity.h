// SPDX-License-Identifier: LGPL-2.1-or-later
// The certificate and key with which the port speaks TLS, taken anew when the files change.
#pragma once

#include <gio/gio.h>

#include <memory>
#include <string>

#include "gst/common/gobj.h"
#include "gst/common/result.h"

namespace gws {

/// Owned by the server, control thread. Reads files of some kB, nothing else that could block.
class TlsIdentity {
 public:
  /// PEM files: a certificate with what it was signed with, and its private key; one file may hold
  /// both. The error names the file and what is wrong with it, also when the two do not match.
  static Result<std::unique_ptr<TlsIdentity>> load(const std::string &certificateFile,
                                                   const std::string &privateKeyFile);
  virtual ~TlsIdentity() = default;

  /// For connections from now on.
  virtual Ref<GTlsCertificate> certificate() const = 0;
  /// Looks at the files; call it every second. New ones that can be used are taken; with such that
  /// cannot, the last good ones stay and a warning says why, once for each change.
  virtual void refresh() = 0;
};

}  // namespace gws
