// team.c: see team.h.
//
// A job is a number of items. Whoever is free claims the next one, so a member that the operating
// system keeps from running delays nobody, and the caller never waits for one to wake up. The
// threads are made by the caller of this library: that way it needs nothing newer than its glibc
// floor.

#define _GNU_SOURCE  // sched_getcpu

#include "team.h"

#include <linux/futex.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <x86intrin.h>

#include "operations.h"

// How long to spin before sleeping, in ticks of the time stamp counter: 30 to 60 us. A decode step
// has gaps of a few us between operations; sleeping in them would cost more than it saves.
enum { SPIN_TICKS = 120000 };

// On a busy machine the system may take a member off its core in the middle of an item, for
// milliseconds, and the caller waits that long where it could have done the whole job alone. A wait
// that is longer than any item explains is such a disturbance. It may also wake a member on the
// caller's own core, where they only push each other aside; it is one if the member cannot leave.
// After a disturbance the caller works alone for a while, and the other members sleep, which also
// gives them a claim to a core later; with each further one it does so for twice as long.
enum {
  STALL_TICKS = 300000,      // about 100 us
  SHORTEST_ALONE = 5000000,  // about 2 ms
  LONGEST_ALONE = 65000000,  // about 25 ms, several times what a stall takes
  CALM_TICKS = 80000000,     // undisturbed, after which the next disturbance counts as the first
};

struct space {
  void* bytes;
  size_t size;
};

struct rap_team {
  // The job's number in the upper half, its items that nobody has claimed in the lower. In one
  // word, because a late member must not claim an item of a job that it did not look at.
  _Alignas(64) _Atomic uint64_t claims;
  _Alignas(64) _Atomic uint32_t done;  // items; the caller may sleep on it
  _Atomic uint32_t caller_sleeps;
  _Alignas(64) _Atomic uint32_t posted;  // jobs posted to sleepers, who sleep on it
  _Atomic uint32_t sleepers;
  _Atomic uint32_t closed;
  _Alignas(64) job* work;
  void* context;
  uint32_t items;
  int members;
  _Atomic int caller_core;
  _Atomic int crowded;   // a member is on the caller's core and cannot leave
  uint64_t alone_until;  // ticks; the caller's
  uint64_t alone_ticks;  // how long it was alone last
  const struct operations* operations;
  struct space shared;
  struct space own[];  // [members]
};

static void sleep_while(_Atomic uint32_t* word, uint32_t value) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void wake_all(_Atomic uint32_t* word) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1 << 30, NULL, NULL, 0);
}

rap_team* rap_team_new(int members, int isa) {
  if (members < 1 || isa < 0 || isa > rap_best_isa()) return NULL;
  size_t size = sizeof(rap_team) + (size_t)members * sizeof(struct space);
  rap_team* team = aligned_alloc(64, (size + 63) / 64 * 64);
  if (team == NULL) return NULL;
  memset(team, 0, size);
  team->members = members;
  team->caller_core = -1;
  team->operations = operations_of(isa);
  return team;
}

int team_members(const rap_team* team) { return team->members; }

const struct operations* team_operations(const rap_team* team) { return team->operations; }

// Claims and does items until there are none; returns how many. A claim takes half of a member's
// share of what is left: neighbouring items are neighbours in memory, where a long run is read
// faster than several short ones, and the last claims are small, so that all members finish
// together. Reading the job after the claim is safe: it cannot be replaced before the claimed items
// are done.
static int work_off(rap_team* team, int member) {
  uint32_t count = 0;
  uint64_t seen = atomic_load_explicit(&team->claims, memory_order_acquire);
  while ((uint32_t)seen != 0) {
    uint32_t left = (uint32_t)seen;
    uint32_t taken = left / (2 * (uint32_t)team->members);
    if (taken == 0) taken = 1;
    if (!atomic_compare_exchange_weak_explicit(&team->claims, &seen, seen - taken,
                                               memory_order_acq_rel, memory_order_acquire)) {
      continue;
    }
    uint32_t items = team->items;
    for (uint32_t i = 0; i < taken; i++) {
      team->work(team->context, (int)(items - left + i), member);
    }
    count += taken;
    // Sequentially consistent, as is the caller's pair: one of the two sees what the other wrote.
    if (atomic_fetch_add(&team->done, taken) + taken == items &&
        atomic_load(&team->caller_sleeps)) {
      wake_all(&team->done);
    }
    seen = atomic_load_explicit(&team->claims, memory_order_acquire);
  }
  return (int)count;
}

static void post(rap_team* team, job* work, void* context, int items) {
  team->work = work;
  team->context = context;
  team->items = (uint32_t)items;
  atomic_store_explicit(&team->caller_core, sched_getcpu(), memory_order_relaxed);
  atomic_store_explicit(&team->done, 0, memory_order_relaxed);
  uint64_t number = (atomic_load_explicit(&team->claims, memory_order_relaxed) >> 32) + 1;
  atomic_store(&team->claims, number << 32 | (uint32_t)items);
  if (atomic_load(&team->sleepers) != 0) {
    atomic_fetch_add(&team->posted, 1);
    wake_all(&team->posted);
  }
}

// Waits until all items are done.
static void await(rap_team* team, uint32_t items) {
  uint64_t start = __rdtsc();
  while (atomic_load_explicit(&team->done, memory_order_acquire) != items) {
    if (__rdtsc() - start < SPIN_TICKS) {
      _mm_pause();
      continue;
    }
    atomic_store(&team->caller_sleeps, 1);
    uint32_t done = atomic_load(&team->done);
    if (done != items) sleep_while(&team->done, done);
    atomic_store(&team->caller_sleeps, 0);
  }
}

static void note_disturbance(rap_team* team) {
  uint64_t now = __rdtsc();
  int again = now - team->alone_until < CALM_TICKS;
  uint64_t ticks = again ? 2 * team->alone_ticks : SHORTEST_ALONE;
  team->alone_ticks = ticks < LONGEST_ALONE ? ticks : LONGEST_ALONE;
  team->alone_until = now + team->alone_ticks;
}

void team_run(rap_team* team, job* work, void* context, int items) {
  if (atomic_load_explicit(&team->crowded, memory_order_relaxed)) {
    atomic_store_explicit(&team->crowded, 0, memory_order_relaxed);
    note_disturbance(team);
  }
  uint64_t start = __rdtsc();
  if (team->members == 1 || items <= 1 || start < team->alone_until) {
    for (int i = 0; i < items; i++) work(context, i, 0);
    return;
  }
  post(team, work, context, items);
  int done = work_off(team, 0);
  uint64_t finished = __rdtsc();
  await(team, (uint32_t)items);
  uint64_t item_ticks = done == 0 ? 0 : (finished - start) / (uint64_t)done;
  if (__rdtsc() - finished > STALL_TICKS + 4 * item_ticks) note_disturbance(team);
}

static int on_callers_core(const rap_team* team) {
  return sched_getcpu() == atomic_load_explicit(&team->caller_core, memory_order_relaxed);
}

// Moves this thread to another core. 0 if it may use no other.
static int leave_core(void) {
  cpu_set_t allowed, others;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return 0;
  others = allowed;
  CPU_CLR(sched_getcpu(), &others);
  if (CPU_COUNT(&others) == 0 || sched_setaffinity(0, sizeof others, &others) != 0) return 0;
  return sched_setaffinity(0, sizeof allowed, &allowed) == 0;
}

// Sleeps until a job is posted. With work in sight it does so only if it is not `wanted`.
static void sleep_until_posted(rap_team* team, int wanted) {
  atomic_fetch_add(&team->sleepers, 1);
  uint32_t posted = atomic_load(&team->posted);
  // Looked at after `sleepers` was raised: a job posted since then also raises `posted`.
  int work = wanted && (uint32_t)atomic_load(&team->claims) != 0;
  if (!work && !atomic_load(&team->closed)) sleep_while(&team->posted, posted);
  atomic_fetch_sub(&team->sleepers, 1);
}

void rap_team_work(rap_team* team, int member) {
  uint64_t idle_since = __rdtsc();
  while (!atomic_load_explicit(&team->closed, memory_order_acquire)) {
    if (on_callers_core(team) && !leave_core()) {
      atomic_store_explicit(&team->crowded, 1, memory_order_relaxed);
      sleep_until_posted(team, 0);
      idle_since = __rdtsc();
    } else if ((uint32_t)atomic_load_explicit(&team->claims, memory_order_acquire) != 0) {
      work_off(team, member);
      idle_since = __rdtsc();
    } else if (__rdtsc() - idle_since < SPIN_TICKS) {
      _mm_pause();
    } else {
      sleep_until_posted(team, 1);
      idle_since = __rdtsc();
    }
  }
}

void rap_team_close(rap_team* team) {
  atomic_store(&team->closed, 1);
  atomic_fetch_add(&team->posted, 1);
  wake_all(&team->posted);
}

void rap_team_free(rap_team* team) {
  free(team->shared.bytes);
  for (int i = 0; i < team->members; i++) free(team->own[i].bytes);
  free(team);
}

static int reserve(struct space* space, size_t bytes) {
  if (bytes <= space->size) return 1;
  free(space->bytes);
  size_t size = (bytes + 4095) / 4096 * 4096;
  space->bytes = aligned_alloc(64, size);
  space->size = space->bytes == NULL ? 0 : size;
  return space->bytes != NULL;
}

int team_reserve(rap_team* team, size_t shared, size_t each) {
  if (!reserve(&team->shared, shared)) return 0;
  for (int i = 0; i < team->members; i++) {
    if (!reserve(&team->own[i], each)) return 0;
  }
  return 1;
}

void* team_space(const rap_team* team) { return team->shared.bytes; }

void* member_space(const rap_team* team, int member) { return team->own[member].bytes; }

int64_t rap_team_scratch(const rap_team* team) {
  size_t sum = team->shared.size;
  for (int i = 0; i < team->members; i++) sum += team->own[i].size;
  return (int64_t)sum;
}
