#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs the two receivers in turn under the same load and prints what each publisher costs them.
import argparse
import os
import platform
import re
import select
import statistics
import subprocess
import sys
import time

TICKS = os.sysconf('SC_CLK_TCK')
START_SECONDS = 120


class Child:
    """A process that answers in lines; close its stdin and it ends."""

    def __init__(self, command):
        self.name = os.path.basename(command[0])
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.rest = b''
        self.lines = []  # that no expect() has taken

    def expect(self, word, seconds=START_SECONDS):
        """The next line that begins with `word`, as a list of words; others are kept."""
        deadline = time.monotonic() + seconds
        while True:
            while b'\n' in self.rest:
                line, self.rest = self.rest.split(b'\n', 1)
                words = line.decode().split()
                if words and words[0] == word:
                    return words
                self.lines.append(words)
            left = deadline - time.monotonic()
            ready = select.select([self.process.stdout], [], [], max(left, 0))[0]
            data = os.read(self.process.stdout.fileno(), 65536) if ready else b''
            if not data:
                why = 'ended' if ready else f'said nothing for {seconds} s'
                raise SystemExit(f'{self.name} {why}; expected a line "{word} …"')
            self.rest += data

    def ask(self, word):
        self.process.stdin.write(b'\n')
        self.process.stdin.flush()
        return self.expect(word)

    def stop(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def usage_of(pid):
    """CPU seconds since the start, threads, descriptors and RSS in KiB."""
    with open(f'/proc/{pid}/stat') as file:
        fields = file.read().rsplit(')', 1)[1].split()
    with open(f'/proc/{pid}/status') as file:
        status = dict(line.split(':', 1) for line in file)
    return {
        'cpu': (int(fields[11]) + int(fields[12])) / TICKS,
        'threads': int(status['Threads']),
        'descriptors': len(os.listdir(f'/proc/{pid}/fd')),
        'rss': int(status['VmRSS'].split()[0]),
    }


def moments(lines):
    """publisher lines of the load: {stream: {name: microseconds}}."""
    return {line[1]: {key: int(value) for key, value in (word.split('=') for word in line[2:])}
            for line in lines if line and line[0] == 'publisher'}


def first_buffers(lines):
    """first lines of a receiver: {(stream, kind): microseconds}."""
    return {(line[1], line[2]): int(line[3]) for line in lines if line and line[0] == 'first'}


def run_round(receiver_command, options):
    receiver = Child(receiver_command)
    load = None
    try:
        port = receiver.expect('port')[1]
        pid = receiver.process.pid
        idle = usage_of(pid)
        load = Child([options.load, port, str(options.publishers),
                      *(['small'] if options.small else [])])
        load.expect('flowing')
        time.sleep(options.settle)
        before, began = usage_of(pid), time.monotonic()
        frames = [int(word) for word in receiver.ask('frames')[1:]]
        requests = int(load.ask('requests')[1])
        time.sleep(options.seconds)
        after, ended = usage_of(pid), time.monotonic()
        frames = [int(word) - old for word, old in zip(receiver.ask('frames')[1:], frames)]
        requests = int(load.ask('requests')[1]) - requests
    finally:
        if load:
            load.stop()
        receiver.stop()
    count = options.publishers
    result = {
        'CPU of a publisher, % of a core':
            [100 * (after['cpu'] - before['cpu']) / (ended - began) / count],
        'CPU to connect a publisher, ms': [1000 * (before['cpu'] - idle['cpu']) / count],
        'threads of a publisher': [(after['threads'] - idle['threads']) / count],
        'descriptors of a publisher': [(after['descriptors'] - idle['descriptors']) / count],
        'RSS of a publisher, MiB': [(after['rss'] - idle['rss']) / 1024 / count],
        'pictures a second of a publisher': [frames[0] / (ended - began) / count],
        'Opus frames a second of a publisher': [frames[1] / (ended - began) / count],
        'packets asked for again (NACK), all': [requests],
    }
    result.update(latencies(moments(load.lines), first_buffers(receiver.lines)))
    return result


def latencies(published, received):
    steps = {
        'connect to socket open, ms': [],
        'offer to answer, ms': [],
        'answer to DTLS connected, ms': [],
        'DTLS connected to first picture, ms': [],
        'socket open to first picture, ms': [],
        'socket open to first audio, ms': [],
        'first publisher: open to picture, ms': [],
    }
    for stream, at in published.items():
        picture = received.get((stream, 'video'))
        audio = received.get((stream, 'audio'))
        if not picture or not audio:
            print(f'nothing came of a track of {stream}', file=sys.stderr)
            continue
        if stream == 's0':
            # Both processes load their libraries meanwhile; it would be the others' 95th.
            steps['first publisher: open to picture, ms'].append((picture - at['open']) / 1000)
            continue
        values = [at['open'] - at['connect'], at['answered'] - at['offered'],
                  at['connected'] - at['answered'], picture - at['connected'],
                  picture - at['open'], audio - at['open']]
        for step, value in zip(steps, values):
            steps[step].append(value / 1000)
    return steps


def percentile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(part * (len(ordered) - 1)))]


def print_table(parties, results):
    rows = list(results[parties[0]][0])
    letters = [chr(ord('A') + number) for number in range(len(parties))]
    for letter, party in zip(letters, parties):
        print(f'{letter}: {party}')
    print(f'{"":<43}' + ''.join(f'{letter:>9}' for letter in letters)
          + ''.join(f'{"A/" + letter:>8}' for letter in letters[1:]))

    def line(title, figures):
        text = f'{title:<43}' + ''.join(f'{value:9.2f}' for value in figures)
        for other in figures[1:]:
            text += f'{figures[0] / other:8.3f}' if other else f'{"-":>8}'
        print(text)

    for row in rows:
        samples = [[value for result in results[party] for value in result[row]]
                   for party in parties]
        if not all(samples):
            continue
        line(row, [statistics.median(values) for values in samples])
        if row.startswith('socket open'):
            line(row + ', 95th', [percentile(values, 0.95) for values in samples])


def machine():
    with open('/proc/cpuinfo') as file:
        model = re.search(r'model name\s*:\s*(.*)', file.read())
    tool = subprocess.run(['gst-inspect-1.0', '--version'], capture_output=True, text=True,
                          check=False)
    version = re.findall('^GStreamer .*', tool.stdout, re.MULTILINE)
    return ', '.join([model.group(1) if model else platform.machine(),
                      f'{os.cpu_count()} cores', f'Linux {platform.release()}', *version,
                      'load ' + ' '.join(f'{value:.1f}' for value in os.getloadavg())])


def main():
    parser = argparse.ArgumentParser(description='What a publisher costs in webrtcpublishsrc, '
                                     'and in a bare webrtcbin with the same depayloaders.')
    env = os.environ.get
    parser.add_argument('--load', required=True, help='path of the publishers\' program')
    parser.add_argument('--element', required=True, help='path of the receiver with the element')
    parser.add_argument('--bare', required=True, help='path of the bare receiver')
    parser.add_argument('--variant', action='append', default=[], metavar='WORDS',
                        help='a further party: "bare parse no-upnp", '
                        '"element local-addresses=127.0.0.1"')
    parser.add_argument('--publishers', type=int, default=int(env('BENCHMARK_PUBLISHERS', 10)))
    parser.add_argument('--small', action='store_true',
                        help='300 kbit/s for each publisher instead of 1.6 Mbit/s')
    parser.add_argument('--seconds', type=float, default=float(env('BENCHMARK_SECONDS', 15)))
    parser.add_argument('--rounds', type=int, default=int(env('BENCHMARK_ROUNDS', 3)))
    parser.add_argument('--settle', type=float, default=3,
                        help='seconds between the last connection and the measurement')
    options = parser.parse_args()

    commands = {'element': [options.element], 'bare': [options.bare]}
    for variant in options.variant:
        kind, *words = variant.split()
        if kind not in ('element', 'bare'):
            parser.error(f'--variant "{variant}" begins with neither "element" nor "bare"')
        commands[variant] = [*commands[kind], *words]
    parties = list(commands)
    results = {party: [] for party in parties}
    print('machine:', machine())
    for number in range(options.rounds):
        for party in parties:
            result = run_round(commands[party], options)
            results[party].append(result)
            cpu = result['CPU of a publisher, % of a core'][0]
            first = statistics.median(result['socket open to first picture, ms'] or [0])
            print(f'round {number + 1} {party}: CPU {cpu:.2f} %, first picture {first:.0f} ms',
                  flush=True)
    print(f'\n{options.publishers} publishers, {options.seconds:g} s, {options.rounds} rounds; '
          'medians, and the ratio of the element to each other party')
    print_table(parties, results)


if __name__ == '__main__':
    main()
