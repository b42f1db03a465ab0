#!/bin/sh
# SPDX-License-Identifier: MIT
#
# embed.sh HEADER TYPE ARRAY COUNT FILE...: files as C, on standard output: an array of
# TYPE { name, text as a slice }, the name that of the file up to its dot.
set -eu
header=$1 type=$2 array=$3 count=$4
shift 4
echo "#include \"$header\""
for file; do
	name=${file##*/}
	echo "static const unsigned char ${name%.*}[] = {"
	od -An -v -tu1 "$file" | sed 's/\([0-9][0-9]*\)/\1,/g'
	echo '};'
done
echo "const $type ${array}[] = {"
for file; do
	name=${file##*/}
	name=${name%.*}
	echo "{ \"$name\", { $name, sizeof $name } },"
done
echo '};'
echo "const size_t $count = sizeof $array / sizeof ${array}[0];"
