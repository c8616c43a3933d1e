// team.h: threads that share out the items of one operation at a time, and their scratch space.

#ifndef RAP_TEAM_H
#define RAP_TEAM_H

#include "rap_cpu.h"

struct operations;

// Does item `item` of a job on thread `member`.
typedef void job(void* context, int item, int member);

// Does items 0 ... items - 1, in about this order, each once, and returns when all are done.
void team_run(rap_team* team, job* work, void* context, int items);

int team_members(const rap_team* team);

const struct operations* team_operations(const rap_team* team);

// Makes sure of `shared` bytes for the team and `each` bytes for every member. 0 if there is no
// memory.
int team_reserve(rap_team* team, size_t shared, size_t each);

// The reserved space, 64-byte aligned. What an operation leaves there is gone at the next one.
void* team_space(const rap_team* team);
void* member_space(const rap_team* team, int member);

#endif
