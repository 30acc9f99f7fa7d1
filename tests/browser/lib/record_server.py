# SPDX-License-Identifier: LGPL-2.1-or-later
"""record_server.py PATH: an RTSP server that writes the tracks that it is sent (RECORD)
to files: audio0.ts and video1.ts, or video0.ts and audio1.ts."""
import sys

import gi

gi.require_version('Gst', '1.0')
gi.require_version('GstRtspServer', '1.0')
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

Gst.init(None)
# Which track comes first is the client's choice; a link that does not fit is never made.
kinds = {'video': 'h264parse', 'audio': 'opusparse'}
tracks = ' '.join(
    f'parsebin name=depay{n} ' + ' '.join(
        f'depay{n}. ! {parser} ! mpegtsmux ! filesink location={kind}{n}.ts async=false '
        'buffer-mode=unbuffered' for kind, parser in kinds.items()) for n in range(2))
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(f'( {tracks} )')
factory.set_transport_mode(GstRtspServer.RTSPTransportMode.RECORD)
server = GstRtspServer.RTSPServer()
server.set_address('127.0.0.1')
server.set_service('0')
server.get_mount_points().add_factory(sys.argv[1], factory)
server.attach(None)
print('port', server.get_bound_port(), flush=True)
GLib.MainLoop().run()
