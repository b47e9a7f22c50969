//go:build !windows

package main

import "os"

// showsColour tells whether a terminal understands escape sequences.
func showsColour(*os.File) bool { return true }
