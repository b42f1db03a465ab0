/* SPDX-License-Identifier: MIT
 *
 * catalogue_file: read a catalogue from a file of records or of lines of JSON, either of
 * them compressed or not, as a stream.
 */
#ifndef BANNERPIPE_DELIVERY_CATALOGUE_FILE_H
#define BANNERPIPE_DELIVERY_CATALOGUE_FILE_H

#include "lib/delivery/catalogue.h"
#include "lib/os.h"

/* Told of each row that is refused, "shop.json: line 7: creative 'x': reason", and of
 * lines that are no record. */
typedef void catalogue_complain(void *context, const char *text);

/* Take all rows of the file; those that are refused are told of and counted in *refused.
 * Records of other kinds are passed over. -1 and error when the file cannot be read, is
 * neither JSON nor msgpack, or is cut off. */
int catalogue_read_file(struct catalogue *c, const struct os *os, const char *path,
    catalogue_complain *complain, void *context, uint64_t *refused,
    struct error *error);

#endif
