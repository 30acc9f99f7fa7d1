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
CPU = 'CPU of a publisher, % of a core'
BUSIEST = 'busiest thread, % of a core'


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


def thread_times(pid):
    """CPU seconds of each thread since its start: {(id, name): seconds}."""
    times = {}
    for task in os.listdir(f'/proc/{pid}/task'):
        try:
            with open(f'/proc/{pid}/task/{task}/stat') as file:
                head, tail = file.read().rsplit(')', 1)
        except FileNotFoundError:
            continue  # it has ended
        fields = tail.split()
        times[task, head.split('(', 1)[1]] = (int(fields[11]) + int(fields[12])) / TICKS
    return times


def busiest(before, after):
    """The thread that used the most CPU meanwhile: its seconds and its name."""
    return max((seconds - before.get(thread, 0), thread[1]) for thread, seconds in after.items())


def datagrams_dropped():
    """By the kernel, for want of room in a socket's buffer; of all processes."""
    with open('/proc/net/snmp') as file:
        names, values = [line.split() for line in file if line.startswith('Udp:')]
    return int(values[names.index('RcvbufErrors')])


def machine_time():
    """CPU seconds of all processes and of the kernel since the start of the machine."""
    with open('/proc/stat') as file:
        user, nice, system, _, _, interrupts, soft = [int(word) for word in
                                                      file.readline().split()[1:8]]
    return (user + nice + system + interrupts + soft) / TICKS


def moments(lines):
    """publisher lines of the load: {stream: {name: microseconds}}."""
    return {line[1]: {key: int(value) for key, value in (word.split('=') for word in line[2:])}
            for line in lines if line and line[0] == 'publisher'}


def first_buffers(lines):
    """first lines of a receiver: {(stream, kind): microseconds}."""
    return {(line[1], line[2]): int(line[3]) for line in lines if line and line[0] == 'first'}


def sample(receiver, load):
    """What is compared over the measured seconds; what the programs say comes first."""
    frames = [int(word) for word in receiver.ask('frames')[1:]]
    words = load.ask('requests')
    return {
        'time': time.monotonic(), 'usage': usage_of(receiver.process.pid), 'frames': frames,
        'threads': thread_times(receiver.process.pid), 'load': usage_of(load.process.pid)['cpu'],
        'machine': machine_time(), 'dropped': datagrams_dropped(), 'requests': int(words[1]),
        'late': int(words[3]) if len(words) > 3 else None,
    }


def run_round(receiver_command, count, options):
    receiver = Child(receiver_command)
    load = None
    try:
        port = receiver.expect('port')[1]
        idle = usage_of(receiver.process.pid)
        load = Child([options.light or options.load, port, str(count),
                      *(['small'] if options.small else []),
                      *([f'pause={options.pause}'] if options.pause else [])])
        load.expect('flowing')
        time.sleep(options.settle)
        before = sample(receiver, load)
        time.sleep(options.seconds)
        after = sample(receiver, load)
    finally:
        if load:
            load.stop()
        receiver.stop()
    seconds = after['time'] - before['time']
    old, new = before['usage'], after['usage']
    used, loaded = new['cpu'] - old['cpu'], after['load'] - before['load']
    others = after['machine'] - before['machine'] - used - loaded
    busy, name = busiest(before['threads'], after['threads'])
    result = {
        CPU: [100 * used / seconds / count],
        BUSIEST: [100 * busy / seconds],
        'CPU to connect a publisher, ms': [1000 * (old['cpu'] - idle['cpu']) / count],
        'threads of a publisher': [(new['threads'] - idle['threads']) / count],
        'descriptors of a publisher': [(new['descriptors'] - idle['descriptors']) / count],
        'RSS of a publisher, MiB': [(new['rss'] - idle['rss']) / 1024 / count],
        'pictures a second of a publisher':
            [(after['frames'][0] - before['frames'][0]) / seconds / count],
        'Opus frames a second of a publisher':
            [(after['frames'][1] - before['frames'][1]) / seconds / count],
        'packets asked for again (NACK), all': [after['requests'] - before['requests']],
        'packets dropped by the kernel, all': [after['dropped'] - before['dropped']],
        'CPU of the load, % of a core': [100 * loaded / seconds],
        'CPU of everything else, % of a core': [100 * max(others, 0) / seconds],
        'the load was late by at most, ms':
            [] if after['late'] is None else [after['late']],
    }
    result.update(latencies(moments(load.lines), first_buffers(receiver.lines)))
    return result, name


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


def measure(count, commands, options):
    """All rounds with so many publishers, and their table."""
    results = {party: [] for party in commands}
    for number in range(options.rounds):
        for party, command in commands.items():
            result, thread = run_round(command, count, options)
            results[party].append(result)
            first = statistics.median(result['socket open to first picture, ms'] or [0])
            print(f'round {number + 1} {party}: CPU {result[CPU][0]:.2f} %, '
                  f'busiest thread {thread} {result[BUSIEST][0]:.0f} %, '
                  f'first picture {first:.0f} ms', flush=True)
    print(f'\n{count} publishers, {options.seconds:g} s, {options.rounds} rounds; '
          'medians, and the ratio of the element to each other party')
    print_table(list(commands), results)
    print(flush=True)


def main():
    parser = argparse.ArgumentParser(description='What a publisher costs in webrtcpublishsrc, '
                                     'and in a bare webrtcbin with the same depayloaders.')
    env = os.environ.get
    parser.add_argument('--load', help='path of the publishers\' program')
    parser.add_argument('--element', required=True, help='path of the receiver with the element')
    parser.add_argument('--bare', help='path of the bare receiver')
    parser.add_argument('--variant', action='append', default=[], metavar='WORDS',
                        help='a further party: "bare parse no-upnp", '
                        '"element local-addresses=127.0.0.1"')
    parser.add_argument('--light', metavar='LOAD',
                        help='path of the publishers\' program that has no pipelines, in the '
                        'stead of --load')
    parser.add_argument('--pause', type=int, default=0, metavar='MS',
                        help='milliseconds between two connections of --light')
    parser.add_argument('--no-bare', action='store_true', help='leave the bare receiver out')
    parser.add_argument('--publishers', type=int, nargs='+',
                        default=[int(word) for word in env('BENCHMARK_PUBLISHERS', '10').split()],
                        help='how many; several numbers give a table each')
    parser.add_argument('--small', action='store_true',
                        help='300 kbit/s for each publisher instead of 1.6 Mbit/s')
    parser.add_argument('--seconds', type=float, default=float(env('BENCHMARK_SECONDS', 15)))
    parser.add_argument('--rounds', type=int, default=int(env('BENCHMARK_ROUNDS', 3)))
    parser.add_argument('--settle', type=float, default=3,
                        help='seconds between the last connection and the measurement')
    options = parser.parse_args()

    if not (options.light or options.load) or not (options.no_bare or options.bare):
        parser.error('--load or --light, and --bare or --no-bare, have to be given')
    # None of the limits is what is measured.
    limits = [f'max-publishers={max(options.publishers) + 1}', 'max-connections-per-address=0',
              'max-requests-per-second=0']
    commands = {'element': [options.element, *limits], 'bare': [options.bare]}
    for variant in options.variant:
        kind, *words = variant.split()
        if kind not in ('element', 'bare'):
            parser.error(f'--variant "{variant}" begins with neither "element" nor "bare"')
        commands[variant] = [*commands[kind], *words]
    if options.no_bare:
        del commands['bare']
    print('machine:', machine())
    for count in options.publishers:
        measure(count, commands, options)


if __name__ == '__main__':
    main()
