# SPDX-License-Identifier: MIT
"""bp-parse's vw, libsvm and ffm beside a reference that takes their texts apart in the
plainest way and makes the keys by its own XXH3 (of at most 16 bytes), on random texts with
mistakes in them. It prints its seed; SEED repeats it.

	examples_reference.py FOLDER-OF-PROGRAMS [ROUNDS]
"""
import base64
import json
import os
import random
import re
import struct
import subprocess
import sys

MASK = (1 << 64) - 1
SECRET = bytes.fromhex(
    'b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f'
    'cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c'
    '3c2852bb91c300cb')
NUMBER = re.compile(r'[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?')


class Wrong(Exception):
    pass


# --- Keys -------------------------------------------------------------------------------


def u64(data, at=0):
    return struct.unpack_from('<Q', data, at)[0]


def u32(data, at=0):
    return struct.unpack_from('<I', data, at)[0]


def rotate(x, by):
    return (x << by | x >> (64 - by)) & MASK


def swap(x):
    return int.from_bytes(x.to_bytes(8, 'little'), 'big')


def avalanche_64(h):
    h = (h ^ h >> 33) * 0xC2B2AE3D27D4EB4F & MASK
    h = (h ^ h >> 29) * 0x165667B19E3779F9 & MASK
    return h ^ h >> 32


def xxh3(data):
    """XXH3, 64 bits, seed 0 (github.com/Cyan4973/xxHash, doc/xxhash_spec.md)."""
    n = len(data)
    if n == 0:
        return avalanche_64(u64(SECRET, 56) ^ u64(SECRET, 64))
    if n <= 3:
        word = data[0] << 16 | data[n >> 1] << 24 | data[-1] | n << 8
        return avalanche_64(word ^ u32(SECRET) ^ u32(SECRET, 4))
    if n <= 8:
        word = u32(data, n - 4) + (u32(data) << 32)
        h = word ^ u64(SECRET, 8) ^ u64(SECRET, 16)
        h ^= rotate(h, 49) ^ rotate(h, 24)
        h = h * 0x9FB21C651E98DF25 & MASK
        h = (h ^ (h >> 35) + n) * 0x9FB21C651E98DF25 & MASK
        return h ^ h >> 28
    assert n <= 16
    low = u64(data) ^ u64(SECRET, 24) ^ u64(SECRET, 32)
    high = u64(data, n - 8) ^ u64(SECRET, 40) ^ u64(SECRET, 48)
    product = low * high
    h = (n + swap(low) + high + (product & MASK ^ product >> 64)) & MASK
    h = (h ^ h >> 37) * 0x165667919E3779F9 & MASK
    return h ^ h >> 32


def mix(x):
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & MASK
    x = (x ^ x >> 27) * 0x94D049BB133111EB & MASK
    return x ^ x >> 31


def key_of(space, name):
    top = xxh3(space.encode()) & 0xFFFF << 48
    both = mix(top * 0x9E3779B97F4A7C15 + mix(xxh3(name.encode())) & MASK)
    return top | both >> 16


# --- Reading ----------------------------------------------------------------------------


def number(text, bound=float('inf')):
    if not NUMBER.fullmatch(text):
        raise Wrong(text)
    value = float(text)
    if not abs(value) <= min(bound, 1e308):
        raise Wrong(text)
    return value


def put(features, space, name, value):
    if not abs(value) <= 1e6:
        raise Wrong(name)
    value = struct.unpack('<f', struct.pack('<f', value))[0]
    if value != 0:
        features.append((key_of(space, name), value))


def vectors(record, features, keys='features', values='feature_values'):
    record[keys] = b''.join(struct.pack('<Q', key) for key, _ in features)
    if any(value != 1 for _, value in features):
        record[values] = b''.join(struct.pack('<f', value) for _, value in features)


def rewards(label):
    if label in (-1, 0, 1):
        return {'click': int(label == 1)}
    return {'value': label}


def vw_features(text):
    """After the first bar."""
    features = []
    for part in text.split('|'):
        words = part.split()
        space, scale, unnamed = '', 1.0, 0
        if part and not part[0].isspace():
            space, colon, value = words.pop(0).partition(':')
            scale = number(value) if colon else 1.0
            if not space:
                raise Wrong(part)
        for word in words:
            name, colon, value = word.partition(':')
            if colon and not re.match('[0-9.+-]', value):
                if not value or value.lower() in ('nan', 'inf', 'infinity'):
                    raise Wrong(word)
                put(features, space, word, 1)
                continue
            amount = number(value) if colon else 1.0
            if not name:
                name, unnamed = str(unnamed), unnamed + 1
            put(features, space, name, amount * scale)
    return features


def vw_label(line):
    """The words of the label, the tag or None, the text after the bar."""
    head, bar, rest = line.partition('|')
    if not bar:
        raise Wrong(line)
    words, tag = head.split(), None
    if words and (not head[-1].isspace() or words[-1][0] == "'"):
        tag = words.pop()
        tag = tag[1:] if tag[0] == "'" else tag
    return words, tag or None, rest


def bandit(record, words):
    chosen = [word for word in words if ':' in word]
    if len(chosen) != 1 or chosen[0].count(':') != 2 or not all(
            word.split(':')[0] for word in words):
        raise Wrong(words)
    action, cost, probability = chosen[0].split(':')
    record['probability'] = number(probability)
    record['reward'] = 0 - number(cost)
    if not 0 < record['probability'] <= 1:
        raise Wrong(probability)
    inside = 0 <= record['reward'] <= 1
    record['rewards'] = {'click' if inside else 'value': record['reward']}
    return action


def vw_line(line):
    words, tag, rest = vw_label(line)
    record = {'event': 'outcome' if words else 'decision'}
    if tag:
        record['tag'] = tag
    if any(':' in word for word in words):
        record['creative_id'] = bandit(record, words)
        if len(words) > 1:
            record['candidates'] = [word.split(':')[0] for word in words]
    elif words:
        if len(words) > 3:
            raise Wrong(words)
        record['rewards'] = rewards(number(words[0]))
        if len(words) > 1 and number(words[1], 1e6) != 1:
            record['weight'] = number(words[1])
        if len(words) > 2:
            record['base'] = number(words[2])
    vectors(record, vw_features(rest))
    return record


def vw_group(lines):
    record, shared, names, own, chosen = {'event': 'request'}, [], [], [], None
    for i, line in enumerate(lines):
        words, tag, rest = vw_label(line)
        if i == 0 and words == ['shared']:
            shared = vw_features(rest)
            if tag:
                record['tag'] = tag
            continue
        if words:
            if chosen is not None or len(words) != 1 or words == ['shared']:
                raise Wrong(line)
            bandit(record, words)
            chosen = len(own)
        names.append(tag or str(len(own)))
        own.append(vw_features(rest))
    if not own:
        raise Wrong(lines)
    if chosen is not None:
        record.update(event='outcome', position=0, creative_id=names[chosen])
        vectors(record, shared + own[chosen])
    record['candidates'] = names
    each = [{} for _ in own]
    for said, features in zip(each, own):
        vectors(said, features)
    record['candidate_features'] = [said['features'] for said in each]
    if any('feature_values' in said for said in each):
        record['candidate_feature_values'] = [
            said.get('feature_values') for said in each]
    if shared:
        vectors(record, shared, 'shared_features', 'shared_feature_values')
    return record


def pairs_line(line, fields):
    words, features = line.split(), []
    labelled = ':' not in words[0]
    record = {'event': 'outcome' if labelled else 'decision'}
    if labelled:
        record['rewards'] = rewards(number(words.pop(0)))
    if words and re.match('qid:.', words[0]):
        record['query_id'] = words.pop(0)[4:]
    for word in words:
        parts = word.split(':')
        if len(parts) != 2 + fields or not all(
                re.fullmatch('[0-9]+', part) for part in parts[:-1]):
            raise Wrong(word)
        put(features, parts[0] if fields else '', parts[-2], number(parts[-1]))
    vectors(record, features)
    return record


def examples(text, form):
    if form == 'vw-adf':
        lines = [line for line in text.split('\n')]
        group = []
        for line in lines + ['']:
            if line.strip():
                group.append(line)
            elif group:
                yield vw_group, (group,)
                group = []
        return
    for line in text.split('\n'):
        if form != 'vw-lines':
            line = line.split('#')[0]
        if line.strip():
            yield ((vw_line, (line,)) if form == 'vw-lines'
                   else (pairs_line, (line, form == 'ffm')))


def expected(text, form):
    records = {}
    for n, (read, args) in enumerate(examples(text, form), 1):
        try:
            records[n] = read(*args)
        except Wrong:
            pass
    return records


# --- Writing texts ----------------------------------------------------------------------


def some_number(r):
    return r.choice([
        lambda: str(r.randrange(-3, 4)), lambda: '%.3f' % r.gauss(0, 2),
        lambda: '%.6e' % r.gauss(0, 100), lambda: '.5', lambda: '5.', lambda: '+1',
        lambda: '-0', lambda: '1e-60', lambda: repr(r.random()), lambda: '1e6',
        lambda: str(r.randrange(10**18, 10**19)) + 'e-18'])()


def some_word(r):
    return ''.join(r.choice('abcXYZ0189_-=.é') for _ in range(r.randrange(1, 8)))


def mistake(r):
    return r.choice(['', ':', 'x', '1e7', 'nan', '1e400', '::', 'a:b:c', '0x10', "'"])


def some_feature(r):
    name = some_word(r)
    return r.choice([
        lambda: name, lambda: name, lambda: name + ':' + some_number(r),
        lambda: ':' + some_number(r), lambda: 'city:paris',
        lambda: name[:2] + ':' + mistake(r) if r.random() < 0.05 else name])()


def some_spaces(r):
    text = ''
    for _ in range(r.randrange(0, 4)):
        text += '|' + r.choice(['', some_word(r), some_word(r) + ':' + some_number(r)])
        for _ in range(r.randrange(0, 5)):
            text += r.choice([' ', ' ', '  ', '\t']) + some_feature(r)
        text += r.choice(['', ' '])
    return text or '|'


def some_cost(r):
    probability = r.choice(['1', '0.5', '.25', '1e-3', '1.5' if r.random() < 0.1 else '1'])
    return r.choice('012ab') + ':' + some_number(r) + ':' + probability


def some_vw(r):
    head = r.choice(['', '1 ', '-1 ', '0 ', some_number(r) + ' ',
                     '1 ' + some_number(r) + ' ', '1 1 ' + some_number(r) + ' ',
                     some_cost(r) + ' ', 'x ' + some_cost(r) + ' 3 '])
    if r.random() < 0.03:
        head = mistake(r) + ' ' + head
    return head + r.choice(['', '', "'tag ", "'t", 'touch']) + some_spaces(r)


def some_group(r):
    lines = []
    if r.random() < 0.5:
        lines.append('shared ' + r.choice(['', "'s "]) + some_spaces(r))
    chosen = r.randrange(0, 8)
    for i in range(r.randrange(1 if r.random() < 0.95 else 0, 6)):
        label = some_cost(r) + ' ' if i == chosen or r.random() < 0.02 else ''
        lines.append(label + r.choice(['', "'a%d " % i]) + some_spaces(r))
    return '\n'.join(lines) + '\n' + '\n' * (r.random() < 0.1)


def some_pairs(r, fields):
    words = [some_number(r)] if r.random() < 0.9 else []
    if words and not fields and r.random() < 0.3:
        words.append('qid:%d' % r.randrange(9))
    for _ in range(r.randrange(0 if words else 1, 8)):
        index = ':'.join(str(r.randrange(99)) for _ in range(1 + fields))
        value = some_number(r) if r.random() < 0.98 else mistake(r)
        words.append(index + ':' + value)
    return ' '.join(words) + r.choice(['', ' ', ' # more'])


def some_text(r, form):
    make = {'vw-lines': some_vw, 'vw-adf': some_group,
            'libsvm': lambda r: some_pairs(r, 0), 'ffm': lambda r: some_pairs(r, 1)}[form]
    end = r.choice(['\n', '\n', '\r\n'])
    text = '\n'.join(make(r) for _ in range(r.randrange(1, 200))) + '\n'
    return text.replace('\n', end)


# --- Comparison -------------------------------------------------------------------------


def plain(value):
    if isinstance(value, dict) and list(value) == ['$binary']:
        return base64.b64decode(value['$binary'])
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def got(programs, text, form):
    made = subprocess.run(
        [programs + '/bp-parse', '--format', form, '--max-rejects', '100%'],
        input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True)
    out = subprocess.run([programs + '/bp-print', '--format', 'json'],
                         input=made.stdout, stdout=subprocess.PIPE, check=True).stdout
    records, ids = {}, set()
    for line in out.decode().splitlines():
        record = plain(json.loads(line))
        event_id = record.pop('event_id')
        ids.add(event_id)
        if record.pop('request_id', event_id) != event_id:
            raise SystemExit('another request_id: ' + line)
        records[record.pop('timestamp')] = record
    if len(ids) != len(records):
        raise SystemExit('an event_id came twice')
    return records


def main():
    programs = sys.argv[1]
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    seed = int(os.environ.get('SEED', random.randrange(2**32)))
    print('# SEED=%d' % seed)
    r, forms, failed = random.Random(seed), ['vw-lines', 'vw-adf', 'libsvm', 'ffm'], 0
    for n, form in enumerate(forms, 1):
        wrong, count, rejects = [], 0, 0
        for _ in range(rounds):
            text = some_text(r, form)
            wanted = expected(text.replace('\r\n', '\n'), form)
            made = got(programs, text, form)
            count += len(wanted)
            rejects += sum(1 for _ in examples(text.replace('\r\n', '\n'), form)) - len(
                wanted)
            wrong += [(at, wanted.get(at), made.get(at))
                      for at in sorted(set(wanted) | set(made))
                      if wanted.get(at) != made.get(at)]
        good = not wrong and count > 0 and rejects > 0
        failed += not good
        print('%sok %d - %s: %d examples, %d rejects are those of the reference' % (
            '' if good else 'not ', n, form, count, rejects))
        for at, a, b in wrong[:3]:
            print('# example %d\n#   wanted: %r\n#   got:    %r' % (at, a, b))
    print('1..%d' % len(forms))
    return failed > 0


if __name__ == '__main__':
    sys.exit(main())
