/*
 * state.c
 *		What a server keeps between verify_init and verify_next, in one piece.
 */
#include "prio3/state.h"

#include "base/bytes.h"
#include "prio3/elements.h"

#include <string.h>

#define STATE_VERSION 1
#define HEAD_BYTES (4 + 3 * 8 + 2) /* up to the context */

size_t
prio3_state_secret_size(const Prio3Vdaf *vdaf, PrioRole role)
{
	return role == PRIO_A ? vdaf->output_share_size : vdaf->seed_size;
}

size_t
prio3_state_size(const Prio3Vdaf *vdaf, PrioRole role)
{
	return HEAD_BYTES + vdaf->context_size + vdaf->verifier_share_size + vdaf->message_size +
		prio3_state_secret_size(vdaf, role);
}

uint8_t *
prio3_state_write_head(const Prio3Vdaf *vdaf, PrioRole role, uint8_t *state)
{
	const Prio3Parameters *p = &vdaf->parameters;

	state[0] = STATE_VERSION;
	state[1] = (uint8_t) p->draft;
	state[2] = (uint8_t) p->kind;
	state[3] = (uint8_t) role;
	prio_store_le64(state + 4, p->length);
	prio_store_le64(state + 12, p->chunk_length);
	prio_store_le64(state + 20, p->max);
	state[28] = (uint8_t) vdaf->context_size;
	state[29] = (uint8_t) (vdaf->context_size >> 8);
	if (vdaf->context_size > 0)
		memcpy(state + HEAD_BYTES, vdaf->context, vdaf->context_size);
	return state + HEAD_BYTES + vdaf->context_size;
}

PrioStatus
prio3_state_read_head(const uint8_t *bytes, size_t size, Prio3Vdaf *vdaf, PrioRole *role,
					  size_t *head_size)
{
	Prio3Parameters parameters;
	size_t context_size;

	if (size > 0 && bytes[0] != STATE_VERSION)
		return PRIO_OTHER_VERSION;
	if (size < HEAD_BYTES || bytes[3] > PRIO_B)
		return PRIO_MALFORMED;
	parameters.draft = (Prio3Draft) bytes[1];
	parameters.kind = (Prio3Kind) bytes[2];
	*role = (PrioRole) bytes[3];
	parameters.length = prio_load_le64(bytes + 4);
	parameters.chunk_length = prio_load_le64(bytes + 12);
	parameters.max = prio_load_le64(bytes + 20);
	context_size = (size_t) bytes[28] | (size_t) bytes[29] << 8;
	if (size - HEAD_BYTES < context_size ||
		prio3_vdaf_init(vdaf, &parameters, bytes + HEAD_BYTES, context_size) != PRIO_OK)
		return PRIO_MALFORMED;
	*head_size = HEAD_BYTES + context_size;
	return PRIO_OK;
}

/* Takes a state apart that has its secret, or one that has not. */
static PrioStatus
read_state(const uint8_t *bytes, size_t size, bool with_secret, Prio3State *state)
{
	size_t head_size;
	size_t whole;
	PrioStatus status =
		prio3_state_read_head(bytes, size, &state->vdaf, &state->role, &head_size);

	if (status != PRIO_OK)
		return status;
	whole = prio3_state_size(&state->vdaf, state->role);
	if (!with_secret)
		whole -= prio3_state_secret_size(&state->vdaf, state->role);
	if (size != whole)
		return PRIO_MALFORMED;
	state->verifier_share = bytes + head_size;
	state->joint_seed = state->verifier_share + state->vdaf.verifier_share_size;
	state->secret = with_secret ? state->joint_seed + state->vdaf.message_size : NULL;
	if (with_secret && state->role == PRIO_A &&
		!prio3_elements_are_reduced(&state->vdaf, state->secret, state->vdaf.output_len))
		return PRIO_MALFORMED;
	return PRIO_OK;
}

PrioStatus
prio3_state_read(const uint8_t *bytes, size_t size, Prio3State *state)
{
	return read_state(bytes, size, true, state);
}

PrioStatus
prio3_state_read_shown(const uint8_t *bytes, size_t size, Prio3State *state)
{
	return read_state(bytes, size, false, state);
}
