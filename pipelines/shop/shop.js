// SPDX-License-Identifier: MIT
//
// The page of the demo around its banners, which banner.js makes: who the visitor is, the
// bars, and a click that stays on the page, as there is no shop behind it.
'use strict';
const get = function (id) { return document.getElementById(id); };
const hero = get('hero');
const title = {}; // of a banner that was seen here

const name = function (fresh) {
	let user = null;
	try {
		user = fresh ? null : localStorage.getItem('user');
		user = user || 'you-' + Math.random().toString(36).slice(2, 10);
		localStorage.setItem('user', user);
	} catch (e) {
		user = user || 'you'; // nothing may be kept here
	}
	hero.dataset.user = user;
};
const ask = function () { document.dispatchEvent(new Event('banner-ask')); };

const bar = function (id, chance, score, shown) {
	const row = document.createElement('tr'), head = document.createElement('th');
	const cell = document.createElement('td'), meter = document.createElement('meter');
	const clicks = document.createElement('td');
	head.scope = 'row';
	head.textContent = id;
	row.className = shown ? 'shown' : '';
	meter.value = chance;
	meter.textContent = Math.round(100 * chance) + ' %';
	meter.title = meter.textContent;
	cell.append(meter);
	clicks.textContent = (100 * score).toFixed(1);
	row.append(head, cell, clicks);
	return row;
};

// Bars keep their order, so that one sees them move.
const draw = function (banner) {
	if (!banner || !banner.candidates) return;
	const order = banner.candidates.map(function (id, i) { return [id, i]; }).sort();
	get('bars').replaceChildren.apply(get('bars'), order.map(function (pair) {
		const i = pair[1];
		return bar(pair[0], banner.probabilities[i], (banner.scores || [])[i] || 0,
		    pair[0] === banner.creative_id);
	}));
	if (banner.model_version !== undefined)
		get('model').textContent = 'The model has learned from ' +
		    banner.model_version.toLocaleString('en') + ' showings so far.';
};

document.addEventListener('banner', function (e) {
	e.detail.banners.forEach(function (b) { title[b.creative_id] = b.parts.headline; });
	if (e.target === hero) draw(e.detail.banners[0]);
});

// A shop would let the click lead to the goods.
document.addEventListener('click', function (e) {
	const link = e.target.closest('[data-banner] a');
	if (!link) return;
	e.preventDefault();
	get('said').textContent = 'You clicked "' +
	    link.querySelector('.headline').textContent + '". The model learns it.';
	fetch(link.href, { redirect: 'manual', keepalive: true }).catch(function () {});
	setTimeout(ask, 500);
});

// The server forgets who takes his consent back.
const forget = function () {
	fetch('/v1/events', { method: 'POST', body: JSON.stringify({ event: 'user',
		user_id: hero.dataset.user, consent: { personalization: false } }) })
	    .catch(function () {});
};

get('consent').addEventListener('change', function (e) {
	if (!e.target.checked) forget();
	hero.dataset.consent = e.target.checked ? '1' : '0';
	get('said').textContent = e.target.checked ? 'Banners are for you again.' :
	    'Banners are for everybody now: nothing is kept about you.';
	ask();
});
get('forget').addEventListener('click', function () {
	forget();
	name(true);
	get('said').textContent = 'You are a new visitor.';
	ask();
});

// What others click moves the bars too; nothing is shown or told for this.
let asked = false;
setInterval(function () {
	if (document.hidden || asked) return;
	asked = true;
	const body = { slot_id: 'hero' };
	if (hero.dataset.consent === '0') body.consent = { personalization: false };
	else body.user_id = hero.dataset.user;
	fetch('/v1/decide', { method: 'POST', body: JSON.stringify(body) }).then(function (r) {
		return r.json();
	}).then(function (answer) {
		const banner = answer.banners[0];
		const shown = hero.querySelector('.headline');
		if (banner && shown)
			banner.creative_id = Object.keys(title).find(function (id) {
				return title[id] === shown.textContent;
			});
		draw(banner);
	}).catch(function () {
		get('said').textContent = 'The demo has ended. "make demo" starts it again.';
	}).finally(function () { asked = false; });
}, 1000);
name(false);
