/* A growable ring of log records, with a filter and a dump to a stream. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ring.h"

#define RING_START 16
#define RING_MAX(a, b) ((a) > (b) ? (a) : (b))

typedef unsigned long stamp_t;

enum level {
    LEVEL_DEBUG,
    LEVEL_WARN,
    LEVEL_ERROR = 10,
};

struct record {
    stamp_t at;
    enum level level;
    char text[120];
};

typedef struct ring {
    struct record *records;
    size_t head;
    size_t used;
    size_t room;
} ring;

union value {
    long number;
    const char *text;
};

typedef int (*keep_fn)(const struct record *record, void *context);

static const char *level_name(enum level level);
struct ring *ring_copy(const struct ring *from);

static stamp_t last_stamp;
int ring_failures = 0;

/* Reads the clock once for a record. */
static stamp_t next_stamp(void)
{
    return ++last_stamp;
}

struct ring *ring_new(void)
{
    struct ring *made = calloc(1, sizeof *made);
    if (made == NULL)
        return NULL;
    made->room = RING_START;
    made->records = calloc(made->room, sizeof *made->records);
    if (made->records == NULL) {
        free(made);
        ring_failures++;
        return NULL;
    }
    return made;
}

void ring_free(struct ring *ring)
{
    if (ring != NULL) {
        free(ring->records);
        free(ring);
    }
}

static int ring_grow(struct ring *ring, size_t wanted)
{
    size_t room = RING_MAX(ring->room * 2, wanted);
    struct record *moved = realloc(ring->records, room * sizeof *moved);

    if (moved == NULL)
        return -1;
    ring->records = moved;
    ring->room = room;
    return 0;
}

int
ring_push(struct ring *ring,
          enum level level,
          const char *text)
{
    struct record *slot;

    if (ring->used == ring->room && ring_grow(ring, ring->used + 1) != 0)
        return -1;
    slot = &ring->records[ring->used++];
    slot->at = next_stamp();
    slot->level = level;
    strncpy(slot->text, text, sizeof slot->text - 1);
    slot->text[sizeof slot->text - 1] = '\0';
    return 0;
}

size_t ring_each(const struct ring *ring, keep_fn keep, void *context)
{
    size_t kept = 0;

    for (size_t i = 0; i < ring->used; i++) {
        if (keep(&ring->records[i], context))
            kept++;
    }
    return kept;
}

static const char *level_name(enum level level)
{
    switch (level) {
    case LEVEL_DEBUG: return "debug";
    case LEVEL_WARN:  return "warn";
    default:          return "error";
    }
}

#ifdef RING_DUMP
static int print_one(const struct record *record, void *context)
{
    FILE *out = context;
    return fprintf(out, "%lu %s %s\n", record->at, level_name(record->level), record->text) > 0;
}

void ring_dump(const struct ring *ring, FILE *out)
{
    ring_each(ring, print_one, out);
    fflush(out);
}
#endif

struct ring *ring_copy(const struct ring *from)
{
    struct ring *made = ring_new();
    if (made != NULL && ring_grow(made, from->used) == 0) {
        memcpy(made->records, from->records, from->used * sizeof *made->records);
        made->used = from->used;
    }
    return made;
}

RING_BEGIN_DECLS

RING_API int ring_open(struct ring *ring, const char *path);
extern RING_API struct ring **ring_all(void);
RING_NORETURN void ring_abort(const char *why, ...) RING_PRINTF(1, 2);
size_t RING_CALL ring_size(const struct ring *ring) RING_PURE;
char *RING_CALL
ring_name(const struct ring *ring);
typedef int (RING_CALL *ring_hook)(struct ring *ring);

struct RING_PACKED ring_header {
    uint32_t magic;
    uint32_t used;
};

RING_END_DECLS

EXPORT_RING(ring_size)

static int RING_INLINE room(const struct ring *ring)
{
    return (int)(ring->size - ring->used);
}

#ifdef RING_THREADS
int ring_lock(struct ring *ring, int wait) {
    if (wait)
#else
int ring_lock(struct ring *ring) {
    if (ring->used)
#endif
        return 1;
    return 0;
}

int ring_tail(ring, count)
    struct ring *ring;
    int count;
{
    return count < room(ring);
}
