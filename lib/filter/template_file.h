/* SPDX-License-Identifier: MIT
 *
 * template_file: the template of a filter: read at the start and on HUP.
 */
#ifndef BANNERPIPE_FILTER_TEMPLATE_FILE_H
#define BANNERPIPE_FILTER_TEMPLATE_FILE_H

#include "lib/compose/template.h"
#include "lib/filter.h"

struct template_file {
	const char *path;          /* of --template; NULL: none */
	struct template *template; /* owned; the one built in when there is no path */
};

/* In start: 0, or -1 after run_usage or run_fail. */
int template_file_open(struct template_file *f, struct run *run);
/* For `reload`: what is wrong is said, and the template of before stays. */
void template_file_reload(struct template_file *f, struct run *run);
void template_file_close(struct template_file *f);

#endif
