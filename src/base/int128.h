/*
 * int128.h
 *		Integers of 128 bits, under a name that PostgreSQL's headers do not take.
 */
#ifndef PRIO_BASE_INT128_H
#define PRIO_BASE_INT128_H

__extension__ typedef unsigned __int128 prio_uint128;
__extension__ typedef __int128 prio_int128;

#endif /* PRIO_BASE_INT128_H */
