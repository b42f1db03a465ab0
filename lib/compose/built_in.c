/* SPDX-License-Identifier: MIT */
#include "lib/compose/template.h"

const char template_built_in[] =
    "<div class=\"banner\" {{#if colour}}style=\"background-color:{{colour}}\" "
    "{{/if}}>\n"
    "{{#if click_url}}<a href=\"{{click_url}}\">{{/if}}\n"
    "{{#if image_url}}<img src=\"{{image_url}}\" alt=\"{{headline}}\">{{/if}}\n"
    "{{#if headline}}<span class=\"headline\">{{headline}}</span>{{/if}}\n"
    "{{#if call_to_action}}"
    "<span class=\"call_to_action\">{{call_to_action}}</span>{{/if}}\n"
    "{{#if click_url}}</a>{{/if}}\n"
    "{{#if impression_url}}"
    "<img src=\"{{impression_url}}\" width=\"1\" height=\"1\" alt=\"\">{{/if}}\n"
    "</div>\n";
