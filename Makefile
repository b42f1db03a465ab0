# SPDX-License-Identifier: MIT
# bannerpipe: every list here is a wildcard, so a new filter, module or test touches
# no line of this file. Variants (compiler, sanitizers) build into folders of their own.

SAN     ?=
CC      ?= cc
PREFIX  ?= /usr/local
VERSION := 0.1.0
empty   :=
comma   := ,
variant := $(if $(filter clang,$(CC)),-clang)$(if $(SAN),-$(subst $(comma),-,$(SAN)))
BUILD   ?= build$(variant)
CXX     := $(if $(findstring clang,$(CC)),clang++,g++)

# Debian names; "a/b" is met by either.
BUILD_DEPS := gcc g++ pkg-config libc6-dev libmsgpack-dev libzstd-dev libsimdjson-dev \
    libxxhash-dev libpcre2-dev libseccomp-dev libuv1-dev libssl-dev zlib1g-dev zstd \
    node-llhttp libvectorscan-dev/libhyperscan-dev libmaxminddb-dev
TEST_DEPS  := perl python3 libcmocka-dev mandoc groff-base clang clang-format llvm \
    libclang-rt-dev/libclang-rt-14-dev jq strace spin node-jsdom
SOAK_DEPS  := user-mode-linux e2fsprogs strace spin
BENCH_DEPS := perl mawk jq miller datamash zstd bsdextrautils nginx-light wrk nghttp2-client

PACKAGES := msgpack libzstd libpcre2-8 libseccomp libuv openssl zlib libhs libmaxminddb
OPT      ?= -O2
WARN     := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
DEFS     := -D_GNU_SOURCE -I. -DBANNERPIPE_VERSION='"$(VERSION)"'
HARDEN   := -fstack-protector-strong $(if $(SAN),,-D_FORTIFY_SOURCE=2)
PKGC     := $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null) -isystem /usr/share/include/llhttp
PKGL     := $(shell pkg-config --libs $(PACKAGES) 2>/dev/null)
ALLC     := -std=c17 $(OPT) -g $(WARN) $(SANFLAGS) $(HARDEN) $(DEFS) $(PKGC) $(CFLAGS)
ALLCXX   := -std=c++17 $(OPT) -g -Wall -Wextra -Werror $(SANFLAGS) \
            $(if $(SAN),-fno-sanitize=vptr) $(DEFS) $(CXXFLAGS)
ALLL     := -Wl,--as-needed $(SANFLAGS) $(LDFLAGS)
LIBS     := $(PKGL) -lsimdjson -lstdc++ -lm

LIBSRC := $(wildcard lib/*.c lib/*/*.c lib/*.cc lib/*/*.cc)
MAPS   := $(sort $(wildcard lib/text/maps/*.map))
LISTS  := $(patsubst %,lib/traffic/lists/%.txt,robots browsers datacentres)
RULES  := $(wildcard lib/fraud/rules/*.txt)
EMBED  := $(patsubst %,$(BUILD)/lib/%.c,text/maps traffic/lists fraud/rules_text serve/banner_js)
# Debian ships llhttp as its C sources. Nothing of it is lenient.
LLHTTP  ?= /usr/share/llhttp
LLOBJ  := $(patsubst %,$(BUILD)/llhttp/%.o,api http llhttp)
LIBOBJ := $(patsubst %,$(BUILD)/%.o,$(basename $(LIBSRC))) $(EMBED:.c=.o) $(LLOBJ)
# Filters are linked into bp-run as well; what has no filter_main is none.
FUSED  := $(patsubst filters/%.c,%,$(shell grep -l filter_main filters/*.c))
BIN    := $(patsubst filters/%.c,$(BUILD)/bin/bp-%,$(wildcard filters/*.c))
UNIT   := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/test_*.c))
BENCH  := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(wildcard tests/bench/*.c))
TOOLS  := $(patsubst tests/tools/%.c,$(BUILD)/tools/%,$(wildcard tests/tools/*.c))
FUZZ   := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/*.c))
# The longest first, so that they do not stay alone at the end.
LONG   := $(wildcard tests/laws.t tests/model.t tests/mutants.t $(patsubst %,tests/pipe/%.t, \
    fraud-power retract-exact run-audit learn-model barrier-unlearn simulate-attacks))
TESTS  := $(LONG) $(UNIT) $(filter-out $(LONG),$(wildcard tests/pipe/*.t tests/*.t))
# Those that say "once: WHY" at their head tell nothing new of another compiler.
AGAIN   = $(filter-out $(shell grep -l '^. once: ' $(filter %.t,$(TESTS))),$(TESTS))
SOURCE := $(shell find lib filters tests -name '*.[ch]' 2>/dev/null)

# How long each fuzz target runs, in "make fuzz" and in "make test".
SECONDS      ?= 60
FUZZ_SECONDS ?= 10
# How many faults there are, and for how long.
KILLS        ?= 200
POINTS       ?= 500
MINUTES      ?= 60
# Tests at a time: they wait more than they work. prove's last lines tell the result.
JOBS         ?= 3
PROVE         = CMOCKA_MESSAGE_OUTPUT=TAP prove -f -j$(JOBS) $(PROVEFLAGS) --exec ''
export BUILD

all: $(BIN) $(TOOLS)  ## build every filter into build/bin, and the tools of the tests
	@rm -f $(filter-out $(BIN),$(wildcard $(BUILD)/bin/*))

$(BUILD)/lib.a: $(LIBOBJ)
	@rm -f $@
	ar rcs $@ $^

$(BUILD)/bin/bp-%: $(BUILD)/filters/%.o $(BUILD)/lib.a
	@mkdir -p $(@D)
	$(CC) $(ALLL) -o $@ $(filter %.o,$^) $(BUILD)/lib.a $(LIBS)

$(BUILD)/bin/bp-run: $(BUILD)/fused/table.o $(FUSED:%=$(BUILD)/fused/%.o)

$(BUILD)/fused/%.o: filters/%.c
	@mkdir -p $(@D)
	$(CC) $(ALLC) -Dmain=main_$* -Dfilter_main=chain_add -MMD -MP -c -o $@ $<

$(BUILD)/fused/table.c: lib/filter/programs.sh $(FUSED:%=filters/%.c)
	@mkdir -p $(@D)
	sh lib/filter/programs.sh $(sort $(FUSED)) >$@

$(BUILD)/fused/table.o: $(BUILD)/fused/table.c
	$(CC) $(ALLC) -MMD -MP -c -o $@ $<

$(BUILD)/unit/%: $(BUILD)/tests/unit/%.o $(BUILD)/lib.a
	@mkdir -p $(@D)
	$(CC) $(ALLL) -o $@ $^ $(LIBS) -lcmocka

$(BUILD)/bench/%: $(BUILD)/tests/bench/%.o $(BUILD)/lib.a
	@mkdir -p $(@D)
	$(CC) $(ALLL) -o $@ $^ $(LIBS)

$(BUILD)/tools/%: $(BUILD)/tests/tools/%.o $(BUILD)/lib.a
	@mkdir -p $(@D)
	$(CC) $(ALLL) -o $@ $^ $(LIBS)

$(BUILD)/fuzz/%: $(BUILD)/tests/fuzz/%.o $(BUILD)/lib.a
	@mkdir -p $(@D)
	$(CC) $(ALLL) -fsanitize=fuzzer -o $@ $^ $(LIBS)

# The maps of bp-parse's adapters, as C.
$(BUILD)/lib/text/maps.c: $(MAPS) lib/base/embed.sh
	@mkdir -p $(@D)
	sh lib/base/embed.sh lib/text/adapter_texts.h 'struct adapter' adapter_texts \
	    adapter_count $(MAPS) >$@

# The lists of bp-givt.
$(BUILD)/lib/traffic/lists.c: $(LISTS) lib/base/embed.sh
	@mkdir -p $(@D)
	sh lib/base/embed.sh lib/traffic/known.h 'struct known_list' known_lists \
	    known_count $(LISTS) >$@

# The rules of bp-fraud.
$(BUILD)/lib/fraud/rules_text.c: $(RULES) lib/base/embed.sh
	@mkdir -p $(@D)
	sh lib/base/embed.sh lib/fraud/known_rules.h 'struct known_rule' known_rules \
	    known_rules_count $(RULES) >$@

# The script of bp-serve, as C.
$(BUILD)/lib/serve/banner_js.c: lib/serve/banner.js lib/serve/banner_js.sh
	@mkdir -p $(@D)
	sh lib/serve/banner_js.sh lib/serve/banner.js >$@

$(EMBED:.c=.o): %.o: %.c
	$(CC) $(ALLC) -MMD -MP -c -o $@ $<

$(BUILD)/llhttp/%.o: $(LLHTTP)/%.c
	@mkdir -p $(@D)
	$(CC) -std=c17 $(OPT) -g -w $(SANFLAGS) $(HARDEN) -DLLHTTP_STRICT_MODE=1 \
	    -isystem /usr/share/include/llhttp $(CFLAGS) -c -o $@ $<

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALLC) -MMD -MP -c -o $@ $<

$(BUILD)/%.o: %.cc
	@mkdir -p $(@D)
	$(CXX) $(ALLCXX) -MMD -MP -c -o $@ $<

# To be preloaded: it makes system calls fail.
$(BUILD)/faults.so: tests/faults/shim.c
	@mkdir -p $(@D)
	$(CC) $(OPT) $(WARN) -D_GNU_SOURCE -shared -fPIC -o $@ $<

unit: $(UNIT)

deps:  ## install what building and testing needs (apt-get, with sudo when not root)
	@sh .ci/deps.sh $(BUILD_DEPS) $(TEST_DEPS)

# What is installed by deps is seen by a make that starts after it.
test: deps  ## install what is missing, run all tests, campaigns of faults, 10 s of each fuzz target
	@$(MAKE) -s check
	@$(MAKE) -s faults
	@$(MAKE) -s fuzz SECONDS=$(FUZZ_SECONDS)

faults: $(BIN) $(TOOLS) $(BUILD)/faults.so  ## kill pipelines KILLS=200 times, break POINTS=500 calls by kills and by errors; SEED=
	@$(MAKE) -s -j3 faults-of-processes faults-of-calls faults-of-results

# They wait more than they work.
faults-of-processes:
	@prove --comments --exec python3 tests/faults/kills.py :: $(KILLS)
faults-of-calls:
	@prove --comments --exec python3 tests/faults/points.py :: kill $(POINTS)
faults-of-results:
	@prove --comments --exec python3 tests/faults/points.py :: error $(POINTS)

soak: $(BIN) $(TOOLS) $(BUILD)/faults.so  ## faults of all kinds, and power cuts, for MINUTES=60
	@sh .ci/deps.sh $(SOAK_DEPS)
	@sh tests/faults/soak.sh $(MINUTES)

check: $(BIN) $(UNIT) $(TOOLS) $(BENCH)  ## run all tests but the fuzzers; install nothing
	@$(PROVE) $(TESTS)

check-again: $(BIN) $(UNIT) $(TOOLS) $(BENCH)  ## the tests that another compiler or a sanitizer may change
	@$(PROVE) $(AGAIN)

test-peers: deps  ## run software by others beside ours; installs it into build/peers
	@sh .ci/peers.sh build/peers
	@$(MAKE) -s all
	@prove --exec '' tests/peers/*.t

golden: $(BIN)  ## write the expected results of all golden cases afresh
	@perl tests/golden.t --rewrite

readme: $(BIN)  ## write the README's table of filters afresh
	@perl tests/readme.t --rewrite

fuzz:  ## run each fuzz target for SECONDS=60
	@$(MAKE) -s fuzzers BUILD=build-fuzz CC=clang OPT=-O1 \
	    SAN=address,undefined,fuzzer-no-link
	@FUZZ_SECONDS=$(SECONDS) sh tests/fuzz/run.sh build-fuzz/fuzz

fuzzers: $(FUZZ)

demo:  ## install, build, and 40 s of the loop: visitors click, it learns; and a shop to click in
	@sh .ci/deps.sh $(BUILD_DEPS)
	@$(MAKE) -s all
	@pipelines/demo.sh

replay:  ## a week of real banners, in tables, and again while its programs are killed: the same bytes
	@sh .ci/deps.sh $(BUILD_DEPS)
	@$(MAKE) -s all
	@pipelines/replay.sh

bench:  ## our speed beside that of the usual tools, in one run
	@sh .ci/deps.sh $(BUILD_DEPS) $(BENCH_DEPS)
	@$(MAKE) -s all $(TOOLS) $(BENCH)
	@sh tests/bench/run.sh
	@sh tests/bench/log.sh
	@sh tests/bench/net.sh
	@sh tests/bench/barriers.sh
	@sh tests/bench/http.sh
	@sh tests/bench/givt.sh
	@sh tests/bench/fraud.sh
	@sh tests/bench/fraud-power.sh
	@sh tests/bench/login.sh
	@sh tests/bench/transaction.sh

install: $(BIN) $(TOOLS)  ## install below DESTDIR= and PREFIX=/usr/local
	@sh .ci/install.sh $(BUILD)/bin "$(DESTDIR)" "$(PREFIX)"

deb: $(BIN)  ## make a Debian package in build/
	@sh .ci/deb.sh $(BUILD) $(VERSION)

lists:  ## fetch the lists of bp-givt afresh from npm
	@sh .ci/deps.sh npm jq perl zstd
	@sh .ci/lists.sh

format:  ## lay out the C files as .clang-format says
	clang-format -i $(SOURCE)

clean:  ## remove everything that was built
	rm -rf build build-*

help:  ## list these targets
	@echo 'make build/bin/bp-NAME builds one filter; CC=clang and SAN=address,undefined build elsewhere.'
	@sed -n 's/^\([a-z-]*\):.*  ## /\1\t/p' Makefile | expand -t 12

-include $(shell find $(BUILD) -name '*.d' -type f 2>/dev/null)
.PHONY: all unit deps test check check-again faults soak test-peers golden readme fuzz fuzzers demo replay bench install deb format clean help
.SECONDARY:
