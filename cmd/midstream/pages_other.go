//go:build !linux

package main

// dropStartPages does nothing: only Linux counts the pages of a program that are in
// its cache as memory of the process.
func dropStartPages() {}
