/* SPDX-License-Identifier: MIT */
#include "lib/text/structure.h"

#include <memory>
#include <new>

#include <simdjson.h>

static_assert(STRUCTURE_PADDING >= simdjson::SIMDJSON_PADDING, "padding");

struct structure {
	std::unique_ptr<simdjson::internal::dom_parser_implementation> parser;
};

struct structure *
structure_new(size_t capacity)
{
	auto *s = new (std::nothrow) structure;

	if (s == nullptr)
		return nullptr;
	if (simdjson::get_active_implementation()->create_dom_parser_implementation(
		capacity, 1, s->parser) != simdjson::SUCCESS) {
		delete s;
		return nullptr;
	}
	return s;
}

void
structure_free(struct structure *s)
{
	delete s;
}

enum structure_found
structure_find(struct structure *s, const uint8_t *text, size_t size,
    const uint32_t **at, size_t *count)
{
	switch (s->parser->stage1(text, size, simdjson::stage1_mode::regular)) {
	case simdjson::SUCCESS:
		*at = s->parser->structural_indexes.get();
		*count = s->parser->n_structural_indexes;
		return STRUCTURE_FOUND;
	case simdjson::EMPTY:
		return STRUCTURE_EMPTY;
	case simdjson::CAPACITY:
		return STRUCTURE_LARGE;
	default:
		return STRUCTURE_WRONG;
	}
}
