# SPDX-License-Identifier: MIT
"""rsyslog, run by hand: it reads lines from a file and forwards them by TCP."""
import os
import signal
import subprocess
import time

import cases

# Octet counting is RFC 6587's 3.4.1, LF its 3.4.2.
FRAMINGS = {"octet": "octet-counted", "lf": "traditional"}

CONFIG = """
global(workDirectory="{folder}")
module(load="imfile" mode="polling" pollingInterval="1")
template(name="rfc5424" type="string" string="<%PRI%>1 2026-11-24T01:02:03.456789Z \
web1.example %app-name% 4711 ID47 [ads@32473 slot=\\"top\\" note=\\"a \\\\\\"b\\\\\\"\\"] %msg%")
input(type="imfile" file="{folder}/lines" tag="banner" facility="local4"
    severity="notice" ruleset="send" readMode="0")
ruleset(name="send") {{
    action(type="omfwd" target="127.0.0.1" port="{port}" protocol="tcp"
        template="rfc5424" tcp_framing="{framing}" action.resumeRetryCount="20")
}}
"""


def lines(name, count):
    return [f'shown {{"event_id": "{name}-{i}"}} žluťoučký kůň' for i in range(count)]


def records(sent):
    """What each line is as RFC 5424 has it."""
    return [{"facility": 20, "severity": 5, "timestamp": 1795482123456789,
             "hostname": "web1.example", "app_name": "banner", "procid": "4711",
             "msgid": "ID47", "structured_data": {"ads@32473": {"slot": "top", "note": 'a "b"'}},
             "message": line} for line in sent]


def start(folder, port, framing, sent):
    root = os.path.join(cases.PEERS, "root", "usr")
    machine = subprocess.run(["gcc", "-print-multiarch"], stdout=subprocess.PIPE,
                             text=True, check=True).stdout.strip()
    libraries = os.path.join(root, "lib", machine)
    config = os.path.join(folder, "rsyslog.conf")
    with open(config, "w") as f:
        f.write(CONFIG.format(folder=folder, port=port, framing=FRAMINGS[framing]))
    with open(os.path.join(folder, "lines"), "w") as f:
        f.write("".join(line + "\n" for line in sent))
    return subprocess.Popen(
        [os.path.join(root, "sbin", "rsyslogd"), "-n", "-iNONE", "-f", config, "-M",
         os.path.join(libraries, "rsyslog")],
        env=dict(os.environ, LD_LIBRARY_PATH=libraries + ":" +
                 os.path.join(cases.PEERS, "root", "lib", machine)))


def stop(daemon):
    daemon.send_signal(signal.SIGTERM)
    daemon.wait(20)


def send(folder, port, framing, sent):
    daemon = start(folder, port, framing, sent)
    path = os.path.join(folder, "bytes")
    for _ in range(200):
        if os.path.exists(path) and open(path, "rb").read().count(b"shown") >= len(sent):
            break
        time.sleep(0.05)
    stop(daemon)
