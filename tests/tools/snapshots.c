/* SPDX-License-Identifier: MIT
 *
 * snapshots: a snapshot with another body and right checksums, for tests.
 *
 *	snapshots flip BYTE FILE          a copy with one bit of that byte from the end
 *	                                  of the body changed, on standard output
 *	snapshots add COUNTER N FILE      with so many more in a counter of the ledger
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/bytes.h"
#include "lib/state/file.h"

static struct error error;

static void
fail(const char *text)
{
	(void)fprintf(stderr, "snapshots: %s\n", text);
	exit(2);
}

/* The identity stays; the body is written as one that has no blocks. */
static void
write_again(struct state_reader *r, const uint8_t *body, size_t size)
{
	char path[] = "snapshots.new";
	struct state_writer *w = state_writer_new(
	    &os_system, path, state_identity(r), r->epoch, r->epoch, 1 << 20, &error);
	static char bytes[1 << 16];
	size_t n;
	FILE *f = NULL;

	if (w == NULL)
		fail(error.text);
	state_put(w, body, size);
	if (state_commit(w, &error) != 0 || (f = fopen(path, "rb")) == NULL)
		fail(error.text);
	while ((n = fread(bytes, 1, sizeof bytes, f)) > 0)
		(void)fwrite(bytes, 1, n, stdout);
	(void)fclose(f);
	(void)unlink(path);
}

/* With all that it is based on. */
static struct state_reader *
read_whole(char *path)
{
	char whole[] = "snapshots.whole", *slash = strrchr(path, '/');
	enum state_trouble trouble;
	struct state_reader *r;
	uint64_t epoch = 0, base;

	if (slash == NULL || state_peek(&os_system, path, &epoch, &base) != 0)
		fail("give the path of a snapshot");
	*slash = '\0';
	if (state_compose(&os_system, path, epoch, whole, &error) != 0)
		fail(error.text);
	r = state_read(&os_system, whole, NULL, &trouble, &error);
	if (r == NULL)
		fail(error.text);
	(void)unlink(whole);
	return r;
}

int
main(int argc, char **argv)
{
	bool add = argc == 5 && strcmp(argv[1], "add") == 0;
	struct state_reader *r;
	uint8_t *body;
	size_t size, at;

	if (!add && (argc != 4 || strcmp(argv[1], "flip") != 0))
		return 2;
	r = read_whole(argv[argc - 1]);
	size = (size_t)state_left(r);
	body = malloc(size + 1);
	at = (size_t)atoll(argv[2]);
	if (body == NULL || state_get(r, body, size) != 0 || at + 64 > size)
		fail("the body cannot be read");
	if (add)
		bytes_store_le64(body + 8 * at,
		    bytes_load_le64(body + 8 * at) + (uint64_t)atoll(argv[3]));
	else
		body[size - 1 - at] ^= 4;
	write_again(r, body, size);
	state_close(r);
	free(body);
	return fflush(stdout) == 0 ? 0 : 2;
}
