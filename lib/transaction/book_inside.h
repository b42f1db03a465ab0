/* SPDX-License-Identifier: MIT
 *
 * What the parts of a book share. Private to it.
 */
#ifndef BANNERPIPE_TRANSACTION_BOOK_INSIDE_H
#define BANNERPIPE_TRANSACTION_BOOK_INSIDE_H

#include "lib/transaction/book.h"
#include "lib/transaction/customer.h"

/* Links of a transaction. */
enum { CUSTOMER, FIRST_TERMINAL };

/* The cell of a customer (struct customer) or a terminal (struct bands), made when there is
 * none. */
void *book_touch(struct book *b, unsigned link, uint64_t subject, instant when);
/* The oldest transaction goes. */
void book_drop_first(struct book *b);
/* Its weight is this from now on. */
void book_weigh(struct book *b, uint64_t n, double weight);

#endif
