// SPDX-License-Identifier: MIT
//
// What the clients in JavaScript share: arguments, and the records that every client
// sends: numbered, with values of each kind of JSON.
'use strict';
const crypto = require('crypto');

// --name value, or --name alone for true
function options() {
  const found = {count: 10, mode: 'Message', time: 'int', tag: 'ads.web'};
  const words = process.argv.slice(2);
  while (words.length > 0) {
    const name = words.shift().replace(/^--/, '');
    found[name] = words.length > 0 && !words[0].startsWith('--') ? words.shift() : true;
  }
  found.count = Number(found.count);
  found.port = Number(found.port);
  if (found.fixed) {
    let n = 0;
    crypto.randomBytes = size => Buffer.from((++n).toString(16).padStart(2 * size, '0'), 'hex');
  }
  return found;
}

function record(client, i) {
  return {
    event: 'impression',
    event_id: `${client}-${i}`,
    user_id: `u${i % 7}`,
    position: i % 4,
    bid_micros: 1000000 * i - 5,
    probability: i / 8 + 0.125,
    note: 'žluťoučký kůň 🐎 "\\\n',
    nested: {list: [1, -1, true, null, 'x'], empty: {}},
  };
}

// In milliseconds.
const moment = i => 1795458438494 + 1001 * i;

module.exports = {options, record, moment};
