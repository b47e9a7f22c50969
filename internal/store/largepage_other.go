//go:build !linux

package store

func newLargePage() *largePage { return nil }

func (p *largePage) leave() {}
