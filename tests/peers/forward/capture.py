#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""capture.py [NAME...]: write the golden files of tests/data/forward afresh, from real
clients (all, or those named), with the records that wire.py reads in them."""
import json
import os
import subprocess
import sys
import tempfile
import time

import cases
import rsyslog
import wire

DATA = os.path.join(cases.ROOT, "tests", "data", "forward")


def wait_for(path):
    for _ in range(400):
        if os.path.exists(path):
            return open(path).read()
        time.sleep(0.025)
    raise SystemExit(f"capture: no {path}")


def serve(folder, *words):
    port = os.path.join(folder, "port")
    server = subprocess.Popen(
        [sys.executable, os.path.join(cases.HERE, "server.py"), "--port-file", port,
         "--capture", os.path.join(folder, "bytes"),
         "--records", os.path.join(folder, "records"), *words])
    return server, wait_for(port)


def store(name, library, data, about):
    with open(os.path.join(DATA, name + ".bin"), "wb") as f:
        f.write(data)
    text = json.dumps({"client": library, **about}, ensure_ascii=False, indent=1)
    with open(os.path.join(DATA, name + ".json"), "w") as f:
        f.write(text + "\n")
    print(f"{name}: {len(data)} bytes, {len(about['records'])} records")


def forward(case):
    with tempfile.TemporaryDirectory() as folder:
        words = ["--count", "10", "--until-closed", "--fixed", "--key", case.key,
                 "--user", case.user]
        server, port = serve(folder, *words)
        given = {} if case.name.startswith("python-") else {"fixed": True}
        subprocess.run(cases.options(case, port=port, **given), check=True, timeout=60,
                       env=cases.environment())
        if server.wait(30) != 0:
            raise SystemExit(f"capture: {case.name}: the server got too little")
        data = open(os.path.join(folder, "bytes"), "rb").read()
        records = [json.loads(line) for line in open(os.path.join(folder, "records"))]
    about = {"records": records}
    if case.key:
        about = {"key": case.key, "user": case.user, **about}
    store(case.name, case.library, data, about)


def syslog(framing):
    with tempfile.TemporaryDirectory() as folder:
        server, port = serve(folder, "--raw", "--quiet", "3")
        lines = rsyslog.lines("rsyslog", 10)
        rsyslog.send(folder, port, framing, lines)
        server.wait(30)
        data = open(os.path.join(folder, "bytes"), "rb").read()
    store("rsyslog-" + framing, "rsyslog 8.2302.0 omfwd", data,
          {"records": rsyslog.records(lines)})


def main():
    os.makedirs(DATA, exist_ok=True)
    wanted = sys.argv[1:]
    for case in cases.CASES:
        if not wanted or case.name in wanted:
            forward(case)
    for framing in rsyslog.FRAMINGS:
        if not wanted or "rsyslog-" + framing in wanted:
            syslog(framing)


if __name__ == "__main__":
    main()
