package store

import "math/bits"

// castagnoliReversed is the polynomial of CRC-32C, the lowest power in the highest bit.
const castagnoliReversed = 0x82f63b78

// joiner makes the CRC-32C of two texts from theirs. It remembers what it had to
// compute for the length of the second one: that of most blocks is the same. The zero
// value works.
type joiner struct {
	n      int
	factor uint32
}

// join returns the CRC of a and b together, where a and b are theirs and n is the
// length of b's text.
func (j *joiner) join(a, b uint32, n int) uint32 {
	if j.n != n || j.factor == 0 {
		j.n, j.factor = n, powerOfX(uint64(n)*8)
	}
	return multiply(a, j.factor) ^ b
}

// one is x to the power of 0.
const one = uint32(1) << 31

// powerOfX returns x to the power of n, modulo the polynomial.
func powerOfX(n uint64) uint32 {
	power := one
	for i := bits.Len64(n) - 1; i >= 0; i-- {
		if power = multiply(power, power); n>>i&1 != 0 {
			power = multiply(power, one>>1)
		}
	}
	return power
}

// multiply multiplies two polynomials modulo the one of CRC-32C.
func multiply(a, b uint32) uint32 {
	var product uint32
	for ; a != 0; a <<= 1 {
		if a&one != 0 {
			product ^= b
		}
		lost := b & 1
		b = b>>1 ^ castagnoliReversed*lost
	}
	return product
}
