#!/usr/bin/env node
// SPDX-License-Identifier: MIT
//
// banner.js in a browser (jsdom) that talks to a real bp-serve: what a shop has to write,
// what is shown and told, and that nothing of a catalogue runs. jsdom has neither layout
// nor beacons: an observer and a beacon that the test holds stand for them. 
'use strict';
const fs = require('fs'), path = require('path');
const { spawn, execFileSync } = require('child_process');
const { JSDOM, VirtualConsole, ResourceLoader, bin, dir, ok, until, test } = require('./browsing.js');

// --- A server, and the page of a shop that is elsewhere

const evil = '"><img src=x onerror="top.ran=1"><script>top.ran=1</script>';
const shop = [
	{ creative_id: 'good', slot_ids: ['top'], url: 'https://shop.example/tea', width: 300,
		height: 250, parts: { headline: 'Tea', text: 'Green', call_to_action: 'Buy',
			image_url: 'https://shop.example/tea.png' } },
	{ creative_id: 'one', slot_ids: ['two'], parts: { headline: 'One' } },
	{ creative_id: 'two', slot_ids: ['two'], parts: { headline: 'Two' } },
	{ creative_id: 'bad', slot_ids: ['evil'], url: 'javascript:top.ran=1',
		parts: { headline: evil, call_to_action: evil,
			image_url: 'javascript:top.ran=1' } },
	{ creative_id: 'quoted', slot_ids: ['quoted'], url: 'https://shop.example/' + evil,
		parts: { headline: 'q', image_url: 'data:text/html,' + evil } },
	{ creative_id: 'spare', slot_ids: ['banner'], parts: { headline: 'Spare' } },
];
fs.writeFileSync(path.join(dir, 'shop.json'), shop.map(function (c) {
	return JSON.stringify(Object.assign({ event: 'creative', timestamp: 1 }, c)) + '\n';
}).join(''));
const log = fs.openSync(path.join(dir, 'log'), 'w');
const server = spawn(path.join(bin, 'bp-serve'), ['-l', '127.0.0.1:0', '-c', 'shop.json',
	'-p', 'uniform', '--origins', 'https://shop.example', '--tick', '10ms'],
    { cwd: dir, stdio: ['ignore', log, 'pipe'] });
let said = '', base;
server.stderr.on('data', function (text) { said += text; });
const events = function (kind) {
	const out = execFileSync(path.join(bin, 'bp-print'), ['--format', 'json',
		path.join(dir, 'log')], { stdio: ['ignore', 'pipe', 'ignore'] }).toString();
	return out.split('\n').filter(Boolean).map(JSON.parse).filter(
	    function (r) { return r.event === kind; });
};

// A script comes from the server, all else from nowhere.
class Loader extends ResourceLoader {
	fetch(url, options) {
		return url.startsWith(base) ? super.fetch(url, options) : Promise.resolve(Buffer.from(''));
	}
}
const visit = async function (body, options) {
	const errors = [], seen = [], sent = [], shown = [];
	const told = new VirtualConsole();
	told.on('jsdomError', function (e) { errors.push(String(e)); });
	const page = new JSDOM('<!doctype html><title>shop</title>' + body, {
		url: 'https://shop.example/page', runScripts: 'dangerously',
		resources: new Loader(), pretendToBeVisual: true, virtualConsole: told,
		beforeParse: function (w) {
			w.fetch = function (url, o) {
				return fetch(url, Object.assign({}, o,
				    { headers: { Origin: 'https://shop.example' } }));
			};
			w.addEventListener('banner', function (e) { shown.push(e.detail); });
			if (!(options || {}).noObserver) w.IntersectionObserver = class {
				constructor(call) { this.call = call; seen.push(this); }
				observe(e) { this.element = e; }
				disconnect() { this.gone = true; }
				see(ratio) {
					this.call([{ intersectionRatio: ratio,
						intersectionRect: { height: 0 } }]);
				}
			};
			w.navigator.sendBeacon = function (url) {
				sent.push(String(url));
				if ((options || {}).fullBeacon) return false;
				fetch(url, { method: 'POST' }).catch(function () {});
				return true;
			};
			if ((options || {}).before) options.before(w);
		},
	});
	await until(function () { return shown.length >= ((options || {}).banners || 1); });
	return { page, window: page.window, document: page.window.document, errors, seen, sent,
		shown };
};
const tag = function (data) {
	return '<script async src="' + base + '/v1/banner.js" ' + (data || '') + '></script>';
};

const main = async function () {
	await until(function () { return /listening on (\S+)/.test(said); });
	base = 'http://' + said.match(/listening on (\S+)/)[1];

	// One line
	let v = await visit('<main>' + tag('data-banner="top" data-user="anna"') + '</main>');
	let a = v.document.querySelector('main > [data-banner] > .banner > a');
	ok(a && a.textContent === 'TeaGreenBuy', 'one line in a page becomes a banner',
	    v.document.body.innerHTML);
	ok(a.href.startsWith(base + '/v1/click?'), 'its link counts the click', a.href);
	const image = a.querySelector('img');
	ok(image.src === 'https://shop.example/tea.png' && image.width === 300 &&
	    image.alt === 'Tea', 'it has a picture', image.outerHTML);
	ok(!v.document.querySelector('[style], style, script:not([src]), [onclick]'),
	    'without inline style or script', v.document.documentElement.outerHTML);
	ok(v.sent.length === 0, 'nobody has seen it yet', v.sent);
	v.seen[0].see(.4);
	v.seen[0].see(.6);
	v.seen[0].see(.2);
	v.seen[0].see(.6);
	await until(function () { return v.sent.length; });
	ok(v.sent.length === 1 && v.seen[0].gone, 'seen for a second it tells so, once', v.sent);
	ok(await until(function () { return events('impression').length === 1; }),
	    'which is an impression');
	const click = await fetch(a.href, { redirect: 'manual' });
	ok(click.headers.get('location') === 'https://shop.example/tea', 'a click leads on');
	ok(await until(function () { return events('click').length === 1; }), 'and counts');
	ok(events('decision')[0].user_id === 'anna', 'the shop may say who it is');

	// Elements
	v = await visit('<div data-banner="two" data-count="2.5" data-consent="no" ' +
	    'data-user="anna" data-context-page="home"></div><p data-banner="none">stays</p>' +
	    '<div data-banner="top">spare</div>' + tag(), { banners: 2 });
	const texts = Array.from(v.document.querySelectorAll('[data-banner="two"] .banner'));
	ok(texts.map(function (e) { return e.textContent; }).sort().join() === 'One,Two',
	    'an element may have several', v.document.body.innerHTML);
	ok(v.document.querySelector('p').textContent === 'stays',
	    'what is there stays where there is no banner');
	ok(!v.document.querySelector('[data-banner="banner"]'), 'the script is no banner then');
	let asked = await until(function () {
		const r = events('request').filter(function (q) { return q.slot_id === 'two'; });
		return r.length && r;
	});
	ok(asked[0].context.page === 'home', 'the context is told');
	ok(!('user_id' in asked[0]) && asked[0].consent.personalization === false,
	    'without consent nobody is named', asked[0]);

	// What changes later
	v.document.addEventListener('click', function (e) { e.preventDefault(); });
	v.document.querySelector('[data-banner="top"] a').click();
	v.document.querySelector('[data-banner="top"] a').click();
	ok(v.sent.length === 1, 'who clicks has seen it, once', v.sent);
	const before = v.shown.length;
	v.document.dispatchEvent(new v.window.Event('banner-ask'));
	ok(await until(function () { return v.shown.length >= before + 2; }),
	    'a page may ask again');

	// Nothing runs
	v = await visit('<div data-banner="evil"></div><div data-banner="quoted"></div>' + tag(),
	    { banners: 2 });
	a = v.document.querySelector('[data-banner="evil"] a');
	ok(a.textContent.includes('<script>') && !a.querySelector('script, img'),
	    'HTML of a catalogue is text', a.outerHTML);
	ok(!a.hasAttribute('href'), 'no link leads to a script', a.outerHTML);
	a = v.document.querySelector('[data-banner="quoted"] a');
	ok(!a.querySelector('img') && !a.hasAttribute('href'), 'nor is a page a picture',
	    a.outerHTML);
	v.document.querySelectorAll('a').forEach(function (e) { e.click(); });
	ok(v.window.ran === undefined, 'nothing has run', v.window.ran);

	// HTML of the server, as an answer has it
	const html = '<p>Tea</p><script>top.ran=1</script>';
	v = await visit('<div data-banner="top"></div>' + tag(), { before: function (w) {
		w.fetch = function () {
			return Promise.resolve({ json: function () {
				return { banners: [{ slot_id: 'top', html, width: 300 }] };
			} });
		};
	} });
	const frame = v.document.querySelector('iframe');
	ok(frame && frame.getAttribute('srcdoc').endsWith(html) && frame.width === '300',
	    'HTML goes into a frame', v.document.body.innerHTML);
	ok(!/scripts|same-origin/.test(frame.getAttribute('sandbox')),
	    'which runs no script and is of no origin', frame.outerHTML);

	// Browsers that lack something
	v = await visit('<div data-banner="top"></div>' + tag(),
	    { noObserver: true, fullBeacon: true, before: function (w) {
		const ask = w.fetch;
		w.fetch = function (url, o) {
			if (o.keepalive) w.kept = String(url);
			return ask(url, o);
		};
	} });
	ok(await until(function () { return v.window.kept === v.sent[0]; }),
	    'no observer, no beacon: it is told at once, by a request that outlives the page');
	v = await visit(tag('data-banner="top"') + '<script>window.after = 1</script>',
	    { before: function (w) {
		w.fetch = undefined;
		setTimeout(function () {
			w.dispatchEvent(new w.CustomEvent('banner', { detail: 0 }));
		}, 200);
	} });
	ok(v.window.after === 1 && v.errors.length === 0,
	    'where nothing works the page goes on, and no error is thrown', v.errors);

	server.kill();
	ok(await new Promise(function (r) { server.on('exit', r); }) === 0, 'the server ends');
};

test(main, function () { server.kill('SIGKILL'); });
