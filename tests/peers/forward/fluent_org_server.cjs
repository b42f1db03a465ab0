// SPDX-License-Identifier: MIT
//
// fluent_org_server.cjs --port-file F --records F [--key K] [--user U:P] [--count N]
// The server of @fluent-org/logger: a JSON line for each record; ends after --count.
'use strict';
const fs = require('fs');
const {options} = require('./common.cjs');
const o = options();
const {FluentServer, EventTime} = require('@fluent-org/logger');

const [user, password] = (o.user || '').split(':');
const server = new FluentServer({
  listenOptions: {port: 0, host: '127.0.0.1'},
  security: o.key ? {
    serverHostname: 'server.example', sharedKey: o.key, authorize: !!o.user,
    userDict: {[user]: password},
  } : undefined,
});
const out = fs.openSync(o.records, 'w');
let seen = 0;
server.on('entry', (tag, time, record) => {
  const us = time instanceof EventTime ?
    time.epoch * 1e6 + Math.floor(time.nano / 1000) : time * 1e6;
  const plain = JSON.stringify({tag, time: us, record},
    (k, v) => v && v.type === 'Buffer' ? {$bin: Buffer.from(v.data).toString('hex')} : v);
  fs.writeSync(out, plain + '\n');
  // Time for the last acknowledgement to leave before the connection ends.
  if (++seen === o.count) setTimeout(() => server.close(), 300);
});
process.on('SIGTERM', () => process.exit(0));
server.listen().then(() => {
  fs.writeFileSync(o['port-file'] + '.new', String(server.port));
  fs.renameSync(o['port-file'] + '.new', o['port-file']);
});
