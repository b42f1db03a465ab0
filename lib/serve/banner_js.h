/* SPDX-License-Identifier: MIT
 *
 * The script of /v1/banner.js. Each element with data-banner="SLOT" gets a banner of that
 * slot. What comes from the catalogue becomes text, or an attribute that runs nothing:
 * never HTML.
 *
 *	<div data-banner="top"></div>
 *	<script async src="https://ads.shop.example/v1/banner.js"></script>
 */
#ifndef BANNERPIPE_SERVE_BANNER_JS_H
#define BANNERPIPE_SERVE_BANNER_JS_H

static const char banner_js[] =
    "(function(d,s){"
    "var b=s.src;"
    "d.querySelectorAll('[data-banner]').forEach(function(e){"
    "var q=new URLSearchParams({slot_id:e.dataset.banner});"
    "['user','consent'].forEach(function(k){"
    "if(e.dataset[k])q.set(k=='user'?'user_id':k,e.dataset[k])});"
    "fetch(new URL('/v1/decide?'+q,b),{credentials:'omit'})"
    ".then(function(r){return r.json()}).then(function(r){"
    "var x=r.banners&&r.banners[0],p=x&&x.parts||{},a=d.createElement('a'),i;"
    "if(!x)return;"
    "if(x.click_url)a.href=new URL(x.click_url,b);"
    "if(p.image_url){i=d.createElement('img');i.src=p.image_url;"
    "i.alt=p.headline||'';a.append(i)}"
    "['headline','call_to_action'].forEach(function(k){if(p[k]){"
    "i=d.createElement('span');i.className=k;i.textContent=p[k];a.append(i)}});"
    "e.replaceChildren(a);"
    "if(x.impression_url)navigator.sendBeacon(new URL(x.impression_url,b))"
    "})})})(document,document.currentScript);\n";

#endif
