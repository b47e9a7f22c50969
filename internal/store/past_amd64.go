package store

import "unsafe"

// storePast stores n octets, more than 0, without a place in the caches. dst is a
// multiple of 16, n one of 64.
//
//go:noescape
func storePast(dst, src *byte, n uintptr)

const (
	storeAlignment = 16
	storeUnit      = 64
	// pastFrom is from how many octets on that is worth waiting for the memory.
	pastFrom = 4 << 10
)

// copyPast is copy, for octets that the disk reads next and no processor: they are
// stored past the caches. Else each line would be read from memory first, and push
// out what the body is decrypted from and encrypted to.
func copyPast(dst, src []byte) int {
	n := min(len(dst), len(src))
	if n < pastFrom {
		return copy(dst, src)
	}
	lead := -int(uintptr(unsafe.Pointer(unsafe.SliceData(dst)))) & (storeAlignment - 1)
	copy(dst[:lead], src)
	middle := (n - lead) &^ (storeUnit - 1)
	storePast(&dst[lead], &src[lead], uintptr(middle))
	copy(dst[lead+middle:n], src[lead+middle:n])
	return n
}
