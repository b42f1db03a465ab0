// SPDX-License-Identifier: MIT
//
// fluent_logger.cjs --port N [--mode M] [--count N] [--ack] [--key K] [--user U:P]
//     [--time int|event|float] [--fixed]
// The same as fluent_org.cjs with fluent-logger. Its times are those that its users give
// it: "float" is what a user gives who passes Date.now().
'use strict';
const {options, record, moment} = require('./common.cjs');
const o = options();
const logger = require('fluent-logger');

const [username, password] = (o.user || '').split(':');
const sender = logger.createFluentSender(o.tag, {
  host: '127.0.0.1', port: o.port, timeout: 20000, eventMode: o.mode,
  enableReconnect: false, requireAckResponse: !!o.ack, ackResponseTimeout: 20000,
  flushInterval: 20, sendQueueSizeLimit: 1 << 20,
  security: o.key ?
    {clientHostname: 'client.example', sharedKey: o.key, username, password} : undefined,
  internalLogger: {info() {}, error(text) { console.error(`fluent_logger: ${text}`); }},
});

function time(i) {
  if (o.time === 'event') return logger.EventTime.fromTimestamp(moment(i));
  if (o.time === 'float') return moment(i);
  return Math.floor(moment(i) / 1000);
}

let waiting = o.count;
const late = setTimeout(() => process.exit(3), 30000);
function done(error) {
  if (error) {
    console.error(`fluent_logger: ${error.message}`);
    process.exit(1);
  }
  if (--waiting > 0) return;
  clearTimeout(late);
  sender.end(null, null, () => {});
}
sender.on('error', done);
for (let i = 0; i < o.count; i++)
  sender.emit(record('fluent-logger', i), time(i), done);
