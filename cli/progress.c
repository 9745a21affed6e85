/*
 * progress.c
 *		The progress bar.
 */
#include "progress.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Input shorter than this many bytes needs no bar. */
#define PROGRESS_MIN_BYTES (UINT64_C(1) << 20)
#define PROGRESS_STEPS 1000 /* the bar is drawn so many times at most */
#define PROGRESS_WIDTH 30   /* characters of the bar itself */

static struct
{
	const char *title;
	uint64_t total; /* bytes; 0: no bar */
	uint64_t drawn; /* steps that the bar shows */
	struct timespec start;
} progress;

void
progress_begin(const char *title, uint64_t total)
{
	memset(&progress, 0, sizeof(progress));
	progress.title = title;
	if (total >= PROGRESS_MIN_BYTES && isatty(STDERR_FILENO) &&
		clock_gettime(CLOCK_MONOTONIC, &progress.start) == 0)
		progress.total = total;
}

/* How long the rest will take if it goes on like this, in seconds. */
static long
seconds_left(uint64_t done)
{
	struct timespec now;

	if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
		return 0;
	return (long) ((double) (now.tv_sec - progress.start.tv_sec) *
				   (double) (progress.total - done) / (double) done);
}

void
progress_update(uint64_t done)
{
	static const char full[] = "##############################";
	static const char empty[] = "..............................";
	uint64_t step;
	long left;
	int filled;

	_Static_assert(sizeof(full) == PROGRESS_WIDTH + 1 && sizeof(empty) == sizeof(full),
				   "the bar must be as wide as it says");
	if (progress.total == 0)
		return;
	if (done > progress.total)
		done = progress.total;
	step = (uint64_t) ((double) done / (double) progress.total * PROGRESS_STEPS);
	if (step == progress.drawn)
		return;
	progress.drawn = step;
	filled = (int) (step * PROGRESS_WIDTH / PROGRESS_STEPS);
	left = seconds_left(done);
	(void) fprintf(stderr, "\rprio %s: [%.*s%.*s] %3d.%d %%, %ld:%02ld left\033[K",
				   progress.title, filled, full, PROGRESS_WIDTH - filled, empty,
				   (int) (step / 10), (int) (step % 10), left / 60, left % 60);
	(void) fflush(stderr);
}

void
progress_end(void)
{
	if (progress.drawn == 0)
		return;
	progress.drawn = 0;
	(void) fputs("\r\033[K", stderr);
}
