# SPDX-License-Identifier: LGPL-2.1-or-later
"""pipelines.py SOURCE_ROOT COMPILER…: runs every gst-launch-1.0 line and every program in the
documentation. Each must start, serve the streams that it reserves, and end well on SIGINT.
"""
import json
import pathlib
import re
import shlex
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import urllib.request

DEADLINE = 30  # seconds
TROUBLE = re.compile(r'^(WARNING|ERROR):.*|.*(CRITICAL|WARNING) \*\*.*', re.M)


def on_any_port(text):
    """The text with a port that is free on this machine alone, with certificates that there are,
    and without the windows that a test machine has not."""
    text = re.sub(r'\bauto(video|audio)sink\b', 'fakesink', re.sub(r'(?<![\w-])port=\d+', '', text))
    text = re.sub(r'\baddress=(0\.0\.0\.0|::)(?!\S)', '', text)
    text = re.sub(r'\b(certificate|private-key)-file=\S+', r'\1-file=\1.pem', text)
    text = re.sub(r'\bwebrtcpublishsrc(?= )', 'webrtcpublishsrc port=0', text)
    return text.replace('"port", 8080', '"port", 0')


def launch_lines(text):
    """The commands of a block that begin with gst-launch-1.0, continued lines joined."""
    lines = (line.strip() for line in text.replace('\\\n', ' ').split('\n'))
    return [line for line in lines if line.startswith('gst-launch-1.0')]


def examples(root):
    """(title, kind, text) of everything that can be run; kind is sh, c, cpp or python."""
    for page in [root / 'README.md', *sorted(root.glob('docs/*.md'))]:
        text = page.read_text()
        for block in re.finditer(r'^```(sh|cpp|c|python)\n(.*?)^```$', text, re.M | re.S):
            where = f'{page.name}:{text.count(chr(10), 0, block.start()) + 1}'
            kind, body = block.groups()
            if kind == 'sh':
                yield from ((where, kind, line) for line in launch_lines(body))
            elif re.search(r"^int main\(|^gi\.require_version\('Gst'", body, re.M):
                yield where, kind, body
    source = (root / 'ext/webrtcserver/gstwebrtcpublishsrc.cpp').read_text()
    section = re.search(r'/\*\*\n \* SECTION:.*?\*/', source, re.S)
    plain = re.sub(r'^ \* ?', '', section.group(), flags=re.M)
    yield from (('SECTION', 'sh', line) for line in launch_lines(plain))


def command_of(kind, text, compiler, directory):
    """What starts an example; C and C++ are compiled first."""
    if kind == 'sh':
        words = shlex.split(on_any_port(text), comments=True)
        return [words[0], '-v', *words[1:]]  # -v tells current-port
    source, program = f'{directory}/example.{kind}', f'{directory}/example'
    pathlib.Path(source).write_text(on_any_port(text))
    if kind == 'python':
        return ['/usr/bin/python3', source]  # the one that has Debian's python3-gi
    flags = subprocess.run(['pkg-config', '--cflags', '--libs', 'gstreamer-app-1.0',
                            'gstreamer-video-1.0'], check=True, capture_output=True, text=True)
    compile = [*compiler, *(['-xc', '-std=c11'] if kind == 'c' else ['-std=c++20']), '-Wall',
               '-Wextra', '-Werror', source, '-o', program, *flags.stdout.split()]
    subprocess.run(compile, check=True, capture_output=True, text=True)
    return [program]


def reserved_streams(text):
    """The streams that a launch line's request pads stand for."""
    renamed = dict(re.findall(r'\b((?:video|audio)_\w+)::stream=(\S+)', text))
    pads = re.findall(r'\w+\.((?:video|audio)_\w+) *!', text)
    return {renamed.get(pad, pad.split('_', 1)[1]) for pad in pads}


def listed_streams(port, authority, token):
    """`authority`: the file by which the server is trusted, if it is there; else it speaks http."""
    secure = authority.exists()
    url = f'{"https" if secure else "http"}://127.0.0.1:{port}/streams.json?token={token}'
    context = ssl.create_default_context(cafile=authority) if secure else None
    try:
        with urllib.request.urlopen(url, timeout=10, context=context) as reply:
            return {stream['name'] for stream in json.load(reply)['streams']}
    except OSError as error:
        return str(error)


def run(command, expected, directory):
    """Starts it, asks its server, ends it. Gives what is wrong, or nothing."""
    process = subprocess.Popen(command, cwd=directory, text=True, errors='replace',
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    timer = threading.Timer(DEADLINE, process.kill)
    timer.start()
    authority = pathlib.Path(directory, 'authority.crt')
    token = ''.join(word[6:] for word in command if word.startswith('token='))
    output, port, playing = [], None, command[0] != 'gst-launch-1.0'  # programs do not say so
    for line in process.stdout:
        output.append(line)
        found = re.search(r'current-port = (\d+)|http://localhost:(\d+)', line)
        port = port or (found and (found[1] or found[2]))
        playing = playing or line.startswith('Setting pipeline to PLAYING')
        if port and playing:
            if (listed := listed_streams(port, authority, token)) != expected:
                output.append(f'ERROR: the server lists {listed}, expected {expected}\n')
            process.send_signal(signal.SIGINT)
            break
    output += process.stdout
    process.wait()
    timer.cancel()
    text = ''.join(output)
    well = port and playing and process.returncode in (0, -signal.SIGINT)
    return None if well and not TROUBLE.search(text) else f'exit code {process.returncode}\n{text}'


def main():
    root = pathlib.Path(sys.argv[1])
    found = list(examples(root))
    print(f'1..{len(found)}')
    for number, (title, kind, text) in enumerate(found, 1):
        with tempfile.TemporaryDirectory() as directory:
            try:
                if 'certificate-file=' in text:
                    subprocess.run([root / 'tools/make-certificate', '--directory', directory],
                                   check=True, capture_output=True, text=True)
                command = command_of(kind, text, sys.argv[2:], directory)
                fault = run(command, reserved_streams(text), directory)
            except subprocess.CalledProcessError as error:
                fault = error.stderr
        print(f'{"not ok" if fault else "ok"} {number} - {title}', flush=True)
        for line in fault.splitlines() if fault else []:
            print(f'# {line}')


main()
