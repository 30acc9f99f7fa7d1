// SPDX-License-Identifier: LGPL-2.1-or-later
// DTLS certificates.
#pragma once

#include <string>

#include "gst/common/result.h"
#include "offer.h"

namespace gws {

struct Certificate {
  std::string pem;  ///< with the private key, as dtlssrtpdec takes it
  Fingerprint fingerprint;
};
/// A new self-signed one (ECDSA P-256, RFC 8827, section 6.5). Any thread.
Result<Certificate> makeCertificate();

}  // namespace gws
