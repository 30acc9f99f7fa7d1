# SPDX-License-Identifier: LGPL-2.1-or-later
"""make_certificate.py SOURCE_ROOT: what tools/make-certificate writes, says and refuses. TAP."""
import pathlib
import re
import socket
import stat
import subprocess
import sys
import tempfile
import traceback

TOOL = pathlib.Path(sys.argv[1]) / 'tools/make-certificate'
NAMES = ['authority.crt', 'certificate.pem', 'private-key.pem']


def run(*command, cwd=None):
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60)


def make(directory, *arguments):
    return run(TOOL, *arguments, cwd=directory)


def openssl(*arguments):
    result = run('openssl', *arguments)
    assert result.returncode == 0, f'openssl {" ".join(arguments)}: {result.stderr}'
    return result.stdout


def written(directory):
    return sorted(path.name for path in pathlib.Path(directory).iterdir())


def contents(directory):
    return {name: (pathlib.Path(directory) / name).read_bytes() for name in NAMES}


def verify(directory, *what):
    """As a browser does that trusts the authority alone."""
    openssl('verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile',
            f'{directory}/authority.crt', *what, f'{directory}/certificate.pem')


def extensions(path):
    """Of the first certificate in a file, by name."""
    text = openssl('x509', '-in', path, '-noout', '-text')
    return dict(re.findall(r'^ {12}X509v3 (.*?): (?:critical)?\n {16}(.*)$', text, re.M))


def files_made_hold_for_every_name(directory):
    made = make(directory, 'Example.org', '*.example.org', '10.1.2.3', '2001:db8::1')
    assert made.returncode == 0, made.stderr
    assert written(directory) == NAMES, 'the authority has no key that is left'
    host = socket.gethostname().split('.')[0].lower()
    for name in 'localhost', host, f'{host}.local', 'example.org', 'cam.example.org':
        verify(directory, '-verify_hostname', name)
    addresses = run('hostname', '-I').stdout.split()
    for address in '127.0.0.1', '::1', '10.1.2.3', '2001:db8::1', *addresses:
        if not address.startswith('fe80'):
            verify(directory, '-verify_ip', address)


def files_made_are_what_phones_take(directory):
    assert make(directory).returncode == 0
    own, authority = (extensions(f'{directory}/{name}') for name in
                      ('certificate.pem', 'authority.crt'))
    assert own['Basic Constraints'] == 'CA:FALSE'
    assert own['Extended Key Usage'] == 'TLS Web Server Authentication'
    assert authority['Basic Constraints'] == 'CA:TRUE, pathlen:0'
    key = openssl('pkey', '-in', f'{directory}/private-key.pem', '-noout', '-text')
    assert 'prime256v1' in key, key
    day = 24 * 60 * 60
    certificate = f'{directory}/certificate.pem'
    openssl('x509', '-in', certificate, '-noout', '-checkend', str(365 * day))
    outlived = run('openssl', 'x509', '-in', certificate, '-noout', '-checkend', str(825 * day))
    assert outlived.returncode == 1, 'it holds for more than 825 days'


def key_made_is_private_and_belongs_to_the_certificate(directory):
    assert make(directory).returncode == 0
    key = pathlib.Path(directory, 'private-key.pem')
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    of_key = openssl('pkey', '-in', str(key), '-pubout')
    assert of_key == openssl('x509', '-in', f'{directory}/certificate.pem', '-noout', '-pubkey')


def output_names_fingerprint_and_command(directory):
    made = make(directory, '--directory', 'with space/a')
    assert made.returncode == 0, made.stderr
    certificate = f'{directory}/with space/a/certificate.pem'
    fingerprint = openssl('x509', '-in', certificate, '-noout', '-fingerprint', '-sha256')
    assert fingerprint.strip().split('=')[1] in made.stdout
    line = re.search(r'^gst-launch-1\.0(.*\\\n)*.*$', made.stdout, re.M).group()
    words = run('bash', '-c', line.replace('gst-launch-1.0', "printf '%s\\n'")).stdout.split('\n')
    assert 'certificate-file=with space/a/certificate.pem' in words, words
    assert 'private-key-file=with space/a/private-key.pem' in words, words
    assert 'address=0.0.0.0' in words, words
    assert re.search(r'https://[0-9a-z.]+:8443/cam1/publish', made.stdout), made.stdout


def files_that_exist_are_replaced_only_when_forced(directory):
    assert make(directory).returncode == 0
    first = contents(directory)
    again = make(directory)
    assert again.returncode != 0 and 'exists already' in again.stderr, again.stderr
    assert contents(directory) == first
    forced = make(directory, '--force')
    assert forced.returncode == 0, forced.stderr
    assert all(first[name] != text for name, text in contents(directory).items())
    assert written(directory) == NAMES
    verify(directory)


def arguments_that_are_wrong_write_nothing(directory):
    rows = [(['--days', '0'], '1 to 825'), (['--days=826'], '1 to 825'),
            (['--days', 'many'], '1 to 825'), (['--days'], 'needs a value'),
            (['--directory', ''], 'needs a value'), (['--what'], 'unknown argument "--what"'),
            (['not a name'], '"not a name"'), (['fe80::1'], '"fe80::1"'),
            (['300.1.2.3'], '"300.1.2.3"'), (['a,DNS:b'], '"a,DNS:b"'), (['1:2:3'], 'openssl'),
            (['--directory=/proc/none/x'], '/proc/none')]
    for arguments, expected in rows:
        refused = make(directory, *arguments)
        assert refused.returncode != 0 and expected in refused.stderr, (arguments, refused)
        assert written(directory) == [], arguments


def days_given_are_the_ones_that_it_holds(directory):
    assert make(directory, '--days=3').returncode == 0
    certificate, day = f'{directory}/certificate.pem', 24 * 60 * 60
    openssl('x509', '-in', certificate, '-noout', '-checkend', str(2 * day))
    assert run('openssl', 'x509', '-in', certificate, '-noout', '-checkend',
               str(4 * day)).returncode == 1


def help_tells_every_option(directory):
    told = make(directory, '--help')
    assert told.returncode == 0
    for option in '--directory', '--days', '--force':
        assert option in told.stdout
    assert written(directory) == []


def main():
    cases = [files_made_hold_for_every_name, files_made_are_what_phones_take,
             key_made_is_private_and_belongs_to_the_certificate,
             output_names_fingerprint_and_command,
             files_that_exist_are_replaced_only_when_forced,
             arguments_that_are_wrong_write_nothing, days_given_are_the_ones_that_it_holds,
             help_tells_every_option]
    print(f'1..{len(cases)}')
    for number, case in enumerate(cases, 1):
        with tempfile.TemporaryDirectory() as directory:
            try:
                case(directory)
                print(f'ok {number} - {case.__name__}', flush=True)
            except (AssertionError, subprocess.TimeoutExpired):
                print(f'not ok {number} - {case.__name__}', flush=True)
                for line in traceback.format_exc().splitlines():
                    print(f'# {line}')


main()
