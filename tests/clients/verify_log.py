"""Verifies the signed log of a running registry, from nothing but its public key.

It shares no code with the registry: Python's standard library, RFC 6962, RFC 8032 and the C2SP
pages signed-note, tlog-checkpoint, tlog-tiles, tlog-proof and tlog-cosignature.

stdin: {"url", "log": "" or "reads/", "token", "vkey", "old": an earlier checkpoint or null, "seed": hex of a witness' key or null}
stdout: what was verified, as JSON; ends with an error at the first thing that does not hold.
"""

import base64
import hashlib
import json
import sys
import time
import urllib.request

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
I = pow(2, (P - 1) // 4, P)


def recover_x(y, sign):
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * I % P
    if (x * x - x2) % P or y >= P:
        raise ValueError("no point of the curve")
    return P - x if x & 1 != sign else x


def add(p, q):
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def times(scalar, point):
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point, scalar = add(point, point), scalar >> 1
    return result


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE_X = recover_x(BASE_Y, 0)
BASE = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)


def compress(point):
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def decompress(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    x = recover_x(y, sign)
    return (x, y, 1, x * y % P)


def sha512_int(data):
    return int.from_bytes(hashlib.sha512(data).digest(), "little")


def ed25519_verifies(key, message, signature):
    r, s = decompress(signature[:32]), int.from_bytes(signature[32:], "little")
    h = sha512_int(signature[:32] + key + message) % L
    return s < L and compress(times(s, BASE)) == compress(add(r, times(h, decompress(key))))


def ed25519_sign(seed, message):
    digest = hashlib.sha512(seed).digest()
    a = int.from_bytes(digest[:32], "little") & (1 << 254) - 8 | 1 << 254
    key = compress(times(a, BASE))
    r = sha512_int(digest[32:] + message) % L
    point = compress(times(r, BASE))
    s = (r + sha512_int(point + key + message) * a) % L
    return key, point + s.to_bytes(32, "little")


def sha256(data):
    return hashlib.sha256(data).digest()


def key_id(name, kind, key):
    return sha256(name.encode() + b"\n" + bytes([kind]) + key)[:4]


class Key:
    def __init__(self, vkey):
        self.name, ident, data = vkey.strip().split("+", 2)
        data = base64.b64decode(data, validate=True)
        self.kind, self.key = data[0], data[1:]
        self.id = key_id(self.name, self.kind, self.key)
        assert self.id.hex() == ident and len(self.key) == 32

    def open(self, note):
        """Size and root of a checkpoint that this key signed."""
        text, signatures = note.split("\n\n", 1)
        text += "\n"
        for line in signatures.splitlines():
            dash, name, blob = line.split(" ")
            blob = base64.b64decode(blob, validate=True)
            if dash == "—" and name == self.name and blob[:4] == self.id:
                assert ed25519_verifies(self.key, text.encode(), blob[4:]), "wrong signature"
                origin, size, root = text.splitlines()
                assert origin == self.name
                return int(size), base64.b64decode(root, validate=True), text
        raise AssertionError("the checkpoint is not signed by the log")


def leaf(entry):
    return sha256(b"\0" + entry)


def node(left, right):
    return sha256(b"\1" + left + right)


def root_of(hashes):
    """RFC 6962 section 2.1, word for word."""
    if not hashes:
        return sha256(b"")
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return node(root_of(hashes[:k]), root_of(hashes[k:]))


def verify_inclusion(index, size, entry_hash, proof, root):
    """RFC 9162 section 2.1.3.2."""
    assert index < size
    fn, sn, r = index, size - 1, entry_hash
    for p in proof:
        assert sn != 0
        if fn & 1 or fn == sn:
            r = node(p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node(r, p)
        fn, sn = fn >> 1, sn >> 1
    assert sn == 0 and r == root, "the inclusion proof does not hold"


def verify_consistency(first, second, first_root, second_root, proof):
    """RFC 9162 section 2.1.4.2."""
    if first == second:
        assert not proof and first_root == second_root
        return
    if first == 0:
        assert not proof
        return
    if first & (first - 1) == 0:
        proof = [first_root] + proof
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = proof[0]
    for c in proof[1:]:
        assert sn != 0
        if fn & 1 or fn == sn:
            fr, sr = node(c, fr), node(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node(sr, c)
        fn, sn = fn >> 1, sn >> 1
    assert sn == 0 and fr == first_root and sr == second_root, "the consistency proof does not hold"


def number(index):
    parts = [f"{index % 1000:03}"]
    while index >= 1000:
        index //= 1000
        parts.insert(0, f"x{index % 1000:03}")
    return "/".join(parts)


def tile_path(level, index, width):
    return f"{level}/{number(index)}" + (f".p/{width}" if width < 256 else "")


class Log:
    def __init__(self, url, log, token):
        self.url, self.token = f"{url}/v1/log/{log}", token

    def get(self, path, body=None):
        request = urllib.request.Request(self.url + path, data=body)
        request.add_header("authorization", f"Bearer {self.token}")
        if body is not None:
            request.add_header("content-type", "text/plain")
        with urllib.request.urlopen(request) as answer:
            return answer.read()

    def text(self, path):
        return self.get(path).decode()


def hashes_of(text):
    return [base64.b64decode(line, validate=True) for line in text.splitlines()]


def main():
    task = json.load(sys.stdin)
    log, key = Log(task["url"], task["log"], task["token"]), Key(task["vkey"])
    note = log.text("checkpoint")
    size, root, text = key.open(note)

    # Every record, hashed here, against every tile and the signed root.
    leaves = []
    for index in range((size + 255) // 256):
        width = min(256, size - index * 256)
        bundle, at = log.get("tile/" + tile_path("entries", index, width)), 0
        while at < len(bundle):
            length = int.from_bytes(bundle[at : at + 2], "big")
            leaves.append(leaf(bundle[at + 2 : at + 2 + length]))
            at += 2 + length
        assert at == len(bundle)
    assert len(leaves) == size
    level, nodes = 0, leaves
    while nodes:
        for index in range((len(nodes) + 255) // 256):
            part = nodes[index * 256 : index * 256 + 256]
            assert log.get("tile/" + tile_path(level, index, len(part))) == b"".join(part), "tile"
        whole = len(nodes) // 256
        nodes = [root_of(nodes[i * 256 : i * 256 + 256]) for i in range(whole)]
        level += 1
    assert root_of(leaves) == root, "the records do not make the signed root"

    # Proofs of single records, in the newest tree and in older ones.
    proofs = 0
    for position in sorted({1, 2, size // 3 + 1, size // 2 + 1, size}):
        for of in sorted({size, position, (position + size) // 2}):
            proof = log.text(f"proof?position={position}&size={of}")
            head, signed = proof.split("\n\n", 1)
            lines = head.splitlines()
            assert lines[:2] == ["c2sp.org/tlog-proof@v1", f"index {position - 1}"]
            of_size, of_root, _ = key.open(signed)
            assert of_size == of
            entry = leaf(log.get(f"entries/{position}"))
            path = hashes_of("\n".join(lines[2:]))
            verify_inclusion(position - 1, of, entry, path, of_root)
            proofs += 1
    for first in range(1, size + 1, max(1, size // 40)):
        answer = log.text(f"consistency?from={first}&to={size}")
        head, signed = answer.split("\n\n", 1) if not answer.startswith("\n") else ("", answer[1:])
        assert key.open(signed)[:2] == (size, root)
        verify_consistency(first, size, root_of(leaves[:first]), root, hashes_of(head))
        proofs += 1
    if task["old"]:
        old_size, old_root, _ = key.open(task["old"])
        answer = log.text(f"consistency?from={old_size}&to={size}")
        head = answer.split("\n\n", 1)[0] if not answer.startswith("\n") else ""
        verify_consistency(old_size, size, old_root, root, hashes_of(head))
        proofs += 1

    taken = []
    if task["seed"]:
        seed, name, now = bytes.fromhex(task["seed"]), "witness.example", int(time.time())
        message = f"cosignature/v1\ntime {now}\n{text}".encode()
        public, signature = ed25519_sign(seed, message)
        blob = key_id(name, 4, public) + now.to_bytes(8, "big") + signature
        line = f"— {name} {base64.b64encode(blob).decode()}\n"
        taken = json.loads(log.get("cosignature", (note + line).encode()))["taken"]
        cosigned = log.text("checkpoint?cosigned=true")
        assert key.open(cosigned)[:2] == (size, root) and line in cosigned
    print(json.dumps({"size": size, "proofs": proofs, "taken": taken, "checkpoint": note}))


main()
