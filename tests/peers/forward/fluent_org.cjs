// SPDX-License-Identifier: MIT
//
// fluent_org.cjs --port N [--mode M] [--count N] [--ack] [--key K] [--user U:P]
//     [--time int|event] [--fixed]
// Sends numbered records with @fluent-org/logger; fails when one is not sent (or, with
// --ack, not acknowledged).
'use strict';
const {options, record, moment} = require('./common.cjs');
const o = options();
const {FluentClient} = require('@fluent-org/logger');

const [username, password] = (o.user || '').split(':');
const client = new FluentClient(o.tag, {
  eventMode: o.mode,
  milliseconds: o.time === 'event',
  ack: o.ack ? {ackTimeout: 20000} : undefined,
  security: o.key ?
    {clientHostname: 'client.example', sharedKey: o.key, username, password} : undefined,
  socket: {host: '127.0.0.1', port: o.port, disableReconnect: true, timeout: 20000},
  // Several chunks, so that some are sent before the first is acknowledged.
  sendQueueSyncFlushLimit: {length: Math.max(3, Math.ceil(o.count / 8))},
  flushInterval: 20,
});

async function main() {
  await client.connect();
  const sent = [];
  for (let i = 0; i < o.count; i++)
    sent.push(client.emit(record('fluent-org', i), moment(i)));
  await Promise.all(sent);
  await client.disconnect();
}

client.socketOn('error', e => {
  console.error(`fluent_org: ${e.message}`);
  process.exit(1);
});
const late = setTimeout(() => process.exit(3), 30000);
main().then(() => clearTimeout(late), e => {
  console.error(`fluent_org: ${e.message}`);
  process.exit(1);
});
process.on('unhandledRejection', () => {});
