/*
 * keccak_template.h
 *		Keccak-p[1600, 12] on several states at once: included once by each variant.
 *
 * LANE is a word of every state, in a register: XOR, XOR5, ROL and CHI (a ^ (~b & c)) compute with
 * it, CONSTANT makes one of a round constant, LOAD and STORE move it, KECCAK is the name
 * to define and KECCAK_TARGET its attributes. Word i of the states is at state[i * KECCAK_WIDTH].
 *
 * The assignments are the definition of FIPS 202, section 3.2, written out: theta (c, d), then rho
 * and pi (b) and chi row by row, iota at the end of the first row.
 */

/* Round constants of the last 12 of 24 rounds. */
static const uint64_t keccak_constants[12] =
	{UINT64_C(0x000000008000808b), UINT64_C(0x800000000000008b), UINT64_C(0x8000000000008089),
	 UINT64_C(0x8000000000008003), UINT64_C(0x8000000000008002), UINT64_C(0x8000000000000080),
	 UINT64_C(0x000000000000800a), UINT64_C(0x800000008000000a), UINT64_C(0x8000000080008081),
	 UINT64_C(0x8000000000008080), UINT64_C(0x0000000080000001), UINT64_C(0x8000000080008008)};

KECCAK_TARGET static void
KECCAK(uint64_t *state)
{
	LANE a[25];
	LANE e[25];
	LANE b0, b1, b2, b3, b4;
	LANE c0, c1, c2, c3, c4;
	LANE d0, d1, d2, d3, d4;

	/* Written out, or the compiler keeps a and e in memory. */
	a[0] = LOAD(state + (size_t) 0 * KECCAK_WIDTH);
	a[1] = LOAD(state + (size_t) 1 * KECCAK_WIDTH);
	a[2] = LOAD(state + (size_t) 2 * KECCAK_WIDTH);
	a[3] = LOAD(state + (size_t) 3 * KECCAK_WIDTH);
	a[4] = LOAD(state + (size_t) 4 * KECCAK_WIDTH);
	a[5] = LOAD(state + (size_t) 5 * KECCAK_WIDTH);
	a[6] = LOAD(state + (size_t) 6 * KECCAK_WIDTH);
	a[7] = LOAD(state + (size_t) 7 * KECCAK_WIDTH);
	a[8] = LOAD(state + (size_t) 8 * KECCAK_WIDTH);
	a[9] = LOAD(state + (size_t) 9 * KECCAK_WIDTH);
	a[10] = LOAD(state + (size_t) 10 * KECCAK_WIDTH);
	a[11] = LOAD(state + (size_t) 11 * KECCAK_WIDTH);
	a[12] = LOAD(state + (size_t) 12 * KECCAK_WIDTH);
	a[13] = LOAD(state + (size_t) 13 * KECCAK_WIDTH);
	a[14] = LOAD(state + (size_t) 14 * KECCAK_WIDTH);
	a[15] = LOAD(state + (size_t) 15 * KECCAK_WIDTH);
	a[16] = LOAD(state + (size_t) 16 * KECCAK_WIDTH);
	a[17] = LOAD(state + (size_t) 17 * KECCAK_WIDTH);
	a[18] = LOAD(state + (size_t) 18 * KECCAK_WIDTH);
	a[19] = LOAD(state + (size_t) 19 * KECCAK_WIDTH);
	a[20] = LOAD(state + (size_t) 20 * KECCAK_WIDTH);
	a[21] = LOAD(state + (size_t) 21 * KECCAK_WIDTH);
	a[22] = LOAD(state + (size_t) 22 * KECCAK_WIDTH);
	a[23] = LOAD(state + (size_t) 23 * KECCAK_WIDTH);
	a[24] = LOAD(state + (size_t) 24 * KECCAK_WIDTH);
	for (int round = 0; round < 12; round += 2)
	{
		c0 = XOR5(a[0], a[5], a[10], a[15], a[20]);
		c1 = XOR5(a[1], a[6], a[11], a[16], a[21]);
		c2 = XOR5(a[2], a[7], a[12], a[17], a[22]);
		c3 = XOR5(a[3], a[8], a[13], a[18], a[23]);
		c4 = XOR5(a[4], a[9], a[14], a[19], a[24]);
		d0 = XOR(c4, ROL(c1, 1));
		d1 = XOR(c0, ROL(c2, 1));
		d2 = XOR(c1, ROL(c3, 1));
		d3 = XOR(c2, ROL(c4, 1));
		d4 = XOR(c3, ROL(c0, 1));
		b0 = XOR(a[0], d0);
		b1 = ROL(XOR(a[6], d1), 44);
		b2 = ROL(XOR(a[12], d2), 43);
		b3 = ROL(XOR(a[18], d3), 21);
		b4 = ROL(XOR(a[24], d4), 14);
		e[0] = CHI(b0, b1, b2);
		e[1] = CHI(b1, b2, b3);
		e[2] = CHI(b2, b3, b4);
		e[3] = CHI(b3, b4, b0);
		e[4] = CHI(b4, b0, b1);
		e[0] = XOR(e[0], CONSTANT(keccak_constants[round]));
		b0 = ROL(XOR(a[3], d3), 28);
		b1 = ROL(XOR(a[9], d4), 20);
		b2 = ROL(XOR(a[10], d0), 3);
		b3 = ROL(XOR(a[16], d1), 45);
		b4 = ROL(XOR(a[22], d2), 61);
		e[5] = CHI(b0, b1, b2);
		e[6] = CHI(b1, b2, b3);
		e[7] = CHI(b2, b3, b4);
		e[8] = CHI(b3, b4, b0);
		e[9] = CHI(b4, b0, b1);
		b0 = ROL(XOR(a[1], d1), 1);
		b1 = ROL(XOR(a[7], d2), 6);
		b2 = ROL(XOR(a[13], d3), 25);
		b3 = ROL(XOR(a[19], d4), 8);
		b4 = ROL(XOR(a[20], d0), 18);
		e[10] = CHI(b0, b1, b2);
		e[11] = CHI(b1, b2, b3);
		e[12] = CHI(b2, b3, b4);
		e[13] = CHI(b3, b4, b0);
		e[14] = CHI(b4, b0, b1);
		b0 = ROL(XOR(a[4], d4), 27);
		b1 = ROL(XOR(a[5], d0), 36);
		b2 = ROL(XOR(a[11], d1), 10);
		b3 = ROL(XOR(a[17], d2), 15);
		b4 = ROL(XOR(a[23], d3), 56);
		e[15] = CHI(b0, b1, b2);
		e[16] = CHI(b1, b2, b3);
		e[17] = CHI(b2, b3, b4);
		e[18] = CHI(b3, b4, b0);
		e[19] = CHI(b4, b0, b1);
		b0 = ROL(XOR(a[2], d2), 62);
		b1 = ROL(XOR(a[8], d3), 55);
		b2 = ROL(XOR(a[14], d4), 39);
		b3 = ROL(XOR(a[15], d0), 41);
		b4 = ROL(XOR(a[21], d1), 2);
		e[20] = CHI(b0, b1, b2);
		e[21] = CHI(b1, b2, b3);
		e[22] = CHI(b2, b3, b4);
		e[23] = CHI(b3, b4, b0);
		e[24] = CHI(b4, b0, b1);

		c0 = XOR5(e[0], e[5], e[10], e[15], e[20]);
		c1 = XOR5(e[1], e[6], e[11], e[16], e[21]);
		c2 = XOR5(e[2], e[7], e[12], e[17], e[22]);
		c3 = XOR5(e[3], e[8], e[13], e[18], e[23]);
		c4 = XOR5(e[4], e[9], e[14], e[19], e[24]);
		d0 = XOR(c4, ROL(c1, 1));
		d1 = XOR(c0, ROL(c2, 1));
		d2 = XOR(c1, ROL(c3, 1));
		d3 = XOR(c2, ROL(c4, 1));
		d4 = XOR(c3, ROL(c0, 1));
		b0 = XOR(e[0], d0);
		b1 = ROL(XOR(e[6], d1), 44);
		b2 = ROL(XOR(e[12], d2), 43);
		b3 = ROL(XOR(e[18], d3), 21);
		b4 = ROL(XOR(e[24], d4), 14);
		a[0] = CHI(b0, b1, b2);
		a[1] = CHI(b1, b2, b3);
		a[2] = CHI(b2, b3, b4);
		a[3] = CHI(b3, b4, b0);
		a[4] = CHI(b4, b0, b1);
		a[0] = XOR(a[0], CONSTANT(keccak_constants[round + 1]));
		b0 = ROL(XOR(e[3], d3), 28);
		b1 = ROL(XOR(e[9], d4), 20);
		b2 = ROL(XOR(e[10], d0), 3);
		b3 = ROL(XOR(e[16], d1), 45);
		b4 = ROL(XOR(e[22], d2), 61);
		a[5] = CHI(b0, b1, b2);
		a[6] = CHI(b1, b2, b3);
		a[7] = CHI(b2, b3, b4);
		a[8] = CHI(b3, b4, b0);
		a[9] = CHI(b4, b0, b1);
		b0 = ROL(XOR(e[1], d1), 1);
		b1 = ROL(XOR(e[7], d2), 6);
		b2 = ROL(XOR(e[13], d3), 25);
		b3 = ROL(XOR(e[19], d4), 8);
		b4 = ROL(XOR(e[20], d0), 18);
		a[10] = CHI(b0, b1, b2);
		a[11] = CHI(b1, b2, b3);
		a[12] = CHI(b2, b3, b4);
		a[13] = CHI(b3, b4, b0);
		a[14] = CHI(b4, b0, b1);
		b0 = ROL(XOR(e[4], d4), 27);
		b1 = ROL(XOR(e[5], d0), 36);
		b2 = ROL(XOR(e[11], d1), 10);
		b3 = ROL(XOR(e[17], d2), 15);
		b4 = ROL(XOR(e[23], d3), 56);
		a[15] = CHI(b0, b1, b2);
		a[16] = CHI(b1, b2, b3);
		a[17] = CHI(b2, b3, b4);
		a[18] = CHI(b3, b4, b0);
		a[19] = CHI(b4, b0, b1);
		b0 = ROL(XOR(e[2], d2), 62);
		b1 = ROL(XOR(e[8], d3), 55);
		b2 = ROL(XOR(e[14], d4), 39);
		b3 = ROL(XOR(e[15], d0), 41);
		b4 = ROL(XOR(e[21], d1), 2);
		a[20] = CHI(b0, b1, b2);
		a[21] = CHI(b1, b2, b3);
		a[22] = CHI(b2, b3, b4);
		a[23] = CHI(b3, b4, b0);
		a[24] = CHI(b4, b0, b1);
	}
	STORE(state + (size_t) 0 * KECCAK_WIDTH, a[0]);
	STORE(state + (size_t) 1 * KECCAK_WIDTH, a[1]);
	STORE(state + (size_t) 2 * KECCAK_WIDTH, a[2]);
	STORE(state + (size_t) 3 * KECCAK_WIDTH, a[3]);
	STORE(state + (size_t) 4 * KECCAK_WIDTH, a[4]);
	STORE(state + (size_t) 5 * KECCAK_WIDTH, a[5]);
	STORE(state + (size_t) 6 * KECCAK_WIDTH, a[6]);
	STORE(state + (size_t) 7 * KECCAK_WIDTH, a[7]);
	STORE(state + (size_t) 8 * KECCAK_WIDTH, a[8]);
	STORE(state + (size_t) 9 * KECCAK_WIDTH, a[9]);
	STORE(state + (size_t) 10 * KECCAK_WIDTH, a[10]);
	STORE(state + (size_t) 11 * KECCAK_WIDTH, a[11]);
	STORE(state + (size_t) 12 * KECCAK_WIDTH, a[12]);
	STORE(state + (size_t) 13 * KECCAK_WIDTH, a[13]);
	STORE(state + (size_t) 14 * KECCAK_WIDTH, a[14]);
	STORE(state + (size_t) 15 * KECCAK_WIDTH, a[15]);
	STORE(state + (size_t) 16 * KECCAK_WIDTH, a[16]);
	STORE(state + (size_t) 17 * KECCAK_WIDTH, a[17]);
	STORE(state + (size_t) 18 * KECCAK_WIDTH, a[18]);
	STORE(state + (size_t) 19 * KECCAK_WIDTH, a[19]);
	STORE(state + (size_t) 20 * KECCAK_WIDTH, a[20]);
	STORE(state + (size_t) 21 * KECCAK_WIDTH, a[21]);
	STORE(state + (size_t) 22 * KECCAK_WIDTH, a[22]);
	STORE(state + (size_t) 23 * KECCAK_WIDTH, a[23]);
	STORE(state + (size_t) 24 * KECCAK_WIDTH, a[24]);
}
