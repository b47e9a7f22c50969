//go:build !linux

package main

import "time"

// programPages does nothing: only Linux counts the pages of a program that are in its
// cache as memory of the process.
type programPages struct{}

func (*programPages) drop()               {}
func (*programPages) dropAgain(time.Time) {}
