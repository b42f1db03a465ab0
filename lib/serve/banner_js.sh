#!/bin/sh
# SPDX-License-Identifier: MIT
#
# banner_js.sh FILE.js: the C file behind banner_js.h, on standard output: the script
# without its indentation and the lines that are comments.
set -eu
echo '#include "lib/serve/banner_js.h"'
echo 'const uint8_t banner_js[] = {'
sed 's/^[[:space:]]*//; /^\/\//d; /^$/d' "$1" | od -An -v -tu1 | sed 's/\([0-9][0-9]*\)/\1,/g'
echo '};'
echo 'const size_t banner_js_size = sizeof banner_js;'
