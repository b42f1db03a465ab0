#!/usr/bin/env node
// SPDX-License-Identifier: MIT
//
// The shop of the demo in a browser (jsdom), before the loop of pipelines/live.sh: your own
// clicks change what is shown, and what the bars say, within a second.
'use strict';
const path = require('path');
const { spawn } = require('child_process');
const { JSDOM, VirtualConsole, bin, dir, root, ok, until, test } = require('./browsing.js');

const pipelines = path.join(root, 'pipelines');
const loop = spawn(path.join(pipelines, 'live.sh'), ['-d', dir, '-l', '127.0.0.1:0',
	'-c', path.join(pipelines, 'shop.json'), '-s', path.join(pipelines, 'demo.spec'),
	'-m', '1s', '--', '--pages', path.join(pipelines, 'shop'), '--explain'],
    { stdio: ['ignore', 'ignore', 'pipe'],
	env: Object.assign({}, process.env, { BUILD: path.dirname(bin) }) });
let said = '', base;
loop.stderr.on('data', function (text) { said += text; });

const main = async function () {
	await until(function () { return /listening on (\S+)/.test(said); });
	base = 'http://' + said.match(/listening on (\S+)/)[1];
	const errors = [], console = new VirtualConsole();
	console.on('jsdomError', function (e) { errors.push(String(e)); });
	const page = await JSDOM.fromURL(base + '/', { runScripts: 'dangerously',
		resources: 'usable', pretendToBeVisual: true, virtualConsole: console,
		beforeParse: function (w) {
			w.fetch = function (url, o) { return fetch(new URL(url, base), o); };
			w.navigator.sendBeacon = function (url) {
				fetch(url, { method: 'POST' }).catch(function () {});
				return true;
			};
		} });
	const doc = page.window.document;
	const find = function (what) { return Array.from(doc.querySelectorAll(what)); };
	const bars = function () {
		const found = {};
		find('#bars tr').forEach(function (row) {
			found[row.querySelector('th').textContent] = row.querySelector('meter').value;
		});
		return found;
	};

	ok(await until(function () { return find('#hero a').length && find('#bars tr').length; }),
	    'there is a banner, and why', doc.body.innerHTML);
	ok(find('#goods a').length === 6, 'and there are goods', find('#goods').length);
	ok(find('img').length === find('img[alt]').length && doc.documentElement.lang === 'en' &&
	    find('h1').length === 1, 'readable by who cannot see it');
	ok(find('[style], style, script:not([src])').length === 0, 'nothing is inline');
	const before = bars();
	ok(Object.values(before).every(function (chance) { return chance < .25; }),
	    'to begin with it knows nothing', before);

	// Somebody clicks tea, wherever it is.
	const clickTea = async function () {
		const link = await until(async function () {
			const links = find('#goods a, #hero a').filter(function (a) {
				return /tea|First flush/i.test(a.textContent);
			});
			if (links.length) return links[0];
			doc.dispatchEvent(new page.window.Event('banner-ask'));
			await new Promise(function (r) { setTimeout(r, 300); });
		});
		link.click();
		return Date.now();
	};
	const at = await clickTea();
	ok(await until(function () { return bars().tea > before.tea + .03; }),
	    'what is clicked is likelier to be shown', bars());
	const took = Date.now() - at;
	process.stdout.write('# ' + took + ' ms from click to bar\n');
	// The page asks after half a second; a busy machine may need some more.
	ok(took < 3000, 'which is to be seen at once', took);
	for (let i = 0; i < 4 && bars().tea < .4; i++) {
		const told = doc.querySelector('#model').textContent;
		await clickTea();
		await until(function () {
			return doc.querySelector('#model').textContent !== told;
		});
		await new Promise(function (r) { setTimeout(r, 1100); });
	}
	ok(bars().tea > before.tea + .1, 'and the more so the more often', bars());
	// What others are shown is not what you are: you alone have clicked tea.
	const chance = function () { return bars().tea; }, yours = chance();
	doc.querySelector('#consent').click();
	ok(await until(function () { return chance() < .9 * yours; }),
	    'without consent banners are for everybody', bars());
	const theirs = chance();
	doc.querySelector('#consent').click();
	ok(await until(function () { return chance() > 1.05 * theirs; }),
	    'and with it they are for you again', bars());
	doc.querySelector('#forget').click();
	ok(await until(function () { return chance() < .9 * yours; }), 'you can be forgotten', bars());
	ok(errors.length === 0, 'no script has failed', errors);
	page.window.close();
	loop.kill();
	ok(await new Promise(function (r) { loop.on('exit', r); }) === 0, 'the loop ends', said);
};

test(main, function () { if (loop.exitCode === null) loop.kill(); });
