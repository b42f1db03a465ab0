/* SPDX-License-Identifier: MIT
 *
 * repack: unpack each record of standard input with msgpack-c, pack it again, write it:
 * the peer of a filter that passes records on, in the benchmark.
 */
#include <msgpack.h>
#include <stdio.h>

enum { BLOCK = 64 * 1024 };

int
main(void)
{
	msgpack_unpacker in;
	msgpack_unpacked record;
	msgpack_sbuffer out;
	msgpack_packer packer;
	msgpack_unpack_return got;
	size_t n;

	msgpack_sbuffer_init(&out);
	msgpack_packer_init(&packer, &out, msgpack_sbuffer_write);
	msgpack_unpacked_init(&record);
	if (!msgpack_unpacker_init(&in, BLOCK))
		return 111;
	do {
		if (!msgpack_unpacker_reserve_buffer(&in, BLOCK))
			return 111;
		n = fread(msgpack_unpacker_buffer(&in), 1, BLOCK, stdin);
		msgpack_unpacker_buffer_consumed(&in, n);
		while ((got = msgpack_unpacker_next(&in, &record)) ==
		    MSGPACK_UNPACK_SUCCESS)
			(void)msgpack_pack_object(&packer, record.data);
		(void)fwrite(out.data, 1, out.size, stdout);
		msgpack_sbuffer_clear(&out);
	} while (n > 0 && got == MSGPACK_UNPACK_CONTINUE);
	msgpack_unpacked_destroy(&record);
	msgpack_unpacker_destroy(&in);
	msgpack_sbuffer_destroy(&out);
	return fflush(stdout) == 0 && got != MSGPACK_UNPACK_PARSE_ERROR ? 0 : 111;
}
