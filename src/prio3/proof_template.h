/*
 * proof_template.h
 *		The functions of proof.h for one field: included once for each.
 *
 * FIELD is the type of an element, SUM that of an unreduced sum of products, F(name) a
 * function of the field, DOMAIN(name) one of field/domain.h, PROOF(name) a name to define,
 * FIELD_SIZE the bytes of an element.
 */

/* So many steps, some nanoseconds each, between two questions whether to stop. */
#define STEPS_TO_STOP ((size_t) 65536)

/* Element i of a vector in bytes. */
static inline FIELD
element(const uint8_t *vector, size_t i)
{
	return F(load)(vector + i * FIELD_SIZE);
}

static inline void
set_element(uint8_t *vector, size_t i, FIELD value)
{
	F(store)(vector + i * FIELD_SIZE, value);
}

static inline void
add_to(SUM *sum, FIELD a, FIELD b)
{
	F(sum_add_product)(sum, a, b);
}

/* How many elements of the measurement row i of the chunks has. */
static inline size_t
row_length(const Prio3Vdaf *vdaf, size_t i)
{
	size_t chunk = (size_t) vdaf->parameters.chunk_length;
	size_t rest = vdaf->meas_len - i * chunk;

	return rest < chunk ? rest : chunk;
}

/*
 * What the first elements of all chunks are multiplied with, and the ratio from each to the
 * next one in the chunk. Draft 18: call i has an r of its own, and the powers r, r^2 ...; in draft 8 one
 * r serves all calls, and its powers go on from chunk to chunk. first[i] already
 * includes the ratio: it belongs to element 0 of chunk i.
 */
static void
PROOF(chunk_powers)(const Prio3Vdaf *vdaf, const uint8_t *joint_rand, FIELD *first, FIELD *ratio)
{
	FIELD r = element(joint_rand, 0);
	FIELD next_chunk = FIELD_ONE;

	if (vdaf->parameters.draft == PRIO3_DRAFT_18)
	{
		for (size_t i = 0; i < vdaf->calls; i++)
			first[i] = ratio[i] = element(joint_rand, i);
		return;
	}
	next_chunk = FIELD_POW(r, vdaf->parameters.chunk_length);
	for (size_t i = 0; i < vdaf->calls; i++)
	{
		first[i] = i == 0 ? r : F(mul)(first[i - 1], next_chunk);
		ratio[i] = r;
	}
}

/* ------------------------------------------------------------------ bits of integers */

/*
 * The integer that bits stand for, or a share of it: weights 1, 2, 4 ..., and for the last
 * bit whatever makes all of them together max (docs/prio3.md, "Bits of an integer").
 */
static FIELD
weighted_bits(const Prio3Vdaf *vdaf, const uint8_t *bits)
{
	size_t last = vdaf->bits - 1;
	FIELD low = FIELD_ZERO;
	FIELD weight = F(from_integer)(vdaf->parameters.max - ((UINT64_C(1) << last) - 1));

	for (size_t b = last; b-- > 0;)
		low = F(add)(F(add)(low, low), element(bits, b));
	return F(add)(low, F(mul)(weight, element(bits, last)));
}

static void
PROOF(truncate)(const Prio3Vdaf *vdaf, const uint8_t *meas, uint8_t *output)
{
	switch (vdaf->parameters.kind)
	{
		case PRIO3_SUM:
		case PRIO3_SUM_VEC:
		case PRIO3_L1_BOUND_SUM:
			if (vdaf->bits > 1 || vdaf->parameters.max > 1)
			{
				for (size_t i = 0; i < vdaf->output_len; i++)
					set_element(output, i,
								weighted_bits(vdaf, meas + i * vdaf->bits * FIELD_SIZE));
				return;
			}
			break;
		default:
			break;
	}
	memcpy(output, meas, vdaf->output_len * FIELD_SIZE);
}

/* ------------------------------------------------------------------ proving */

/*
 * Even values of a wire to its odd ones: its values at w^0 .. w^(P-1), in place, to
 * those at W w^0 .. W w^(P-1).
 */
static PrioStatus
to_odd_powers(const Prio3Vdaf *vdaf, FIELD *values, const FIELD *shift, PrioStop stop)
{
	const FIELD *roots = vdaf->roots;
	size_t order = 2 * vdaf->wire_len;
	PrioStatus status = DOMAIN(transform)(values, vdaf->wire_len, roots, order, true, stop);

	if (status != PRIO_OK)
		return status;
	for (size_t k = 0; k < vdaf->wire_len; k++)
		values[k] = F(mul)(values[k], shift[k]);
	return DOMAIN(transform)(values, vdaf->wire_len, roots, order, false, stop);
}

/* Values at w^1 .. w^m of the two wires of pair j; power holds that of each call, and moves on. */
static void
fill_wires(const Prio3Vdaf *vdaf, const uint8_t *meas, size_t j, FIELD *power,
		   const FIELD *ratio, FIELD *a, FIELD *b)
{
	size_t chunk = (size_t) vdaf->parameters.chunk_length;

	for (size_t i = 0; i < vdaf->calls; i++)
	{
		FIELD x;

		switch (vdaf->parameters.kind)
		{
			case PRIO3_COUNT:
				a[i + 1] = b[i + 1] = element(meas, 0);
				break;
			case PRIO3_SUM:
				a[i + 1] = element(meas, i);
				break;
			default:
				x = j < row_length(vdaf, i) ? element(meas, i * chunk + j) : FIELD_ZERO;
				a[i + 1] = F(mul)(power[i], x);
				b[i + 1] = F(sub)(x, FIELD_ONE);
				power[i] = F(mul)(power[i], ratio[i]);
		}
	}
}

/* The gadget of Sum is x^2 - x, the product of its wire and that minus one. */
static void
second_wire_of_sum(const Prio3Vdaf *vdaf, const FIELD *a, FIELD *b)
{
	if (vdaf->parameters.kind == PRIO3_SUM)
		for (size_t k = 0; k < vdaf->wire_len; k++)
			b[k] = F(sub)(a[k], FIELD_ONE);
}

/* The coefficients from the values at all powers of W, in place. */
static PrioStatus
to_coefficients(const Prio3Vdaf *vdaf, FIELD *values, FIELD inverse_len, PrioStop stop)
{
	size_t order = 2 * vdaf->wire_len;
	FIELD inverse_order = F(mul)(inverse_len, FIELD_HALF);
	PrioStatus status = DOMAIN(transform)(values, order, vdaf->roots, order, true, stop);

	for (size_t k = 0; k < order; k++)
		values[k] = F(mul)(values[k], inverse_order);
	return status;
}

static size_t
PROOF(prove_scratch)(const Prio3Vdaf *vdaf)
{
	/* Two wires, shifts, sums and then values of the gadget polynomial, powers and ratios. */
	return 3 * vdaf->wire_len * sizeof(FIELD) + 2 * vdaf->wire_len * sizeof(SUM) +
		2 * vdaf->calls * sizeof(FIELD);
}

static PrioStatus
PROOF(prove)(const Prio3Vdaf *vdaf, const uint8_t *meas, const uint8_t *joint_rand,
			 uint8_t *proof, void *scratch, PrioStop stop)
{
	size_t wire_len = vdaf->wire_len;
	SUM *sums = scratch;
	FIELD *a = (FIELD *) (sums + 2 * wire_len);
	FIELD *b = a + wire_len;
	FIELD *shift = b + wire_len; /* W^k / P */
	FIELD *power = shift + wire_len;
	FIELD *ratio = power + vdaf->calls;
	const FIELD *roots = vdaf->roots;
	FIELD *values = (FIELD *) sums; /* a sum is larger than the value that it gives */
	FIELD inverse_len = FIELD_ONE;
	PrioStatus status;

	for (size_t n = wire_len; n > 1; n /= 2)
		inverse_len = F(mul)(inverse_len, FIELD_HALF);
	for (size_t k = 0; k < wire_len; k++)
		shift[k] = F(mul)(roots[k], inverse_len);
	memset(sums, 0, 2 * wire_len * sizeof(SUM));
	if (vdaf->parameters.chunk_length > 0)
		PROOF(chunk_powers)(vdaf, joint_rand, power, ratio);

	for (size_t j = 0; j < vdaf->arity; j += 2)
	{
		memset(a, 0, 2 * wire_len * sizeof(FIELD));
		a[0] = element(proof, j);
		if (j + 1 < vdaf->arity)
			b[0] = element(proof, j + 1);
		fill_wires(vdaf, meas, j / 2, power, ratio, a, b);
		second_wire_of_sum(vdaf, a, b);
		for (size_t k = 0; k < wire_len; k++)
			add_to(&sums[2 * k], a[k], b[k]);
		status = to_odd_powers(vdaf, a, shift, stop);
		if (status == PRIO_OK && vdaf->arity > 1)
			status = to_odd_powers(vdaf, b, shift, stop);
		if (status == PRIO_OK && prio_stopped(stop))
			status = PRIO_INTERRUPTED;
		if (status != PRIO_OK)
			return status;
		second_wire_of_sum(vdaf, a, b);
		for (size_t k = 0; k < wire_len; k++)
			add_to(&sums[2 * k + 1], a[k], b[k]);
	}

	for (size_t k = 0; k < 2 * wire_len; k++)
	{
		SUM sum = sums[k];

		values[k] = F(sum_reduce)(&sum);
	}
	if (vdaf->parameters.draft == PRIO3_DRAFT_8)
	{
		status = to_coefficients(vdaf, values, inverse_len, stop);
		if (status != PRIO_OK)
			return status;
	}
	for (size_t k = 0; k < 2 * wire_len - 1; k++)
		set_element(proof, vdaf->arity + k, values[k]);
	return PRIO_OK;
}

/* ------------------------------------------------------------------ querying */

/* One query: its vectors, and where its scratch memory is. */
typedef struct Query
{
	const Prio3Vdaf *vdaf;
	const uint8_t *meas;
	const uint8_t *seeds;  /* of the wires */
	const uint8_t *gadget; /* 2P - 1 values, or in draft 8 coefficients */
	const uint8_t *query_rand;
	const uint8_t *joint_rand;
	FIELD *wire_weight;   /* P: L_k(t) */
	FIELD *gadget_weight; /* 2P - 1: what the gadget's values are multiplied with to make G(t) */
	FIELD *power;         /* calls: a_i,j of the current column j */
	FIELD *ratio;         /* calls */
	FIELD *output;        /* P: G(w^k); in draft 8 alone */
} Query;

static size_t
PROOF(query_scratch)(const Prio3Vdaf *vdaf)
{
	size_t outputs = vdaf->parameters.draft == PRIO3_DRAFT_8 ? vdaf->wire_len : 0;

	return (3 * vdaf->wire_len + outputs + 2 * vdaf->calls) * sizeof(FIELD);
}

/*
 * Draft 8: outputs from coefficients. w^P = 1, so coefficient k + P goes with
 * coefficient k; then it is a transform.
 */
static PrioStatus
outputs_from_coefficients(Query *q, PrioStop stop)
{
	size_t wire_len = q->vdaf->wire_len;

	for (size_t k = 0; k < wire_len; k++)
	{
		q->output[k] = element(q->gadget, k);
		if (k + wire_len < 2 * wire_len - 1)
			q->output[k] = F(add)(q->output[k], element(q->gadget, k + wire_len));
	}
	return DOMAIN(transform)(q->output, wire_len, q->vdaf->roots, 2 * wire_len, false, stop);
}

/* The output of call k, from 1. */
static inline FIELD
output_of_call(const Query *q, size_t k)
{
	if (q->vdaf->parameters.draft == PRIO3_DRAFT_8)
		return q->output[k];
	return element(q->gadget, 2 * k);
}

/* G(t). */
static FIELD
gadget_at_t(const Query *q)
{
	SUM sum = {0};

	for (size_t k = 0; k < 2 * q->vdaf->wire_len - 1; k++)
		add_to(&sum, q->gadget_weight[k], element(q->gadget, k));
	return F(sum_reduce)(&sum);
}

/* Wire values of the circuits without chunks: every wire has the elements as they are. */
static void
plain_wires(const Query *q, uint8_t *verifier)
{
	const Prio3Vdaf *vdaf = q->vdaf;
	SUM common = {0};

	for (size_t i = 0; i < vdaf->calls; i++)
		add_to(&common, q->wire_weight[i + 1], element(q->meas, i));
	for (size_t j = 0; j < vdaf->arity; j++)
	{
		SUM sum = common;

		add_to(&sum, q->wire_weight[0], element(q->seeds, j));
		set_element(verifier, 1 + j, F(sum_reduce)(&sum));
	}
}

/*
 * f_2j(t) and f_2j+1(t) for all j: column by column of the chunks, so that the sums stay in
 * registers and the powers of different calls do not wait for each other
 * (docs/prio3.md, "One pass over the measurement").
 */
static PrioStatus
chunk_wires(const Query *q, uint8_t *verifier, PrioStop stop)
{
	const Prio3Vdaf *vdaf = q->vdaf;
	size_t chunk = (size_t) vdaf->parameters.chunk_length;
	size_t last_row = row_length(vdaf, vdaf->calls - 1);
	FIELD constant = FIELD_ZERO;
	size_t steps = 0;

	PROOF(chunk_powers)(vdaf, q->joint_rand, q->power, q->ratio);
	for (size_t i = 0; i < vdaf->calls; i++)
	{
		q->power[i] = F(mul)(q->power[i], q->wire_weight[i + 1]);
		constant = F(add)(constant, q->wire_weight[i + 1]);
	}
	constant = F(mul)(constant, FIELD_HALF); /* each of the two servers subtracts 1/2 */

	for (size_t j = 0; j < chunk; j++)
	{
		size_t rows = j < last_row ? vdaf->calls : vdaf->calls - 1;
		const uint8_t *column = q->meas + j * FIELD_SIZE;
		SUM even = {0};
		SUM odd = {0};

		for (size_t i = 0; i < rows; i++)
		{
			FIELD x = element(column, i * chunk);

			add_to(&even, q->power[i], x);
			add_to(&odd, q->wire_weight[i + 1], x);
			q->power[i] = F(mul)(q->power[i], q->ratio[i]);
			if (++steps % STEPS_TO_STOP == 0 && prio_stopped(stop))
				return PRIO_INTERRUPTED;
		}
		add_to(&even, q->wire_weight[0], element(q->seeds, 2 * j));
		add_to(&odd, q->wire_weight[0], element(q->seeds, 2 * j + 1));
		set_element(verifier, 1 + 2 * j, F(sum_reduce)(&even));
		set_element(verifier, 2 + 2 * j, F(sub)(F(sum_reduce)(&odd), constant));
	}
	return PRIO_OK;
}

/* The sum of so many elements. */
static FIELD
sum_of_elements(const uint8_t *vector, size_t count)
{
	SUM sum = {0};

	for (size_t i = 0; i < count; i++)
		F(sum_add)(&sum, element(vector, i));
	return F(sum_reduce)(&sum);
}

/* The second result of the circuits that have two. */
static FIELD
second_result(const Query *q)
{
	const Prio3Vdaf *vdaf = q->vdaf;
	FIELD sum;

	switch (vdaf->parameters.kind)
	{
		case PRIO3_HISTOGRAM:
			return F(sub)(sum_of_elements(q->meas, vdaf->meas_len), FIELD_HALF);
		case PRIO3_MULTIHOT_COUNT_VEC:
			sum = sum_of_elements(q->meas, vdaf->output_len);
			break;
		default: /* L1BoundSum */
			sum = FIELD_ZERO;
			for (size_t i = 0; i < vdaf->output_len; i++)
				sum = F(add)(sum, weighted_bits(vdaf, q->meas + i * vdaf->bits * FIELD_SIZE));
	}
	return F(sub)(sum,
				  weighted_bits(vdaf, q->meas + (vdaf->meas_len - vdaf->bits) * FIELD_SIZE));
}

/* The first element of the verifier: the results of the circuit, reduced to one. */
static FIELD
results(const Query *q)
{
	const Prio3Vdaf *vdaf = q->vdaf;
	bool draft_8 = vdaf->parameters.draft == PRIO3_DRAFT_8;
	SUM sum = {0};
	FIELD first;
	FIELD r;

	switch (vdaf->parameters.kind)
	{
		case PRIO3_COUNT:
			return F(sub)(output_of_call(q, 1), element(q->meas, 0));
		case PRIO3_SUM:
			if (!draft_8 && vdaf->calls == 1)
				return output_of_call(q, 1);
			r = draft_8 ? element(q->joint_rand, 0) : FIELD_ZERO;
			first = r;
			for (size_t k = 0; k < vdaf->calls; k++)
			{
				add_to(&sum, draft_8 ? first : element(q->query_rand, k),
					   output_of_call(q, k + 1));
				if (draft_8)
					first = F(mul)(first, r);
			}
			return F(sum_reduce)(&sum);
		default:
			break;
	}

	for (size_t k = 1; k <= vdaf->calls; k++)
		F(sum_add)(&sum, output_of_call(q, k));
	first = F(sum_reduce)(&sum);
	if (vdaf->parameters.kind == PRIO3_SUM_VEC)
		return first;
	if (draft_8)
	{
		r = element(q->joint_rand, 1);
		return F(mul)(r, F(add)(first, F(mul)(r, second_result(q))));
	}
	return F(add)(F(mul)(element(q->query_rand, 0), first),
				  F(mul)(element(q->query_rand, 1), second_result(q)));
}

static PrioStatus
PROOF(query)(const Prio3Vdaf *vdaf, const uint8_t *meas, const uint8_t *proof,
			 const uint8_t *query_rand, const uint8_t *joint_rand, uint8_t *verifier,
			 void *scratch, PrioStop stop)
{
	size_t order = 2 * vdaf->wire_len;
	FIELD t = element(query_rand, vdaf->query_rand_len - 1);
	FIELD *memory = scratch;
	PrioStatus status;
	Query q = {
		.vdaf = vdaf,
		.meas = meas,
		.seeds = proof,
		.gadget = proof + vdaf->arity * FIELD_SIZE,
		.query_rand = query_rand,
		.joint_rand = joint_rand,
		.wire_weight = memory,
		.gadget_weight = memory + vdaf->wire_len,
		.power = memory + 3 * vdaf->wire_len,
		.ratio = memory + 3 * vdaf->wire_len + vdaf->calls,
		.output = memory + 3 * vdaf->wire_len + 2 * vdaf->calls,
	};

	status = DOMAIN(wire_weights)(t, vdaf->roots, order, q.wire_weight, stop);
	if (status != PRIO_OK)
		return status;
	if (vdaf->parameters.draft == PRIO3_DRAFT_8)
	{
		DOMAIN(powers)(t, q.gadget_weight, order - 1);
		status = outputs_from_coefficients(&q, stop);
	}
	else
		status = DOMAIN(gadget_weights)(t, vdaf->roots, order, q.gadget_weight, stop);
	if (status != PRIO_OK)
		return status;
	if (vdaf->parameters.chunk_length > 0)
	{
		status = chunk_wires(&q, verifier, stop);
		if (status != PRIO_OK)
			return status;
	}
	else
		plain_wires(&q, verifier);
	set_element(verifier, 0, results(&q));
	set_element(verifier, vdaf->verifier_len - 1, gadget_at_t(&q));
	return PRIO_OK;
}

/* ------------------------------------------------------------------ deciding */

static bool
PROOF(decide)(const Prio3Vdaf *vdaf, const uint8_t *share_a, const uint8_t *share_b)
{
	SUM products = {0};
	FIELD y = F(add)(element(share_a, vdaf->verifier_len - 1),
					 element(share_b, vdaf->verifier_len - 1));
	FIELD v = F(add)(element(share_a, 0), element(share_b, 0));
	bool fits;

	for (size_t j = 1; j <= vdaf->arity; j += 2)
	{
		FIELD a = F(add)(element(share_a, j), element(share_b, j));
		FIELD b = vdaf->parameters.kind == PRIO3_SUM ?
			F(sub)(a, FIELD_ONE) :
			F(add)(element(share_a, j + 1), element(share_b, j + 1));

		add_to(&products, a, b);
	}
	fits = F(is_zero)(F(sub)(F(sum_reduce)(&products), y));
	/* The verdict is what all of this is for. */
	return prio_declassify(F(is_zero)(v) & fits) != 0;
}
