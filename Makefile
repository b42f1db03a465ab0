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

PACKAGES := msgpack libzstd libpcre2-8 libseccomp
OPT      ?= -O2
WARN     := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
DEFS     := -D_GNU_SOURCE -I. -DBANNERPIPE_VERSION='"$(VERSION)"'
HARDEN   := -fstack-protector-strong $(if $(SAN),,-D_FORTIFY_SOURCE=2)
PKGC     := $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null)
PKGL     := $(shell pkg-config --libs $(PACKAGES) 2>/dev/null)
ALLC     := -std=c17 $(OPT) -g $(WARN) $(SANFLAGS) $(HARDEN) $(DEFS) $(PKGC) $(CFLAGS)
ALLCXX   := -std=c++17 $(OPT) -g -Wall -Wextra -Werror $(SANFLAGS) $(DEFS) $(CXXFLAGS)
ALLL     := $(SANFLAGS) $(LDFLAGS)
LIBS     := $(PKGL) -lsimdjson -lstdc++ -lm

LIBSRC := $(wildcard lib/*.c lib/*/*.c lib/*.cc lib/*/*.cc)
LIBOBJ := $(patsubst %,$(BUILD)/%.o,$(basename $(LIBSRC)))
BIN    := $(patsubst filters/%.c,$(BUILD)/bin/bp-%,$(wildcard filters/*.c))
UNIT   := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/test_*.c))
BENCH  := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(wildcard tests/bench/*.c))

all: $(BIN)  ## build every filter into build/bin

$(BUILD)/lib.a: $(LIBOBJ)
	@rm -f $@
	ar rcs $@ $^

$(BUILD)/bin/bp-%: $(BUILD)/filters/%.o $(BUILD)/lib.a
	@mkdir -p $(@D)
	$(CC) $(ALLL) -o $@ $^ $(LIBS)

$(BUILD)/unit/%: $(BUILD)/tests/unit/%.o $(BUILD)/lib.a
	@mkdir -p $(@D)
	$(CC) $(ALLL) -o $@ $^ $(LIBS) -lcmocka

$(BUILD)/bench/%: $(BUILD)/tests/bench/%.o $(BUILD)/lib.a
	@mkdir -p $(@D)
	$(CC) $(ALLL) -o $@ $^ $(LIBS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALLC) -MMD -MP -c -o $@ $<

$(BUILD)/%.o: %.cc
	@mkdir -p $(@D)
	$(CXX) $(ALLCXX) -MMD -MP -c -o $@ $<

unit: $(UNIT)

clean:  ## remove everything that was built
	rm -rf build build-*

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
.PHONY: all unit clean
.SECONDARY:
