#!/bin/sh
# SPDX-License-Identifier: MIT
#
# programs.sh STEM...: the table of lib/filter/chain.h, as C.
echo '#include "lib/filter/chain.h"'
for stem; do
	echo "int main_$stem(int argc, char **argv);"
done
echo 'const struct chain_program chain_programs[] = {'
for stem; do
	echo "	{ \"bp-$stem\", main_$stem },"
done
echo '	{ 0 },'
echo '};'
