"""Computes an audit export again, from README alone. Exit 0: every hash is right."""
import hashlib
import json
import sys


def over(*texts):
    digest = hashlib.sha256()
    for text in texts:
        utf8 = str(text).encode()
        digest.update(len(utf8).to_bytes(4, "big") + utf8)
    return digest.hexdigest()


segments, previous, chain, count, end = {}, None, None, 0, None
for line in map(json.loads, open(sys.argv[1], encoding="utf-8")):
    if line["type"] == "segment":
        segments[line["first"]] = line
    elif line["type"] == "record":
        start = segments.get(line["sequence"])
        if start:
            assert start["previousHash"] in ("", previous), "chain does not go on"
            chain = start["chain"]
            previous = over(
                "serai-audit-chain-v1", start["trustDomain"], chain, start["first"],
                start["startedAt"], start["cause"], start["previousChain"],
                start["previousSequence"], start["previousHash"])
        previous = over(
            "serai-audit-record-v1", chain, line["sequence"], line["at"], line["kind"],
            line["subject"], line["actor"], line["trace"], line["reasons"], line["detail"],
            previous)
        assert previous == line["hash"], "record %d" % line["sequence"]
        count += 1
    elif line["type"] == "end":
        end = line
assert end and end["records"] == count and end["hash"] == previous, "cut"
print(count)
