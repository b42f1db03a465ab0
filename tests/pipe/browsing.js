// SPDX-License-Identifier: MIT
//
// What tests of pages share: jsdom, TAP, a folder of their own. jsdom is Debian's
// node-jsdom, or wherever NODE_PATH has it; where there is none a test is left out.
'use strict';
const fs = require('fs'), os = require('os'), path = require('path');
process.env.NODE_PATH = [process.env.NODE_PATH, '/usr/share/nodejs'].join(':');
require('module').Module._initPaths();
let jsdom;
try {
	jsdom = require('jsdom');
} catch (e) {
	console.log('1..0 # SKIP no jsdom here (make deps installs node-jsdom)');
	process.exit(0);
}

const root = path.resolve(__dirname, '../..');
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'bannerpipe.'));
let tests = 0, failed = 0;
const ok = function (good, name, detail) {
	tests++;
	failed += !good;
	console.log((good ? 'ok ' : 'not ok ') + tests + ' - ' + name);
	if (!good) console.log('# ' + JSON.stringify(detail));
	return good;
};
const until = async function (condition) {
	for (let i = 0; i < 6000; i++) {
		const value = await condition();
		if (value) return value;
		await new Promise(function (r) { setTimeout(r, 10); });
	}
	return false;
};
// Run it; then `end`, and the plan.
const test = function (main, end) {
	main().catch(function (e) {
		ok(false, 'the test itself', String(e.stack));
	}).then(end).finally(function () {
		fs.rmSync(dir, { recursive: true, force: true });
		console.log('1..' + tests);
		process.exit(failed > 0 ? 1 : 0);
	});
};

module.exports = Object.assign({ root, dir, ok, until, test,
	bin: path.resolve(root, process.env.BUILD || 'build', 'bin') }, jsdom);
