#!/usr/bin/env python3
"""Checks a published Linli book without trusting whoever published it. 核验一本公开账本，无需信任公布者。

    python3 linli_verify.py book.json                        the whole book 整本账
    python3 linli_verify.py book.json --contribution ID      and that this transaction is in it 某笔款项是否入账
    python3 linli_verify.py book.json --older head.txt       and that nothing was rewritten since 此后是否被改写
    python3 linli_verify.py proof.json                       one proof of inclusion or consistency 单项证明
    ... --key HEX                                            only with the key that you have on paper 只认纸上公钥

Needs Python 3.8 or newer and nothing else: no package, no network, not the program that made the book. Ends with 0 when
everything holds, 1 when something does not, 2 when the file cannot be read. How it works is told in the README beside it.
"""

import argparse
import base64
import hashlib
import json
import sys

# ---- Ed25519 (RFC 8032), verification only, written to be read rather than to be fast ----

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)


def add_points(a, b):
    """Add two points in extended coordinates (RFC 8032, 5.1.4)."""
    e = (a[1] - a[0]) * (b[1] - b[0]) % P
    f = (a[1] + a[0]) * (b[1] + b[0]) % P
    g = 2 * a[3] * b[3] * D % P
    h = 2 * a[2] * b[2] % P
    x, y, z, t = f - e, h - g, h + g, f + e
    return x * y % P, z * t % P, y * z % P, x * t % P


def times(scalar, point):
    """Multiply a point."""
    result = (0, 1, 1, 0)
    while scalar > 0:
        if scalar & 1:
            result = add_points(result, point)
        point = add_points(point, point)
        scalar >>= 1
    return result


def read_point(data):
    """Decompress a point (RFC 8032, 5.1.3); None when there is none."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


BASE = read_point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def signature_holds(public, message, signature):
    """Tell whether an Ed25519 signature is good."""
    if len(public) != 32 or len(signature) != 64:
        return False
    a, r, s = read_point(public), read_point(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= ORDER:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    left, right = times(s, BASE), add_points(r, times(h, a))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0


# ---- Leaves and the Merkle tree (RFC 6962, section 2.1) ----

FIELDS = [
    "transaction_id",
    "leg",
    "kind",
    "debit_account_id",
    "credit_account_id",
    "unit",
    "amount_fen",
    "debit_sequence",
    "debit_after_fen",
    "credit_sequence",
    "credit_after_fen",
    "description",
    "effective_on",
    "actor_sha256",
    "written_at",
    "hold_id",
    "original_id",
    "document_sha256",
]


def leaf_hash(tenant, book_id, line):
    """Hash a line of the book: each field is its length in four bytes and its text; nothing is 0xFFFFFFFF."""
    content = b""
    for field in ["linli/posting/1", tenant, book_id] + [line[name] for name in FIELDS]:
        if field is None:
            content += b"\xff\xff\xff\xff"
        else:
            text = str(field).encode()
            content += len(text).to_bytes(4, "big") + text
    return hashlib.sha256(b"\x00" + content).digest()


def node(left, right):
    """Hash two subtrees into one."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def tree_root(leaves):
    """Compute the root over leaf hashes: pairs are hashed level by level, one left over goes up unchanged."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    while len(leaves) > 1:
        pairs = [node(leaves[i], leaves[i + 1]) for i in range(0, len(leaves) - 1, 2)]
        leaves = pairs + leaves[len(leaves) & ~1 :]
    return leaves[0]


def root_by_inclusion(index, size, leaf, proof):
    """Follow an inclusion proof (RFC 9162, 2.1.3.2); None when it has the wrong length."""
    fn, sn, root = index, size - 1, leaf
    for part in proof:
        if sn == 0:
            return None
        if fn & 1 or fn == sn:
            root = node(part, root)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            root = node(root, part)
        fn, sn = fn >> 1, sn >> 1
    return root if sn == 0 else None


def roots_by_consistency(first, second, first_root, proof):
    """Follow a consistency proof (RFC 9162, 2.1.4.2); returns the two roots it leads to, or None."""
    if first == second:
        return (first_root, first_root) if not proof else None
    path = list(proof)
    if first & (first - 1) == 0:
        path.insert(0, first_root)
    if not path:
        return None
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    old = new = path[0]
    for part in path[1:]:
        if sn == 0:
            return None
        if fn & 1 or fn == sn:
            old, new = node(part, old), node(part, new)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            new = node(new, part)
        fn, sn = fn >> 1, sn >> 1
    return (old, new) if sn == 0 else None


# ---- Notes: what was signed, and by whom ----


class Note:
    """A signed head: origin, number of lines, root; a text that anybody can keep on paper."""

    def __init__(self, text) :
        body, _, signatures = text.replace("\r\n", "\n").partition("\n\n")
        lines = body.split("\n")
        self.text = body + "\n"
        self.origin, self.size, self.root = lines[0], int(lines[1]), base64.b64decode(lines[2], validate=True)
        self.signatures = [line.split(" ") for line in signatures.split("\n") if line]

    def is_signed_by(self, public):
        """Tell whether the keeper of the book has signed this with a key."""
        return any(
            len(parts) == 3 and parts[0] == "\u2014" and self._holds(parts[1], 1, public, base64.b64decode(parts[2]))
            for parts in self.signatures
        )

    def is_cosigned(self, line, name, public):
        """Tell whether a witness's line is a good signature over this."""
        parts = line.split(" ")
        if len(parts) != 3 or parts[1] != name:
            return False
        data = base64.b64decode(parts[2])
        moment = int.from_bytes(data[4:12], "big")
        message = ("cosignature/v1\ntime %d\n%s" % (moment, self.text)).encode()
        return data[:4] == key_id(name, 4, public) and signature_holds(public, message, data[12:])

    def _holds(self, name, kind, public, data):
        return data[:4] == key_id(name, kind, public) and signature_holds(public, self.text.encode(), data[4:])


def key_id(name, kind, public):
    """Return the four bytes by which a signature names its key."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


# ---- What is checked ----


class Report:
    """What held and what did not."""

    def __init__(self):
        self.bad = 0

    def say(self, good, zh, en):
        """Print one finding."""
        self.bad += not good
        print("%s %s  %s" % ("\u2713" if good else "\u2717", zh, en))
        return good


def check_note(report, note, keys, pinned):
    """Check who signed a head. A key that comes with the file proves little: compare it with the one on paper."""
    wanted = [pinned] if pinned else keys
    report.say(any(note.is_signed_by(bytes.fromhex(key)) for key in wanted), "签名有效", "the head's signature is good")
    if not pinned:
        print("  公钥 key %s（请与纸上公布的核对 compare it with the one on paper, or use --key）" % ", ".join(keys))


def check_lines(report, lines):
    """Check that each account's moves are without gaps and that each balance follows from the one before."""
    moves = {}
    for line in lines:
        if line["unit"] == "CNY" and not 0 < line["amount_fen"] < 2**53:
            return report.say(False, "金额超出范围", "an amount is out of range: line %d" % line["index"])
        moves.setdefault(line["debit_account_id"], []).append(
            (line["debit_sequence"], line["amount_fen"], line["debit_after_fen"], line["index"])
        )
        moves.setdefault(line["credit_account_id"], []).append(
            (line["credit_sequence"], -line["amount_fen"], line["credit_after_fen"], line["index"])
        )
    for account, steps in sorted(moves.items()):
        balance = 0
        for number, (sequence, amount, after, index) in enumerate(sorted(steps), start=1):
            balance += amount
            if sequence != number or after != balance:
                return report.say(False, "科目流水不连续", "account %s does not add up at line %d" % (account, index))
    return report.say(True, "各科目流水连续、余额逐笔相符", "every account is without gaps and adds up line by line")


def check_statement(report, book, statement, hashes):
    """Compute a statement anew from the lines: opening, moves and closing of each account, and the money in and out."""
    known = {account["id"]: account for account in book["accounts"]}
    first, last = statement["first_on"], statement["last_on"]
    inside = [line for line in book["lines"] if first <= line["effective_on"] <= last]
    before = [line for line in book["lines"] if line["effective_on"] < first]
    for row in statement["accounts"]:
        sign = 1 if known[row["id"]]["class"] in ("asset", "expense", "clearing", "budget", "memo") else -1
        opening = sign * sum(moved(line, row["id"]) for line in before)
        debits = sum(line["amount_fen"] for line in inside if line["debit_account_id"] == row["id"])
        credits = sum(line["amount_fen"] for line in inside if line["credit_account_id"] == row["id"])
        found = (opening, debits, credits, opening + sign * (debits - credits))
        if found != (row["opening"], row["debits"], row["credits"], row["closing"]):
            return report.say(
                False, "公示表与明细不符", "the statement differs from the lines at {}".format(row["code"])
            )
    used = {line[side] for line in inside + before for side in ("debit_account_id", "credit_account_id")}
    digest = hashlib.sha256(
        b"".join(
            hashes[line["index"]] for line in sorted(inside, key=lambda item: (item["transaction_id"], item["leg"]))
        )
    ).hexdigest()
    good = (
        used <= {row["id"] for row in statement["accounts"]}
        and len(inside) == statement["lines"]
        and digest == statement["lines_sha256"]
    )
    good = good and cash_holds(statement, known, inside)
    return report.say(good, f"公示表 {first} 至 {last} 与明细相符", "the statement follows from the lines")


def moved(line, account):
    """Return what a line adds to an account, debit less credit."""
    return line["amount_fen"] * ((line["debit_account_id"] == account) - (line["credit_account_id"] == account))


def cash_holds(statement, known, inside):
    """Compute the money in by source and out by purpose anew."""
    cash = statement["cash"]
    banks = {
        key for key, account in known.items() if account["code"].split(":")[0] == "bank" and account["unit"] == "CNY"
    }
    came, went = {}, {}
    for line in inside:
        debit, credit = line["debit_account_id"], line["credit_account_id"]
        if debit in banks and credit not in banks:
            came[credit] = came.get(credit, 0) + line["amount_fen"]
        if credit in banks and debit not in banks:
            went[debit] = went.get(debit, 0) + line["amount_fen"]
    said_in = {row["account_id"]: row["amount"] for row in cash["in"]}
    said_out = {row["account_id"]: row["amount"] for row in cash["out"]}
    opening = sum(row["opening"] for row in statement["accounts"] if row["id"] in banks)
    closing = sum(row["closing"] for row in statement["accounts"] if row["id"] in banks)
    adds_up = opening + sum(came.values()) - sum(went.values()) == closing
    return (said_in, said_out, cash["opening"], cash["closing"]) == (came, went, opening, closing) and adds_up


def check_book(report, book, options) :
    """Check a whole book."""
    note, lines = Note(book["note"]), book["lines"]
    check_note(report, note, book["public_keys"], options.key)
    report.say(
        note.origin == "linli/{}/{}".format(book["tenant"], book["book_id"]),
        "签名属于这本账",
        "the head is of this book",
    )
    in_order = [line["index"] for line in lines] == list(range(note.size))
    report.say(in_order, "共 %d 笔，无缺失" % note.size, "all %d lines are there" % note.size)
    hashes = [leaf_hash(book["tenant"], book["book_id"], line) for line in lines]
    report.say(
        tree_root(hashes) == note.root, "每一笔与签名的根相符", "every line is as it was when the head was signed"
    )
    check_lines(report, lines)
    for statement in book["statements"]:
        check_statement(report, book, statement, hashes)
    for signed in book["cosignatures"]:
        good = note.is_cosigned(signed["line"], signed["witness"], bytes.fromhex(signed["public_key"]))
        report.say(
            good, "见证方联署有效: {}".format(signed["title"]), "signed by the witness {}".format(signed["witness"])
        )
    for path in options.older:
        check_older(report, note, hashes, read_older(path))
    for wanted in options.contribution:
        found = [line for line in lines if line["transaction_id"] == wanted]
        amount = sum(line["amount_fen"] for line in found)
        report.say(bool(found), f"款项 {wanted} 已入账 {amount / 100:.2f} 元", "the transaction is in the book")


def check_older(report, note, hashes, older) :
    """Check that the book of today begins with the book of an older head."""
    same = older.origin == note.origin and older.size <= len(hashes)
    good = same and tree_root(hashes[: older.size]) == older.root
    report.say(good, "自第 %d 笔的旧签名以来未被改写" % older.size, "nothing was rewritten or cut since the older head")


def read_older(path):
    """Read an older head: a note kept as text, or a book, proof or head kept as JSON."""
    with open(path, encoding="utf-8-sig") as file:
        text = file.read()
    return Note(json.loads(text)["note"] if text.lstrip().startswith("{") else text)


def check_inclusion(report, proof, options) :
    """Check that one line is in the book."""
    note, line = Note(proof["note"]), proof["line"]
    check_note(report, note, proof["public_keys"], options.key)
    leaf = leaf_hash(proof["tenant"], proof["book_id"], line)
    root = root_by_inclusion(line["index"], note.size, leaf, [bytes.fromhex(item) for item in proof["hashes"]])
    good = root == note.root and note.origin == "linli/{}/{}".format(proof["tenant"], proof["book_id"])
    report.say(good, "该笔 %.2f 元已在账中" % (line["amount_fen"] / 100), "the line is in the book of the signed head")


def check_consistency(report, proof, options) :
    """Check that a newer head only adds to an older one."""
    older, newer = Note(proof["first_note"]), Note(proof["second_note"])
    for note in (older, newer):
        check_note(report, note, proof["public_keys"], options.key)
    roots = roots_by_consistency(older.size, newer.size, older.root, [bytes.fromhex(item) for item in proof["hashes"]])
    good = older.origin == newer.origin and roots == (older.root, newer.root)
    report.say(good, "新账只增不改", "the newer head only adds to the older one")


CHECKS = {"linli/book/1": check_book, "linli/inclusion/1": check_inclusion, "linli/consistency/1": check_consistency}


def main():
    """Run the checks that a file asks for."""
    parser = argparse.ArgumentParser(description="Check a published Linli book 核验公开账本")
    parser.add_argument("file", help="book.json or a proof")
    parser.add_argument("--key", help="the public key on paper, 64 hexadecimal digits 纸上公布的公钥")
    parser.add_argument("--older", action="append", default=[], help="an older head that you have kept 留存的旧签名")
    parser.add_argument(
        "--contribution", action="append", default=[], help="a transaction that must be in the book 款项编号"
    )
    options = parser.parse_args()
    report = Report()
    try:
        with open(options.file, encoding="utf-8-sig") as file:
            document = json.load(file)
        CHECKS[document["format"]](report, document, options)
    except (OSError, ValueError, KeyError, TypeError, IndexError) as problem:
        print("\u2717 文件无法读取或已损坏  the file cannot be read, or is damaged: %r" % problem)
        return 2
    print("核验通过 accepted" if not report.bad else "核验不通过 REFUSED: %d" % report.bad)
    return 1 if report.bad else 0


if __name__ == "__main__":
    sys.exit(main())
