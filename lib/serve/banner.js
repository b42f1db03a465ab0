// SPDX-License-Identifier: MIT
//
// The script of /v1/banner.js. Each element with data-banner="SLOT" gets a banner of that
// slot; where there is none, the script itself becomes one. What it has inside stays when
// there is no banner. Whatever fails, the page goes on.
//
//	<script async src="https://ads.shop.example/v1/banner.js" data-banner="top"></script>
//
// What comes from the catalogue becomes text, or an attribute that runs nothing; HTML of
// the server goes into a frame in which no script runs. No style and no script is inline.
// The build takes the comments and the indentation off.
(function (doc, me) {
	'use strict';
	if (!me) return;
	const server = me.src, own = Object.assign({}, me.dataset);
	const url = function (path) { return new URL(path, server); };
	const count = function (e) { return Math.max(1, Math.floor(e.dataset.count) || 1); };
	const quiet = function () {};
	const make = function (name, of, set) {
		const e = Object.assign(doc.createElement(name), set);
		of.append(e);
		return e;
	};

	// Beacons outlive the page; where they are refused (too many) a fetch may too.
	const tell = function (path) {
		const to = url(path);
		if (!(navigator.sendBeacon && navigator.sendBeacon(to)))
			fetch(to, { method: 'POST', keepalive: true, mode: 'no-cors',
				credentials: 'omit' }).catch(quiet);
	};

	// Seen is half of it, or as much as fills half of the window, for a second, in a
	// page that is in front; and whatever is clicked.
	const watch = function (e, path) {
		if (!path) return;
		let timer, seen, told;
		const look = function () {
			if (doc.hidden || told) return;
			told = true;
			clearInterval(timer);
			if (seen) seen.disconnect();
			tell(path);
		};
		if (!window.IntersectionObserver) return look();
		['click', 'auxclick'].forEach(function (kind) {
			e.addEventListener(kind, look);
		});
		seen = new IntersectionObserver(function (entries) {
			const now = entries[entries.length - 1];
			clearInterval(timer);
			if (now.intersectionRatio >= .5 ||
			    now.intersectionRect.height > innerHeight / 2)
				timer = setInterval(look, 1000);
		}, { threshold: [0, .1, .2, .3, .4, .5] });
		seen.observe(e);
	};

	const frame = function (banner, to) {
		make('iframe', to, {
			sandbox: 'allow-popups allow-popups-to-escape-sandbox ' +
			    'allow-top-navigation-by-user-activation',
			srcdoc: '<base target="_top" href="' + url('/').href + '">' + banner.html,
			width: banner.width || 300, height: banner.height || 250,
			title: (banner.parts || {}).headline || 'banner',
		});
	};

	const show = function (banner, to) {
		if (banner.html) return frame(banner, to);
		const parts = banner.parts || {}, a = make('a', to, { rel: 'sponsored' });
		if (/^https?:/.test(url(banner.click_url || 'none:')))
			a.href = url(banner.click_url);
		if (/^(https?:|data:image\/|[^:]*$)/i.test(parts.image_url || ':')) {
			const image = make('img', a,
			    { src: parts.image_url, alt: parts.headline || '' });
			if (banner.width) image.width = banner.width;
			if (banner.height) image.height = banner.height;
		}
		['headline', 'text', 'call_to_action'].forEach(function (part) {
			if (parts[part])
				make('span', a, { className: part, textContent: parts[part] });
		});
	};

	const fill = function (e, banners, answer) {
		if (!banners.length) return;
		e.replaceChildren();
		banners.forEach(function (banner) {
			const place = make('div', e, { className: 'banner' });
			show(banner, place);
			watch(place, banner.impression_url);
		});
		e.dispatchEvent(new CustomEvent('banner',
		    { bubbles: true, detail: { banners: banners, answer: answer } }));
	};

	// What is said of the visitor and the page: by the script's tag, or an element's.
	const describe = function (places) {
		const tags = places.concat(me.isConnected ? me : []).map(
		    function (e) { return e.dataset; });
		const said = Object.assign.apply(null, [{}].concat(tags));
		const denied = tags.some(function (t) { return t.consent && t.consent !== '1'; });
		const ask = { context: {} };
		Object.keys(said).forEach(function (key) {
			if (/^context[A-Z]/.test(key))
				ask.context[key.slice(7).toLowerCase()] = said[key];
		});
		if (said.consent) ask.consent = { personalization: !denied };
		if (denied || navigator.globalPrivacyControl) return ask;
		['user', 'anonymous', 'session'].forEach(function (key) {
			if (said[key]) ask[key + '_id'] = said[key];
		});
		return ask;
	};

	// Places of one slot share its banners, so that none comes twice.
	let mine;
	const ask = function () {
		let places = mine ? [mine] : own.banner ? [] :
		    Array.from(doc.querySelectorAll('[data-banner]:not(script)'));
		if (me.isConnected && !places.length && doc.body) {
			mine = doc.createElement('div');
			Object.assign(mine.dataset, { banner: 'banner' }, me.dataset);
			if (doc.body.contains(me)) me.replaceWith(mine);
			else doc.body.append(mine), me.remove();
			places = [mine];
		}
		const slots = new Map();
		places.forEach(function (e) {
			const slot = slots.get(e.dataset.banner) || { places: [], k: 0 };
			slot.places.push(e);
			slot.k += count(e);
			slots.set(e.dataset.banner, slot);
		});
		const names = Array.from(slots.keys()).slice(0, 16);
		if (!names.length) return;
		const body = describe(places);
		body.slots = names.map(function (name) {
			return { slot_id: name, k: Math.min(slots.get(name).k, 16) };
		});
		// As text it needs no question by the browser whether it may ask.
		return fetch(url('/v1/decide'), { method: 'POST', credentials: 'omit',
			body: JSON.stringify(body) }).then(function (r) {
			return r.json();
		}).then(function (answer) {
			names.forEach(function (name) {
				const banners = answer.banners.filter(
				    function (b) { return b.slot_id === name; });
				slots.get(name).places.forEach(function (e) {
					fill(e, banners.splice(0, count(e)),
					    answer);
				});
			});
		});
	};

	const start = function () {
		try {
			Promise.resolve(ask()).catch(quiet);
		} catch (e) {
			quiet(e);
		}
	};
	if (doc.readyState === 'loading')
		doc.addEventListener('DOMContentLoaded', start);
	else
		start();
	// A page that changes without being loaded says so.
	doc.addEventListener('banner-ask', start);
})(document, document.currentScript);
