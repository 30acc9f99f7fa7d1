# SPDX-License-Identifier: LGPL-2.1-or-later
"""changeable.py PIPELINE: runs it until its input ends; a line PROPERTY VALUE sets a property of
its element `pub`. It says `port N`, and `done` after each line."""
import sys

import gi

gi.require_version('Gst', '1.0')
from gi.repository import Gst  # noqa: E402

Gst.init(None)
pipeline = Gst.parse_launch(sys.argv[1])
pub = pipeline.get_by_name('pub')
pipeline.set_state(Gst.State.PLAYING)
print('port', pub.get_property('current-port'), flush=True)
for line in sys.stdin:
    name, value = line.split()
    Gst.util_set_object_arg(pub, name, value)
    print('done', flush=True)
pipeline.set_state(Gst.State.NULL)
