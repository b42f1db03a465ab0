/* SPDX-License-Identifier: MIT */
#include "lib/filter/template_file.h"

#include <stdlib.h>

/* NULL and error. */
static struct template *
read_template(const struct template_file *f, struct run *run, struct error *error)
{
	struct slice text;
	uint8_t *bytes =
	    run_read_file(run, f->path, TEMPLATE_SIZE_MAX + 1, &text, error);
	struct template *t;
	struct error inner;

	if (bytes == NULL)
		return NULL;
	t = template_new(text, &inner);
	if (t == NULL)
		(void)error_set(error, "%.200s: %.280s", f->path, inner.text);
	free(bytes);
	return t;
}

int
template_file_open(struct template_file *f, struct run *run)
{
	struct error error;

	if (f->path == NULL) {
		f->template = template_new(slice_text(template_built_in), &error);
		return f->template != NULL ? 0 : run_fail(run, "%s", error.text);
	}
	f->template = read_template(f, run, &error);
	if (f->template == NULL)
		return run_usage(run, "--template: %s", error.text);
	run_opens_files(run);
	return 0;
}

void
template_file_reload(struct template_file *f, struct run *run)
{
	struct template *new;
	struct error error;

	if (f->path == NULL)
		return;
	new = read_template(f, run, &error);
	if (new == NULL) {
		run_say(
		    run, "--template: %s; going on with the one of before", error.text);
		return;
	}
	template_free(f->template);
	f->template = new;
}

void
template_file_close(struct template_file *f)
{
	template_free(f->template);
}
