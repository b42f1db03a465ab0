#!/bin/sh
# SPDX-License-Identifier: MIT
#
# adapter_texts.sh FILE.map...: the C file behind adapter_texts.h, on standard output.
set -eu
echo '#include "lib/text/adapter_texts.h"'
for file; do
	name=$(basename "$file" .map)
	echo "static const unsigned char $name[] = {"
	od -An -v -tu1 "$file" | sed 's/\([0-9][0-9]*\)/\1,/g'
	echo '};'
done
echo 'const struct adapter adapter_texts[] = {'
for file; do
	name=$(basename "$file" .map)
	echo "{ \"$name\", { $name, sizeof $name } },"
done
echo '};'
echo 'const size_t adapter_count = sizeof adapter_texts / sizeof adapter_texts[0];'
