//go:build !linux

package store

// largePage is what there is on Linux only.
type largePage struct {
	rest []byte
}

func newLargePage() *largePage { return nil }
