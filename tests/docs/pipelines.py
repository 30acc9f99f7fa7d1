#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs every gst-launch-1.0 line and every program in the documentation: each must start, serve the
streams that it reserves, and end without an error on SIGINT (TAP on stdout).

Usage: pipelines.py SOURCE_ROOT COMPILER…
"""
import glob
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.request

DEADLINE = 30
# Windows and loudspeakers, which a test machine has not.
OUTPUTS = re.compile(r'\bauto(video|audio)sink\b')
TROUBLE = re.compile(r'^(WARNING|ERROR):.*|.*(CRITICAL|WARNING) \*\*.*', re.M)


def on_any_port(text):
    """The text with a port that is free, whichever it names."""
    text = re.sub(r'\bport=\d+', '', OUTPUTS.sub('fakesink', text))
    return re.sub(r'\bwebrtcpublishsrc(?= )', 'webrtcpublishsrc port=0', text)


def launch_lines(text):
    """The commands of a block that begin with gst-launch-1.0, continued lines joined."""
    joined = text.replace('\\\n', ' ')
    return [line.strip() for line in joined.split('\n') if line.strip().startswith('gst-launch-1.0')]


def examples(root):
    """(title, kind, text) of everything that can be run; kind is sh, c or cpp."""
    pages = [os.path.join(root, 'README.md'), *sorted(glob.glob(os.path.join(root, 'docs/*.md')))]
    for page in pages:
        text = open(page, encoding='utf-8').read()
        for block in re.finditer(r'^```(sh|cpp|c)\n(.*?)^```$', text, re.M | re.S):
            where = f'{os.path.basename(page)}:{text.count(chr(10), 0, block.start()) + 1}'
            kind, body = block.groups()
            if kind == 'sh':
                yield from ((where, kind, line) for line in launch_lines(body))
            elif re.search(r'^int main\(', body, re.M):
                yield where, kind, body
    source = 'ext/webrtcserver/gstwebrtcpublishsrc.cpp'
    section = re.search(r'/\*\*\n \* SECTION:.*?\*/', open(os.path.join(root, source)).read(), re.S)
    plain = re.sub(r'^ \* ?', '', section.group(), flags=re.M)
    yield from (('SECTION', 'sh', line) for line in launch_lines(plain))


def command_of(kind, text, compiler, directory):
    if kind == 'sh':
        words = shlex.split(on_any_port(text), comments=True)
        return [words[0], '-v', *words[1:]]  # -v tells current-port
    source, program = (os.path.join(directory, name) for name in (f'example.{kind}', 'example'))
    with open(source, 'w', encoding='utf-8') as file:
        file.write(on_any_port(text))
    flags = subprocess.run(['pkg-config', '--cflags', '--libs', 'gstreamer-app-1.0',
                            'gstreamer-video-1.0'], check=True, capture_output=True, text=True)
    language = ['-x', 'c', '-std=c11'] if kind == 'c' else ['-std=c++20']
    subprocess.run([*compiler, *language, '-Wall', '-Wextra', '-Werror', source, '-o', program,
                    *flags.stdout.split()], check=True, capture_output=True, text=True)
    return [program]


def reserved_streams(text):
    """The streams that a launch line's request pads stand for."""
    renamed = dict(re.findall(r'\b((?:video|audio)_\w+)::stream=(\S+)', text))
    pads = re.findall(r'\w+\.((?:video|audio)_\w+) *!', text)
    return {renamed.get(pad, pad.split('_', 1)[1]) for pad in pads}


def run(command, expected, directory):
    """Starts it, asks its server, ends it. Gives what is wrong, or nothing."""
    process = subprocess.Popen(command, cwd=directory, text=True, errors='replace',
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    timer = threading.Timer(DEADLINE, process.kill)
    timer.start()
    output, port = [], None
    playing = command[0] != 'gst-launch-1.0'
    for line in process.stdout:
        output.append(line)
        found = re.search(r'current-port = (\d+)|http://localhost:(\d+)', line)
        port = port or (found and (found[1] or found[2]))
        playing = playing or line.startswith('Setting pipeline to PLAYING')
        if port and playing:
            url = f'http://127.0.0.1:{port}/streams.json'
            listed = json.load(urllib.request.urlopen(url, timeout=10))['streams']
            names = {stream['name'] for stream in listed}
            if names != expected:
                output.append(f'ERROR: the server lists {names}, expected {expected}\n')
            process.send_signal(signal.SIGINT)
            break
    output += process.stdout
    process.wait()
    timer.cancel()
    text = ''.join(output)
    if not port or not playing or process.returncode not in (0, -signal.SIGINT) or TROUBLE.search(text):
        return f'exit code {process.returncode}\n{text}'
    return None


def main():
    root, compiler = sys.argv[1], sys.argv[2:]
    found = list(examples(root))
    failures = 0
    for number, (title, kind, text) in enumerate(found, 1):
        with tempfile.TemporaryDirectory() as directory:
            try:
                fault = run(command_of(kind, text, compiler, directory), reserved_streams(text), directory)
            except subprocess.CalledProcessError as error:
                fault = error.stderr
        print(f'{"not ok" if fault else "ok"} {number} - {title} {text.strip().splitlines()[0][:60]}')
        if fault:
            failures += 1
            print('\n'.join(f'# {line}' for line in fault.splitlines()))
    print(f'1..{len(found)}')
    return 0 if found and not failures else 1


if __name__ == '__main__':
    sys.exit(main())
